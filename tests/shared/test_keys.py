"""A key is parsed strictly, compared by digest, and shown by nothing."""

import hashlib
import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.keys import (
    AccountToken,
    StreamKey,
    is_stream_id,
    new_account_token,
    new_session_id,
    new_stream_id,
    new_stream_key,
)


def test_a_new_key_parses_back_and_digests_as_sha256() -> None:
    """What is handed out is what is accepted, and storage sees SHA-256 of it."""
    key = new_stream_key(os.urandom)

    parsed = StreamKey.parse(key.reveal())

    assert parsed == key
    assert parsed is not None
    assert parsed.digest == hashlib.sha256(key.reveal().encode()).hexdigest()
    assert parsed.matches(key.digest)
    assert not parsed.matches(new_stream_key(os.urandom).digest)


def test_anonymous_keys_are_told_by_their_prefix() -> None:
    """`anon_` belongs to no account."""
    assert new_stream_key(os.urandom, anonymous=True).anonymous
    assert not new_stream_key(os.urandom).anonymous


@pytest.mark.parametrize("secret", [new_stream_key(os.urandom), new_account_token(os.urandom)])
def test_no_way_of_printing_shows_a_secret(secret: StreamKey | AccountToken) -> None:
    """Not repr, not str, not %-formatting, not an exception's text."""
    shown = f"{secret} {secret!r} {secret!s:>50} {[secret]} {ValueError(secret)}"

    assert secret.reveal() not in shown
    assert secret.reveal()[7:] not in shown
    assert secret.masked in shown
    assert secret.masked == f"{secret.reveal()[:7]}…"


BAD = [
    "",
    "live_",
    "live_" + "a" * 31,
    "live_" + "a" * 33,
    "LIVE_" + "a" * 32,
    "live_" + "1" * 32,
    "live_" + "a" * 32 + "\n",
    "live_" + "a" * 31 + "\0",
    "key_" + "a" * 32,
    "a" * 16,
    "live_%2F" + "a" * 29,
    "live_" + "a" * 10_000,
    "acct_" + "a" * 32,
]


@pytest.mark.parametrize("text", BAD)
def test_what_was_never_given_out_is_no_key(text: str) -> None:
    """Wrong alphabet, length, prefix, a stream id or an account token."""
    assert StreamKey.parse(text) is None


@given(st.text())
def test_parsing_never_raises(text: str) -> None:
    """Any text is a key or is not."""
    assert StreamKey.parse(text) is None


def test_ids_have_their_documented_shape() -> None:
    """Stream ids are told from keys by shape alone; session ids carry 128 bits."""
    assert is_stream_id(new_stream_id(os.urandom))
    assert not is_stream_id(new_stream_key(os.urandom).reveal())
    assert len(new_session_id(os.urandom)) == 26
    assert len({new_stream_id(os.urandom) for _ in range(1000)}) == 1000


def test_a_secret_survives_pickling_but_still_hides() -> None:
    """Processes may hand it on."""
    key = new_stream_key(os.urandom)

    assert pickle.loads(pickle.dumps(key)) == key  # noqa: S301 - our own bytes
