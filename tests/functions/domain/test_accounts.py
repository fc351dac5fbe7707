"""What an account, a key and a slot say of themselves at a given time."""

from functions.domain.accounts import AUDIENCE_SECONDS, Account, Audience, Key, Retiring, Slot, Stream, Token, Usage
from shared.grants import GRACE_SECONDS, GRANT_SECONDS
from shared.refusals import Code
from shared.tiers import Tier

NOVEMBER = 1_795_532_400.0
DECEMBER = NOVEMBER + 10 * 86400
FULL = Usage("2026-11", 5, 4)
KEY = Key("d" * 64, "acme", "c" * 16)


def test_an_unused_grant_is_usable_until_its_grace_is_over() -> None:
    """A grant that became a session is used, whatever the time."""
    slot = Slot("s", "b", 130)

    assert slot.granted_at == 130 - GRANT_SECONDS
    assert [slot.grant_usable(now) for now in (129.0, 129.9 + GRACE_SECONDS, 130.0 + GRACE_SECONDS)] == [
        True,
        True,
        False,
    ]
    assert not Slot("s", "b", 130, used_at=101).grant_usable(102)


def test_a_block_holds_for_its_month_only() -> None:
    """And an account without an owner is told of a quota, not of bandwidth that it could buy."""
    account, stream = (
        Account("acme", Tier.SOLO_CREATOR, blocked=FULL),
        Stream("s", "anon-x", Tier.ANONYMOUS, 1, 1, frozenset(), FULL),
    )

    paying, anonymous = account.over_quota(NOVEMBER), stream.over_quota(NOVEMBER)
    assert (paying and paying.code, anonymous and anonymous.code) == (Code.BANDWIDTH_EXCEEDED, Code.QUOTA_EXCEEDED)
    assert account.over_quota(DECEMBER) is stream.over_quota(DECEMBER) is None


def test_an_account_is_opened_by_its_tokens_while_they_last() -> None:
    """A token that was replaced opens it until its end; an account that lists none is opened by whichever names it."""
    account = Account("acme", Tier.REGISTERED, tokens=(Token.of("a" * 64), Token.of("b" * 64, until=10.0)))

    assert [account.opened_by(letter * 64, 9.0) for letter in "abc"] == [True, True, False]
    assert not account.opened_by("b" * 64, 10.0)
    assert Account("acme", Tier.REGISTERED).opened_by("c" * 64, 9.0)


def test_a_key_is_valid_until_it_is_revoked_or_lapses() -> None:
    """Whichever of the two comes first."""
    key = Key("d" * 64, "acme", "c" * 16, revoked_at=20.0, expires_at=10.0)

    assert [key.valid(now) for now in (9.9, 10.0, 20.0)] == [True, False, False]
    assert KEY.valid(1e12)


def test_a_note_of_waiting_viewers_lapses() -> None:
    """After as long as a node lets them wait."""
    key = Key("d" * 64, "acme", "c" * 16, audience=Audience("boot", 100.0))

    assert [key.awaited_at(now) for now in (100.0, 99.9 + AUDIENCE_SECONDS, 100.0 + AUDIENCE_SECONDS)] == [
        "boot",
        "boot",
        None,
    ]
    assert KEY.awaited_at(100.0) is None


def test_a_session_ends_with_the_secret_that_it_was_begun_with() -> None:
    """An earlier secret has an end of its own, an unknown one has ended, and a revocation ends all of them."""
    old = Retiring("e" * 64, 50.0)
    key = Key("d" * 64, "acme", "c" * 16, retiring=(old,))
    revoked = Key("d" * 64, "acme", "c" * 16, revoked_at=40.0, retiring=(old,))

    assert [key.ends_at(tag) for tag in (key.tag, b"", old.tag, b"gone")] == [None, None, 50.0, 0.0]
    assert [revoked.ends_at(tag) for tag in (key.tag, old.tag)] == [40.0, 40.0]
