"""One POST on one connection, by urllib3, to an address that was checked before; bounded in time and in bytes.

urllib3's connection is used by itself, without a pool: so there are no retries, no redirects, no proxies of the
environment and no names to resolve, only TLS and HTTP. It is given the address to connect to and, apart from it, the
name that the certificate must be for. Of the answer the status and the headers are read, never the body.
"""

import socket
import ssl
from collections.abc import Mapping, Sequence
from http.client import HTTPException, HTTPResponse
from io import BufferedReader
from time import monotonic
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import SKIP_HEADER

from functions.domain.destinations import Destination

LINE = 8192
"""Bytes that a line of an answer may have."""
LINES = 300
"""Lines that the statuses and headers of an answer may have, those of interim answers (1xx) included."""


class UndeliveredError(Exception):
    """The receiver did not take the message; the text is for the owner of the webhook."""


class PinnedPost:
    """Sends one request to the first of *addresses* that can be reached, until *deadline* by the monotonic clock.

    `status` blocks, so it runs in a thread; `abort` is for the thread that waits for it.
    """

    def __init__(self, to: Destination, addresses: Sequence[str], context: ssl.SSLContext, deadline: float) -> None:
        self._to = to
        self._addresses = addresses
        self._context = context
        self._deadline = deadline
        self._connection: HTTPConnection | None = None

    def status(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the final answer; `UndeliveredError` where there is none, `TimeoutError` where it is too late."""
        try:
            connection = self._connected()
            try:
                return self._answered(connection, headers, body)
            finally:
                connection.close()
        except NewConnectionError:  # before the next one, of which it is a kind to urllib3
            raise UndeliveredError("The connection failed.") from None
        except (TimeoutError, ConnectTimeoutError):
            raise TimeoutError from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or "it failed"
            raise UndeliveredError(f"TLS: {why}.") from None
        except OSError:
            raise UndeliveredError("The connection failed.") from None
        except HTTPException:
            raise UndeliveredError("The answer was not HTTP.") from None

    def abort(self) -> None:
        """End the connection under a thread that reads from it or writes to it, so that the thread ends as well."""
        found = self._connection.sock if self._connection is not None else None
        if found is not None:
            try:
                # Not the TLS socket's own shutdown, which takes apart what the other thread uses.
                socket.socket.shutdown(found, socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already, or about to begin TLS, whose time is limited

    def _connected(self) -> HTTPConnection:
        """A connection to the first address that takes one. Nothing is sent before that, so nothing is delivered twice."""
        failed: NewConnectionError | None = None
        for address in self._addresses:
            self._connection = connection = self._to_address(address)
            try:
                connection.connect()
            except NewConnectionError as error:
                # Nobody listens there, or there is no way to it, such as by IPv6 from a function.
                connection.close()
                failed = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        assert failed is not None  # noqa: S101 - there was an address
        raise failed

    def _to_address(self, address: str) -> HTTPConnection:
        if not self._to.tls:
            return _PlainConnection(address, self._to.port, timeout=self._left())
        return _TlsConnection(
            address, self._to.port, timeout=self._left(), ssl_context=self._context, server_hostname=self._to.host
        )

    def _answered(self, connection: HTTPConnection, headers: Mapping[str, str], body: bytes) -> int:
        connection.timeout = self._left()
        fields = {
            "Host": self._to.authority,
            "Content-Type": "application/json",
            "User-Agent": "Sluice-Webhooks/1",
            "Connection": "close",
            "Accept-Encoding": SKIP_HEADER,
            **headers,
        }
        connection.request("POST", self._to.target, body, fields, preload_content=False)
        response = connection.getresponse()
        response.close()
        if not 200 <= response.status < 600:
            raise HTTPException
        return response.status

    def _left(self) -> float:
        """The seconds until the deadline."""
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _BoundedReader(BufferedReader):
    """What a receiver says, as far as it is worth reading."""

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)
        self._lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 - ours is the smaller bound
        """The next line; `UndeliveredError` where it is too long, or one too many."""
        self._lines += 1
        if self._lines > LINES:
            raise UndeliveredError("There was no final answer.")
        line = super().readline(LINE + 1)
        if len(line) > LINE:
            raise UndeliveredError(f"A line of the answer has more than {LINE} bytes.")
        return line


class _FinalResponse(HTTPResponse):
    """The final answer to a request. http.client passes over 100 alone of the interim ones (RFC 9110, section 15.2)."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = _BoundedReader(self.fp.detach())

    def begin(self) -> None:
        """Read statuses and headers up to those of the final answer."""
        super().begin()
        while 100 < self.status < 200:
            # Where it has no headers, it reads the next answer.
            self.headers = self.msg = None  # type: ignore[assignment]  # as http.client begins
            super().begin()


class _PlainConnection(HTTPConnection):
    """For receivers on this machine, which the operator may allow."""

    response_class = _FinalResponse


class _TlsConnection(HTTPSConnection):
    """Checks the certificate against the name of the URL, although it connects to an address."""

    response_class = _FinalResponse
