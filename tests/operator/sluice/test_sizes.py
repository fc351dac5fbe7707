"""Numbers of bytes, read and shown."""

import pytest

from sluice.api import ApiCall
from sluice.arguments import parser
from sluice.sizes import parse_size, size_text
from tests.operator.sluice.fake_api import run


def test_a_size_has_the_largest_unit_that_it_fills() -> None:
    """Powers of 1000, as usage is counted."""
    assert [size_text(count) for count in (999, 1000, 1_234_567, 5 * 10**12)] == ["999 B", "1 kB", "1.23 MB", "5000 GB"]


@pytest.mark.parametrize(
    ("text", "count"), [("5000000000", 5 * 10**9), ("5GB", 5 * 10**9), ("1.5 tb", 15 * 10**11), ("0", 0), ("7kB", 7000)]
)
def test_bytes_may_have_a_unit(text: str, count: int) -> None:
    """Units are read as powers of 1000, and small letters are taken."""
    assert parse_size(text) == count
    given = parser().parse_args(["accounts", "set", "a", "--bytes", text])
    assert given.verb.call(given) == ApiCall("PATCH", "accounts/a", {"overrides": {"bytes": count}})


@pytest.mark.parametrize("text", ["plenty", "infGB", "nanGB", "1e999TB", "GB", ""])
def test_what_is_no_size_is_said(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """The message shows what a size looks like; infinite numbers are refused as well."""
    assert run("accounts", "set", "a", "--bytes", text)[0] == 2
    assert f"{text} is no number of bytes; 5000000000 is, and 5GB" in capsys.readouterr().err
