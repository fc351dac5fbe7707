"""DTLS for one session, without I/O: datagrams in, datagrams out, and in the end the SRTP keys (RFC 5764).

The only module that touches OpenSSL.

It does what aiortc's RTCDtlsTransport does, on the same library (pyOpenSSL), but synchronously: no task a session, one
context a process (RTCDtlsTransport makes one a session: 0.3 ms and 21 kB each), timers driven by the plane's tick, and
without importing aiortc, whose package pulls in FFmpeg (34 MB of memory). Tests hold it against aiortc's own transport.
"""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from sfu.negotiation import DtlsRole, Fingerprint
from sfu.transport.srtp import PROFILES, SrtpKeys, split
from shared.end_reasons import EndReason

_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
_CIPHERS: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:"
    b"ECDHE-RSA-AES128-GCM-SHA256"
)
_MTU: Final = 1200


class DtlsState(StrEnum):
    """How far a DTLS association is, in the words of RTCDtlsTransportState."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class DtlsCertificate:
    """The certificate of this process, made when it starts, and the OpenSSL context that all handshakes share.

    It is valid from a day before *now*, in seconds since 1970, for ten years.
    """

    def __init__(self, now: float) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key, now)
        self.fingerprints = (Fingerprint("sha-256", _digest(certificate, "sha-256")),)
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU | SSL.OP_NO_COMPRESSION)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        # Certificates are self-signed; the fingerprint in the offer is what vouches for them (RFC 8122).
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_cipher_list(_CIPHERS)
        context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
        self.context = context


class Handshake:
    """The DTLS association of one session, in either *role*.

    The peer's certificate has to match *fingerprints*, those of its offer. When `state` is connected, `keys` has the SRTP keys;
    when it has failed, `reason` says why (`shared.end_reasons`).
    """

    __slots__ = ("_client", "_fingerprints", "_ssl", "keys", "reason", "state")

    def __init__(self, certificate: DtlsCertificate, role: DtlsRole, fingerprints: Sequence[Fingerprint]) -> None:
        self._client = role is DtlsRole.CLIENT
        self._fingerprints = fingerprints
        self._ssl = SSL.Connection(certificate.context)
        self._ssl.set_ciphertext_mtu(_MTU)
        if self._client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self.state = DtlsState.NEW
        self.reason = ""
        self.keys: SrtpKeys | None = None

    def start(self) -> list[bytes]:
        """Begin the handshake; returns the datagrams to send, which only a client has."""
        if self.state is DtlsState.NEW:
            self.state = DtlsState.CONNECTING
            self._advance()
        return self._flush()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram of the peer; returns the datagrams to send in return."""
        if self.state in (DtlsState.FAILED, DtlsState.CLOSED):
            return []
        self.state = DtlsState.CONNECTING if self.state is DtlsState.NEW else self.state
        self._ssl.bio_write(datagram)
        if self.state is DtlsState.CONNECTING:
            self._advance()
        if self.state is DtlsState.CONNECTED:
            self._read()
        return self._flush()

    def timer(self) -> list[bytes]:
        """Repeat the last flight if its time has come (RFC 6347, section 4.2.4); returns the datagrams to send."""
        if self.state is not DtlsState.CONNECTING or (left := self._ssl.DTLSv1_get_timeout()) is None or left > 0:
            return []
        with contextlib.suppress(SSL.Error):
            self._ssl.DTLSv1_handle_timeout()
        return self._flush()

    def close(self) -> list[bytes]:
        """End the association; returns the close_notify to send (RFC 5246, section 7.2.1)."""
        if self.state in (DtlsState.CONNECTING, DtlsState.CONNECTED):
            with contextlib.suppress(SSL.Error):
                self._ssl.shutdown()
        datagrams = self._flush() if self.state is DtlsState.CONNECTED else []
        self.state = DtlsState.CLOSED
        return datagrams

    def _advance(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self._fail(EndReason.DTLS_HANDSHAKE)
            return
        self._finish()

    def _finish(self) -> None:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None or not _vouched(certificate, self._fingerprints):
            self._fail(EndReason.DTLS_FINGERPRINT)
            return
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((profile for profile in PROFILES if profile.name == chosen), None)
        if profile is None:
            self._fail(EndReason.DTLS_NO_SRTP)
            return
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key + profile.salt))
        self.keys = split(profile, material, client=self._client)
        self.state = DtlsState.CONNECTED

    def _read(self) -> None:
        """Read what is expected, alerts and repeated flights; application data is thrown away."""
        for _ in range(4):
            try:
                self._ssl.recv(2048)
            except SSL.WantReadError:
                return
            except SSL.ZeroReturnError:
                self.state = DtlsState.CLOSED
                return
            except SSL.Error:
                self._fail(EndReason.DTLS_ALERT)
                return

    def _fail(self, reason: str) -> None:
        self.state = DtlsState.FAILED
        self.reason = reason

    def _flush(self) -> list[bytes]:
        parts: list[bytes] = []
        while True:
            try:
                parts.append(self._ssl.bio_read(65536))
            except SSL.Error:
                break
        return list(datagrams(b"".join(parts))) if parts else []


def datagrams(flight: bytes) -> Iterator[bytes]:
    """Cut *flight* into datagrams: a memory BIO forgets their borders, so whole records are packed up to the MTU again."""
    start = at = 0
    while at + 13 <= len(flight):
        # A DTLS 1.3 ciphertext (RFC 9147, section 4) has another head, and is the last of its flight.
        end = len(flight) if flight[at] >> 5 == 1 else at + 13 + (flight[at + 11] << 8 | flight[at + 12])
        if end - start > _MTU and at > start:
            yield flight[start:at]
            start = at
        at = end
    if start < len(flight):
        yield flight[start:]


def _vouched(certificate: x509.Certificate, fingerprints: Sequence[Fingerprint]) -> bool:
    """Whether for each hash function that we know one fingerprint matches, and there is at least one (RFC 8122, section 5).

    Several of one function are of several certificates, of which the peer may use any.
    """
    offered: dict[str, set[str]] = {}
    for fingerprint in fingerprints:
        offered.setdefault(fingerprint.algorithm.lower(), set()).add(fingerprint.value.upper())
    known = offered.keys() & _DIGESTS.keys()
    return bool(known) and all(_digest(certificate, algorithm) in offered[algorithm] for algorithm in known)


def _digest(certificate: x509.Certificate, algorithm: str) -> str:
    return certificate.fingerprint(_DIGESTS[algorithm]).hex(":").upper()


def _self_signed(key: ec.EllipticCurvePrivateKey, now: float) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sluice")])
    made = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made - timedelta(days=1))
        .not_valid_after(made + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
