import stat
from pathlib import Path

from local.process.log import mask, readable
from tests.local.builders import log

KEY = "live_abcdefghijklmnopqrstuvwxyz234567"


def test_secrets_are_masked() -> None:
    """Keys, tokens and grants, wherever in a line they stand."""
    grant = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    assert mask(f"POST /{KEY}/whip?grant={grant} acct_{KEY[5:]}") == "POST /live_ab…/whip?grant=eyJ… acct_ab…"
    assert mask("a stream id abcdefghijklmnop stays") == "a stream id abcdefghijklmnop stays"


def test_structured_lines_read_as_sentences() -> None:
    """What Powertools' logger writes, without the fields that are the same in every line."""
    line = '{"level":"INFO","message":"admitted","timestamp":"x","service":"sluice","stream":"s","epoch":3}'
    assert readable(line) == "INFO admitted stream=s epoch=3"
    assert readable('{"level":"INFO","message":"m","node":"node1"}', "node1") == "INFO m"
    assert readable('{"_aws":{},"Admitted":[1]}') == ""
    assert readable("{not json") == "{not json"


def test_the_log_belongs_to_its_owner(tmp_path: Path) -> None:
    """It is written for one person, line by line, with the part that speaks."""
    written = log(tmp_path)
    written.write("node1", f"got {KEY}\n")
    written.close()
    written.write("node1", "after the end")
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
    assert written.path.read_text()[13:] == "node1        got live_ab…\n"
    assert written.tail("node1") == "  got live_ab…"
