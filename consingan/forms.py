"""Options as data, for programs that show them: forms, and the command line that does the same."""

from __future__ import annotations

import enum
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from consingan.core.options.fields import Options, flag, is_advanced, panel_of, words_of
from consingan.option_types import plain_type

Kind = Literal["switch", "whole", "number", "text", "choice", "file", "several"]
"""What is asked for: `several` is a list or a tuple, the others are one value."""


@dataclass(frozen=True)
class OptionField:
    """An option as a form shows it."""

    name: str
    kind: Kind
    help: str
    panel: str
    """The title of the group that it belongs to."""
    advanced: bool
    required: bool
    """Whether a value has to be given."""
    default: Any
    """The value without which it stays; None for none."""
    low: float | None
    """The smallest value, or what a fraction has to be larger than; None for no limit."""
    high: float | None
    """The largest value likewise."""
    choices: tuple[str, ...]
    """The values of a choice; for other kinds, words that stand for numbers."""


def option_fields(
    model: type[Options], preset: Mapping[str, Any] = MappingProxyType({})
) -> list[OptionField]:
    """The options of a model, in its order. `preset` has other defaults than the model's."""
    return [
        _described(name, field, preset.get(name, field.default))
        for name, field in model.model_fields.items()
    ]


def command_line(*words: object, **options: Any) -> str:
    """A command of consingan, as it is typed into a shell.

    `words` are the command's name and its arguments, `options` its options by their names in
    Python: `command_line("generation", "train", "photo.jpg", niter=500)`. What is None is left out.
    """
    typed = ["consingan", *map(str, words)]
    for name, value in options.items():
        if isinstance(value, bool):
            typed.append(flag(name if value else f"no_{name}"))
        elif isinstance(value, list):
            typed += (word for item in value for word in (flag(name), str(item)))
        elif value is not None:
            several = value if isinstance(value, tuple) else (value,)
            typed += (flag(name), *map(str, several))
    return " ".join(map(shlex.quote, typed))


def _described(name: str, field: FieldInfo, default: Any) -> OptionField:
    words = words_of(field)
    named = {number: word for word, number in words.items()}
    low, high = _limits(field)
    return OptionField(
        name,
        _kind(plain_type(field)),
        field.description or "",
        panel_of(field),
        is_advanced(field),
        field.is_required(),
        None if field.is_required() else named.get(default, default) if named else default,
        low,
        high,
        tuple(words) or _choices(plain_type(field)),
    )


def _kind(annotation: Any) -> Kind:
    if get_origin(annotation) in (list, tuple):
        return "several"
    if _choices(annotation):
        return "choice"
    kinds: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", Path: "file"}
    return kinds.get(annotation, "text")


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return tuple(str(member.value) for member in annotation)
    return ()


def _limits(field: FieldInfo) -> tuple[float | None, float | None]:
    """The smallest and the largest value of a field, from pydantic's constraints."""
    found: dict[str, float] = {}
    for constraint in field.metadata:
        for name in ("gt", "ge", "lt", "le"):
            value = getattr(constraint, name, None)
            if isinstance(value, int | float):
                found[name] = value
    step = 1 if plain_type(field) is int else 0
    low = found["gt"] + step if "gt" in found else found.get("ge")
    high = found["lt"] - step if "lt" in found else found.get("le")
    return low, high
