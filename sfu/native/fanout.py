"""The compiled fan-out as Python sees it: ciphers, destinations, and one call that seals a burst for many and sends it.

fanout.c says what it does; sfu/media/sealing.py decides when it is used. Keys go in and never come out.
"""

import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, NewType, Self

from cffi import FFI

from sfu.native.build import library

Cipher = NewType("Cipher", object)
"""An AES-GCM key, ready; freed with the last who holds it."""

_NATIVE: Final = sys.byteorder
_DECLARATIONS: Final = """
struct destination {
    void *cipher;
    uint64_t rollover;
    uint8_t salt[12];
    uint32_t address_length;
    uint8_t address[28];
};
const char *fanout_open(const char *library);
void *fanout_cipher(const uint8_t *key, int length);
void fanout_free(void *cipher);
int fanout_send(int socket, uint32_t ssrc, uint16_t segment, const uint8_t *plain, uint32_t packets,
                const uint16_t *headers, const uint16_t *payloads, const uint64_t *indices,
                struct destination *const *destinations, int count);
"""


class Unavailable(Exception):  # noqa: N818 - no error: Python does the same
    """The library was not built here, or finds no OpenSSL; the text says which."""


class NativeDestination:
    """One viewer as the C code knows it: its key, its salt and its address."""

    __slots__ = ("_cipher", "_ffi", "record")

    def __init__(self, ffi: FFI, cipher: Cipher, salt: bytes) -> None:
        self._ffi = ffi
        self._cipher = cipher
        self.record: Any = ffi.new("struct destination *")
        """The `struct destination` that the library reads."""
        self.record.cipher = cipher
        self.record.salt = salt

    def aim(self, address: tuple[Any, ...]) -> None:
        """Send to *address* from now on: as the socket gave it, so numeric and of its family."""
        host, port, *scope = address
        if ":" in host:
            flow, zone = (*scope, 0, 0)[:2]
            packed = (
                socket.AF_INET6.to_bytes(2, _NATIVE)
                + port.to_bytes(2, "big")
                + flow.to_bytes(4, "big")
                + socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
                + zone.to_bytes(4, _NATIVE)
            )
        else:
            packed = socket.AF_INET.to_bytes(2, _NATIVE) + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)
        self._ffi.memmove(self.record.address, packed, len(packed))
        self.record.address_length = len(packed)

    def begin(self, rollover: int) -> None:
        """Take *rollover* off every index from now on, so that the viewer's rollover counter begins at 0."""
        self.record.rollover = rollover


class DestinationArray(NamedTuple):
    """Destinations as the library takes them, in an array of pointers, and as Python keeps them alive."""

    records: Any
    destinations: tuple[NativeDestination, ...]


class NativeRun(NamedTuple):
    """A run of packets that leaves as one message, as the library takes it: equal for all viewers until it is encrypted."""

    ssrc: int
    segment: int
    """Bytes of each datagram but the last; 0 where there is one."""
    plain: bytes
    """Header, payload, header, payload …"""
    headers: list[int]
    """The lengths of the headers."""
    payloads: list[int]
    """The lengths of the payloads."""
    indices: list[int]
    """Rollover counter and sequence number on the RTP stream, in 48 bits, before the viewer's own rollover is taken off."""


def native_run(
    ssrc: int, segment: int, headers: Sequence[bytes], payloads: Sequence[bytes], indices: list[int]
) -> NativeRun:
    """The run of these packets; *segment* is the length of all datagrams but the last, 0 where there is one."""
    parts = [b""] * (2 * len(headers))
    parts[0::2], parts[1::2] = headers, payloads
    return NativeRun(ssrc, segment, b"".join(parts), [*map(len, headers)], [*map(len, payloads)], indices)


class Fanout:
    """The loaded library: makes ciphers and destinations, and sends a run of packets to many."""

    def __init__(self, ffi: FFI, functions: Any) -> None:
        self._ffi = ffi
        self._cipher = functions.fanout_cipher
        self._free = functions.fanout_free
        self._send = functions.fanout_send

    @classmethod
    def load(cls, openssl: str, path: Path | None = None) -> Self:
        """The library at *path*, else the one that was built here, with AES-GCM of *openssl*.

        *openssl* is the file of a loaded library that has OpenSSL 3 in it. Raises `Unavailable`.
        """
        path = path or library()
        ffi = FFI()
        ffi.cdef(_DECLARATIONS)
        try:
            functions: Any = ffi.dlopen(str(path))
        except OSError as error:
            if path.exists():
                raise Unavailable(f"{path.name} cannot be loaded ({error}); remove it and build it anew.") from None
            raise Unavailable(f"{path.name} is not here; `python -m sfu.native.build` makes it.") from None
        missing = functions.fanout_open(openssl.encode())
        if missing != ffi.NULL:
            raise Unavailable(f"It found no OpenSSL: {ffi.string(missing).decode()} is missing.")
        return cls(ffi, functions)

    def cipher(self, key: bytes) -> Cipher:
        """The AES-GCM cipher of *key*, with 128 or 256 bits by its length. Raises MemoryError."""
        made = self._cipher(key, len(key))
        if made == self._ffi.NULL:
            raise MemoryError
        return Cipher(self._ffi.gc(made, self._free))

    def destination(self, cipher: Cipher, salt: bytes) -> NativeDestination:
        """A viewer with this cipher and *salt*, which is still to be aimed at an address."""
        return NativeDestination(self._ffi, cipher, salt)

    def array(self, destinations: Sequence[NativeDestination]) -> DestinationArray:
        """The array of *destinations*, in the order in which they are sent to."""
        return DestinationArray(
            self._ffi.new("struct destination *[]", [destination.record for destination in destinations]),
            tuple(destinations),
        )

    def send(self, fd: int, message: NativeRun, array: DestinationArray, at: int) -> int:
        """Seal *message* for each destination of *array* from *at* on and send it; how many were sent to.

        The next one was refused by the kernel, or cannot be sealed for: why is not told.
        """
        ssrc, segment, plain, headers, payloads, indices = message
        records, destinations = array
        sent: int = self._send(
            fd, ssrc, segment, plain, len(headers), headers, payloads, indices, records + at, len(destinations) - at
        )
        return sent
