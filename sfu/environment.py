"""Reads settings from an environment, whole or not at all: pydantic-settings does it, and the words for what is wrong are ours.

Every mistake is named in one sentence (which variable, what is wrong with it, what to do), and all of them at once, so
that a deployment is not repaired one restart at a time. The environment is an argument: nothing here reads the process's own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

SHOWN: Final = 80
"""Characters of a wrong value that a message repeats."""


class SettingsError(ValueError):
    """The environment cannot be used; one sentence a line says why, and none shows a secret."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about a variable that is missing or wrong: the second half of the sentence. Stands in a field's `Annotated`."""

    text: str
    secret: bool = False
    """The variable may hold a credential, so no message shows its value."""


class EnvironmentSettings(BaseSettings):
    """Settings whose fields name their variable as `validation_alias`; a variable that is empty counts as not set."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=True,
        enable_decoding=False,  # each field reads its text itself; none is JSON by its type
        validate_default=False,  # a default is a value, not a text
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """The settings in *environ*; raises `SettingsError` with every mistake."""
        source = EnvSettingsSource(cls)
        source.env_vars = {name: environ[name] for name in _fields_by_variable(cls) if environ.get(name)}
        try:
            return cls(_build_sources=((source,), {}))
        except ValidationError as error:
            mistakes = list(_mistakes(error, _fields_by_variable(cls)))
        # Not from the library's error, whose text repeats values.
        raise SettingsError("\n".join(mistakes))


def _fields_by_variable(settings: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Each variable that *settings* read, with its field; where two fields read one variable, the last."""
    found: dict[str, FieldInfo] = {}
    for field in settings.model_fields.values():
        alias = field.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [alias]
        found |= {name: field for name in names if isinstance(name, str)}
    return found


def _mistakes(error: ValidationError, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    for mistake in error.errors(include_url=False):
        if mistake["type"] == "default_factory_not_called":
            continue  # its default is made of another field, which is wrong and named
        if not mistake["loc"]:
            yield str(
                mistake["ctx"]["error"]
            )  # of values that contradict each other: the sentence is the settings' own
            continue
        name = str(mistake["loc"][0])
        advice = next(each for each in fields[name].metadata if isinstance(each, Advice))
        if mistake["type"] == "missing":
            yield f"{name} is not set; {advice.text}."
        else:
            shown = "malformed" if advice.secret else repr(str(mistake["input"])[:SHOWN])
            yield f"{name} is {shown}; {advice.text}."
