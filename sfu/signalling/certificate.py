"""Loads the node's own HTTPS certificate, from PEM files or from PEM texts, without leaving a key on a disk.

Files are looked at once a minute and loaded again when they changed, as certificates of 90 days do: new connections get the
new one, those that are open keep theirs. A pair that does not belong together, as while one of two files is written, changes
nothing and is tried again.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import Purpose, SSLContext, create_default_context
from typing import Final

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0


class Certificate:
    """The certificate of one listener; raises OSError (of which SSLError is one) where it cannot be loaded."""

    def __init__(self, certificate: str, key: str) -> None:
        self._sources = (certificate, key)
        self._seen = self._versions()
        self.context = server_context(certificate, key)
        """What connections are made with, now and later."""

    async def watch(self) -> None:
        """Look at the files for as long as the node runs."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> bool:
        """Load the files anew if they changed; whether that was done."""
        try:
            versions = self._versions()
            if versions == self._seen:
                return False
            # Elsewhere first: a context that was given half a pair is of no use to anybody.
            server_context(*self._sources)
            with _as_file(self._sources[0]) as chain, _as_file(self._sources[1]) as private:
                self.context.load_cert_chain(chain, private)
        except OSError as error:
            log.warning("the certificate changed and cannot be loaded; the one before stays: %s", error)
            return False
        self._seen = versions
        log.info("the certificate was loaded anew")
        return True

    def _versions(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(None if _is_text(source) else _version(source) for source in self._sources)


def server_context(certificate: str, key: str) -> SSLContext:
    """A context that serves *certificate* with *key*; raises OSError (of which SSLError is one)."""
    context = create_default_context(Purpose.CLIENT_AUTH)
    with _as_file(certificate) as chain, _as_file(key) as private:
        context.load_cert_chain(chain, private)
    return context


@contextmanager
def _as_file(pem: str) -> Iterator[str]:
    """A file name for *pem*: itself, or where it is a text, a file in memory, because OpenSSL here reads only files."""
    if not _is_text(pem):
        yield pem
        return
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, pem.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _is_text(pem: str) -> bool:
    return pem.lstrip().startswith("-----BEGIN")


def _version(path: str) -> tuple[int, int, int]:
    found = Path(path).stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
