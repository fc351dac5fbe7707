"""What the control plane commands is done on the media plane."""

import pytest

from sfu.control.commands import executor
from shared.messages import Command


class _Plane:
    """A media plane that notes what is ended."""

    def __init__(self) -> None:
        self.ended: list[dict[str, str | None]] = []

    def end_where(
        self, *, session: str | None = None, stream: str | None = None, account: str | None = None, reason: str
    ) -> int:
        self.ended.append({"session": session, "stream": stream, "account": account, "reason": reason})
        return 1


@pytest.mark.parametrize("target", ["session", "stream", "account"])
def test_a_command_ends_its_target_for_its_reason(target: str) -> None:
    """Exactly one target, and the reason that the session's end will tell."""
    plane = _Plane()
    executor(plane)(Command.model_validate({"id": "c1", "reason": "superseded", target: "x"}))
    assert plane.ended == [{"session": None, "stream": None, "account": None, "reason": "superseded", target: "x"}]
