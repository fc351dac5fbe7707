"""The node serves HTTPS from PEM files or PEM texts, and says so when it cannot."""

import asyncio
import datetime as dt
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sfu.signalling.certificate import Certificate, server_context


def self_signed() -> tuple[str, str]:
    """A certificate for localhost and its key, as PEM texts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()


async def _subject(context: ssl.SSLContext, trusted: str) -> str:
    """Whom a client sees that trusts *trusted*."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = ssl.create_default_context(cadata=trusted)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="localhost")
        certificate = writer.get_extra_info("peercert")
        writer.close()
        return str(certificate["subjectAltName"][0][1])


async def test_texts_serve_as_well_as_files(tmp_path: Path) -> None:
    """ECS hands secrets over as environment variables; nothing is written to a disk."""
    certificate, key = self_signed()
    assert await _subject(server_context(certificate, key), certificate) == "localhost"
    (tmp_path / "chain.pem").write_text(certificate)
    (tmp_path / "key.pem").write_text(key)
    files = server_context(str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))
    assert await _subject(files, certificate) == "localhost"


def test_a_key_that_does_not_belong_to_the_certificate_is_an_error() -> None:
    """Found at the start, not at the first client."""
    certificate, _ = self_signed()
    _, other = self_signed()
    with pytest.raises(OSError, match="KEY_VALUES_MISMATCH"):
        server_context(certificate, other)


def test_a_file_that_is_missing_is_an_error() -> None:
    """The node then does not start, either."""
    with pytest.raises(FileNotFoundError):
        server_context("/nowhere/chain.pem", "/nowhere/key.pem")


def later(file: Path, seconds: int) -> None:
    """Some kernels write the same time twice within milliseconds; nobody renews a certificate as fast."""
    os.utime(file, ns=(0, file.stat().st_mtime_ns + seconds * 10**9))


async def test_a_new_certificate_is_served_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """From the next connection on, once both files belong together; until then the old one is."""
    chain, private = tmp_path / "chain.pem", tmp_path / "key.pem"
    (first, first_key), (second, second_key) = self_signed(), self_signed()
    chain.write_text(first)
    private.write_text(first_key)
    served = Certificate(str(chain), str(private))
    assert not served.look()
    chain.write_text(second)
    later(chain, 1)
    assert not served.look()
    assert "the one before stays" in caplog.text
    assert await _subject(served.context, first) == "localhost"
    private.write_text(second_key)
    later(private, 2)

    assert served.look()
    assert await _subject(served.context, second) == "localhost"
    assert not served.look()
    with pytest.raises(ssl.SSLCertVerificationError):
        await _subject(served.context, first)


def test_texts_do_not_change() -> None:
    """There is no file to look at again."""
    assert not Certificate(*self_signed()).look()
