"""Bodies as models: what is wrong is refused by the field's name."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from functions.edge.validation import parsed
from shared.refusals import Code, Refused


class Sample(BaseModel):
    """A body with one strict field."""

    model_config = ConfigDict(strict=True)

    number: int = 3


def test_a_body_is_read_as_a_model() -> None:
    """Also base64, as API Gateway hands over what it takes for bytes; and where it is empty, by what stands for it."""
    assert parsed(Sample, {"body": '{"number": 5}'}) == Sample(number=5)
    assert parsed(Sample, {"body": "eyJudW1iZXIiOiA1fQ==", "isBase64Encoded": True}) == Sample(number=5)
    assert parsed(Sample, {"body": None}, empty="{}") == Sample()


def test_what_is_wrong_is_named() -> None:
    """By the field where it is one field, and in our words where it is the whole body."""
    events: list[dict[str, Any]] = [
        {"body": '{"number": "5"}'},
        {"body": "["},
        {"body": "!", "isBase64Encoded": True},
        {},
    ]
    found = [parsed(Sample, event) for event in events]

    assert all(isinstance(one, Refused) and one.code is Code.INVALID_REQUEST for one in found)
    assert [one.context.get("field") if isinstance(one, Refused) else "" for one in found] == [
        "number",
        None,
        None,
        None,
    ]
