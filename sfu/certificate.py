"""Loads the node's own HTTPS certificate, from PEM files or from PEM texts, without leaving a key on a disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import Purpose, SSLContext, create_default_context


def server_context(certificate: str, key: str) -> SSLContext:
    """A context that serves *certificate* with *key*; raises OSError (of which SSLError is one)."""
    context = create_default_context(Purpose.CLIENT_AUTH)
    with _as_file(certificate) as chain, _as_file(key) as private:
        context.load_cert_chain(chain, private)
    return context


@contextmanager
def _as_file(pem: str) -> Iterator[str]:
    """A file name for *pem*: itself, or where it is a text, a file in memory, because OpenSSL here reads only files."""
    if not pem.lstrip().startswith("-----BEGIN"):
        yield pem
        return
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, pem.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
