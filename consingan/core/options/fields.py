"""Option fields: a type, limits and a help text. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

from consingan.errors import OptionError

LIMITS = frozenset({"gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern"})
"""The constraints that an option can have, by pydantic's names."""
LARGEST = 2**63 - 1
"""The largest number that an option can be; seeds use all of it."""
LONGEST = 200
"""The most characters of an invalid value that are shown."""


def option(
    default: Any,
    help: str,
    panel: str,
    words: Mapping[str, int] | None = None,
    advanced: bool = False,
    **limits: Any,
) -> Any:
    """A pydantic field that the command line can show.

    Args:
        default: the default value; `...` if a value is required.
        help: the effect on the picture, in one or two sentences.
        panel: the title of the group that the help shows it in.
        words: words that stand for numbers, such as `{"auto": 0}`.
        advanced: whether only `--help-all` shows it.
        limits: constraints from `LIMITS`, such as `ge=1`.

    Raises TypeError for a limit that isn't one of `LIMITS`.
    """
    if unknown := limits.keys() - LIMITS:
        known = ", ".join(sorted(LIMITS))
        raise TypeError(f"an option has no limit {min(unknown)!r}; there are: {known}")
    extra: JsonDict = {"panel": panel, "words": {**(words or {})}, "advanced": advanced}
    return Field(default, description=help, json_schema_extra=extra, **limits)


def words_of(field: FieldInfo) -> dict[str, int]:
    """The words that stand for numbers in this field."""
    words = _extra(field, "words")
    if not isinstance(words, dict):
        return {}
    return {word: number for word, number in words.items() if isinstance(number, int)}


def panel_of(field: FieldInfo) -> str:
    """The title of the group that the help shows a field in."""
    return str(_extra(field, "panel") or "Options")


def is_advanced(field: FieldInfo) -> bool:
    """Whether only `--help-all` shows a field."""
    return bool(_extra(field, "advanced"))


def _extra(field: FieldInfo, name: str) -> Any:
    extra = field.json_schema_extra
    return extra.get(name) if isinstance(extra, dict) else None


def in_words(field: FieldInfo, value: Any) -> str:
    """A field's value as text: `on` or `off`, or the word that stands for a number."""
    if isinstance(value, bool):
        return "on" if value else "off"
    numbers = {number: word for word, number in words_of(field).items()}
    return numbers.get(value, str(value)) if numbers else str(value)


def changed(model: type[Options], name: str, default: Any) -> Any:
    """A copy of a field of `model` with another default, for a mode's own options.

    Raises TypeError if `model` has no such field.
    """
    if name not in model.model_fields:
        raise TypeError(f"{model.__name__} has no option {name!r} to change")
    field = copy(model.model_fields[name])
    field.default = default
    return field


class Options(BaseModel):
    """The base class of all option models. They are frozen.

    Unknown names, NaN and infinity are errors.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _replace_word(cls, value: Any, info: ValidationInfo) -> Any:
        """Replace a word by the number that it stands for."""
        words = words_of(cls.model_fields[str(info.field_name)])
        return words.get(value, value) if isinstance(value, str) else value

    @field_validator("*", mode="after")
    @classmethod
    def _make_absolute(cls, value: Any) -> Any:
        """Make paths absolute, since a run may be resumed or applied from another folder."""
        if isinstance(value, list | tuple):
            return type(value)(map(cls._make_absolute, value))
        try:
            return value.expanduser().absolute() if isinstance(value, Path) else value
        except (RuntimeError, OSError):  # OSError: the working directory was deleted
            raise ValueError("the folder that it is in does not exist") from None

    @field_validator("*", mode="after")
    @classmethod
    def _bound(cls, value: Any) -> Any:
        """Refuse numbers that no picture needs, whose products would overflow."""
        if isinstance(value, int | float) and abs(value) > LARGEST:
            raise ValueError("the number is too large")
        return value


OptionsT = TypeVar("OptionsT", bound=Options)


def flag(field: str) -> str:
    """An option's name on the command line: `--train-stages` for `train_stages`."""
    return "--" + field.replace("_", "-")


def parse_options(model: type[OptionsT], values: Mapping[str, Any]) -> OptionsT:
    """Validate `values`. Raises OptionError, which names the first invalid option."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else None
        if first["type"] == "extra_forbidden":
            raise OptionError(f"there is no option {_short(field)}", None) from None
        message = first["msg"].removeprefix("Value error, ")[:LONGEST]
        if first["type"] == "missing":
            message = "it has to be given"
        elif field is not None:
            wrong = first["input"]
            shown = _short(str(wrong) if isinstance(wrong, Path) else wrong)
            message = f"{message[0].lower()}{message[1:]}, not {shown}"
        raise OptionError(message, field) from None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
