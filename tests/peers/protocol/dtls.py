"""DTLS-SRTP over memory: bytes in, bytes out, and the SRTP keys at the end (RFC 5763, RFC 5764).

The socket and the timer belong to the caller. The peer's certificate is accepted only when its digest is the one that
the signalling announced.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

HANDSHAKE_MTU = 1200


class Profile(StrEnum):
    """SRTP protection profiles by OpenSSL's names (RFC 5764, RFC 7714)."""

    GCM = "SRTP_AEAD_AES_128_GCM"
    CM = "SRTP_AES128_CM_SHA1_80"

    @property
    def salt_length(self) -> int:
        """Octets of master salt; the key is 16 in both."""
        return 12 if self is Profile.GCM else 14


@dataclass(frozen=True, slots=True)
class Keys:
    """Master keys with salts, as exported: ours protects what we send."""

    profile: Profile
    local_key: bytes
    local_salt: bytes
    remote_key: bytes
    remote_salt: bytes


class Identity:
    """A self-signed certificate and the context that uses it; one serves every session of a process."""

    def __init__(self, profiles: tuple[Profile, ...] = (Profile.GCM, Profile.CM)) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_TICKET)
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_tlsext_use_srtp(b":".join(p.value.encode() for p in profiles))


class Handshake:
    """One DTLS association, from its handshake to its end."""

    def __init__(self, identity: Identity, *, client: bool, fingerprint: str) -> None:
        self._client = client
        self._fingerprint = fingerprint.upper()
        self._ssl = SSL.Connection(identity.context)
        self._ssl.set_ciphertext_mtu(HANDSHAKE_MTU)
        if client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self.keys: Keys | None = None
        self.closed = False
        """The peer said close_notify, or a fatal alert ended the association."""

    def start(self) -> list[bytes]:
        """The first flight: the ClientHello, or nothing when the peer is to begin."""
        self._advance()
        return self._flight()

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take one datagram of the peer; what is to be sent in return."""
        self._ssl.bio_write(datagram)
        if self.keys is None:
            self._advance()
        if self.keys is not None:
            try:
                self._ssl.recv(1500)
            except SSL.ZeroReturnError:
                self.closed = True
            except SSL.WantReadError:
                pass
            except SSL.Error:
                self.closed = True
        return self._flight()

    def timeout(self) -> list[bytes]:
        """Retransmit what is due; call it every 100 ms or so until there are keys."""
        if self.keys is None and self._ssl.DTLSv1_get_timeout() is not None:
            self._ssl.DTLSv1_handle_timeout()
        return self._flight()

    def close(self) -> list[bytes]:
        """Say close_notify to the other side."""
        if self.keys is None:
            return []
        try:
            self._ssl.shutdown()
        except SSL.Error:
            return []
        return self._flight()

    def _advance(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self.closed = True
            return
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None or certificate.fingerprint(hashes.SHA256()).hex(":").upper() != self._fingerprint:
            self.closed = True
            return
        profile = Profile(self._ssl.get_selected_srtp_profile().decode())
        salt = profile.salt_length
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (16 + salt))
        # RFC 5764, section 4.2: client key, server key, client salt, server salt.
        client = material[:16], material[32 : 32 + salt]
        server = material[16:32], material[32 + salt :]
        local, remote = (client, server) if self._client else (server, client)
        self.keys = Keys(profile, *local, *remote)

    def _flight(self) -> list[bytes]:
        out: list[bytes] = []
        while True:
            try:
                # One read gives all that is pending; the flight is cut at DTLS record ends, two records may share a datagram.
                data = self._ssl.bio_read(65536)
            except SSL.Error:
                return out
            out += _datagrams(data)


def _datagrams(data: bytes) -> list[bytes]:
    """Cut a run of DTLS records into datagrams of at most the MTU (RFC 6347, section 4.1.1)."""
    out: list[bytes] = []
    start = at = 0
    while at < len(data):
        size = 13 + int.from_bytes(data[at + 11 : at + 13], "big")
        if at > start and at + size - start > HANDSHAKE_MTU:
            out.append(data[start:at])
            start = at
        at += size
    out.append(data[start:])
    return out
