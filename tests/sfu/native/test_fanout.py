import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.setup.environments import ROOT
from sfu.native.build import compile_into
from sfu.native.fanout import DestinationArray, Fanout, Unavailable, native_run
from sfu.transport.srtp import PROFILES, Protection, SrtpProfile, nonce_base, split
from tests.drawn import repeatable
from tests.sfu.native.compiled import OTHER, compiled

AEAD = [profile for profile in PROFILES if profile.aead]


@pytest.fixture(scope="module")
def fanout() -> Fanout:
    """The compiled library of this machine."""
    return compiled()


@pytest.mark.parametrize("profile", AEAD, ids=lambda profile: str(profile.name))
@settings(max_examples=150, deadline=None)
@given(
    ssrc=st.integers(0, 2**32 - 1),
    first=st.integers(0, 2**47),
    behind=st.integers(0, 2**20),
    packets=st.lists(st.tuples(st.binary(min_size=12, max_size=40), st.binary(max_size=1400)), min_size=1, max_size=40),
)
def test_every_datagram_is_to_the_bit_what_python_seals(
    fanout: Fanout, profile: SrtpProfile, ssrc: int, first: int, behind: int, packets: list[tuple[bytes, bytes]]
) -> None:
    """For any SSRC, index, rollover, header and payload: a nonce that differed would be a broken stream, or a broken key."""
    material = repeatable(1)(2 * (profile.key + profile.salt))
    protection = Protection(split(profile, material, client=True), fanout)
    rollover = behind << 16
    target = protection.native_destination()
    assert target is not None
    assert protection.encrypt is not None
    target.begin(rollover)
    indices = [rollover + first + n for n in range(len(packets))]
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2)
        target.aim(receiver.getsockname())
        headers, payloads = [header for header, _ in packets], [payload for _, payload in packets]
        whole = native_run(ssrc, 0, headers, payloads, indices)
        assert fanout.send(sender.fileno(), whole, fanout.array([target]), 0) == 1
        arrived = receiver.recv(1 << 16)
    expected = b""
    for (header, payload), index in zip(packets, indices, strict=True):
        nonce = (nonce_base(ssrc, index - rollover) ^ protection.salt).to_bytes(12, "big")
        expected += header + protection.encrypt(nonce, payload, header)
    assert arrived == expected


@pytest.mark.parametrize(
    ("bound", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6), ("::", socket.AF_INET6)]
)
def test_it_reaches_addresses_of_both_families(fanout: Fanout, bound: str, family: socket.AddressFamily) -> None:
    """As the socket gives them: an IPv4 client of a socket for both is ::ffff:127.0.0.1, with flow and scope."""
    profile = AEAD[0]
    target = Protection(
        split(profile, os.urandom(2 * (profile.key + profile.salt)), client=True), fanout
    ).native_destination()
    assert target is not None
    reached = socket.AF_INET if bound == "::" else family
    with socket.socket(family, socket.SOCK_DGRAM) as node, socket.socket(reached, socket.SOCK_DGRAM) as client:
        if family == socket.AF_INET6:
            node.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        node.bind((bound, 0))
        node.settimeout(2)
        client.settimeout(2)
        client.bind(("127.0.0.1" if reached == socket.AF_INET else "::1", 0))
        client.sendto(b"hello", (client.getsockname()[0], node.getsockname()[1], *client.getsockname()[2:]))
        _, address = node.recvfrom(100)
        target.aim(address)
        whole = native_run(1, 0, [bytes(12)], [b"payload"], [1])
        assert fanout.send(node.fileno(), whole, fanout.array([target]), 0) == 1
        assert len(client.recv(100)) == 12 + 7 + 16


def test_what_is_larger_than_a_message_is_left_to_the_caller(fanout: Fanout) -> None:
    """Nothing is written past the library's memory, and nothing is sent."""
    profile = AEAD[0]
    target = Protection(
        split(profile, os.urandom(2 * (profile.key + profile.salt)), client=True), fanout
    ).native_destination()
    assert target is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.bind(("127.0.0.1", 0))
        target.aim(node.getsockname())
        whole = native_run(1, 60_016, [bytes(12)] * 2, [bytes(60_000)] * 2, [1, 2])
        assert fanout.send(node.fileno(), whole, fanout.array([target]), 0) == 0


def test_a_group_keeps_its_targets_and_they_keep_their_keys(fanout: Fanout) -> None:
    """A viewer may leave while a burst is on its way: no memory is freed under the library."""
    profile = AEAD[0]

    def made() -> DestinationArray:
        target = Protection(
            split(profile, os.urandom(2 * (profile.key + profile.salt)), client=True), fanout
        ).native_destination()
        assert target is not None
        target.aim(node.getsockname())
        return fanout.array([target])

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.bind(("127.0.0.1", 0))
        groups = [made() for _ in range(100)]
        for group in groups:
            assert fanout.send(node.fileno(), native_run(1, 0, [bytes(12)], [b"x"], [1]), group, 0) == 1


def test_a_library_without_openssl_is_named(fanout: Fanout) -> None:
    """Before anything is sent with it: Python sends then."""
    assert fanout is not None  # it was built, so what is missing is OpenSSL
    profile = AEAD[0]
    with pytest.raises(Unavailable, match="not loaded"):
        Fanout.load("/nowhere/libcrypto.so")
    with pytest.raises(Unavailable, match="EVP_CIPHER_CTX_new is missing"):
        Fanout.load(sys.modules["_asyncio"].__file__ or "")
    # What was loaded before works on.
    assert Protection(
        split(profile, os.urandom(2 * (profile.key + profile.salt)), client=True), fanout
    ).native_destination()


@pytest.mark.timeout(300)
def test_sanitizers_find_nothing_in_all_of_this(tmp_path: Path) -> None:
    """The tests here and those of forwarding, with AddressSanitizer and UndefinedBehaviorSanitizer watching each access."""
    if OTHER in os.environ:
        pytest.skip("this is that run")
    command = ["gcc", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover", "-Wno-maybe-uninitialized"]
    runtime = shutil.which("gcc") and subprocess.check_output(["gcc", "-print-file-name=libasan.so"], text=True).strip()
    if not runtime or not Path(runtime).exists():
        pytest.skip("there is no gcc with its sanitizers here")
    library = tmp_path / "fanout.so"
    compile_into(library, command)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            __file__,
            "tests/sfu/media/test_outgoing_rtp_stream.py",
        ],
        env=os.environ | {OTHER: str(library), "LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
