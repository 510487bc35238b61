"""The bridge between pydantic option models and Typer parameters; there is no other."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import Any

import typer
from pydantic.fields import FieldInfo

from consingan.core.options.fields import Options, flag, in_words, words_of
from consingan.option_types import plain_type


def parameters(
    model: type[Options], preset: Mapping[str, Any] = MappingProxyType({})
) -> list[inspect.Parameter]:
    """One Typer option for each field of `model`.

    Each stays None unless it is given, so that a preset can tell; the help shows the default, which
    is the `preset`'s if it has one. Ranges stay in pydantic.
    """
    return [
        _parameter(name, field, preset.get(name, field.default))
        for name, field in model.model_fields.items()
    ]


def added_parameters(
    base: type[Options], models: Mapping[str, type[Options]]
) -> list[inspect.Parameter]:
    """What `models` add to `base`, for a command that serves them all: none has to be given.

    `models` are by the titles under which the help shows what each adds. What two add under one
    name is shown as the first one's.
    """
    added: dict[str, inspect.Parameter] = {}
    for title, model in models.items():
        for name, field in model.model_fields.items():
            if name not in base.model_fields and name not in added:
                optional = copy(field)
                optional.default = None
                default = None if field.is_required() else field.default
                added[name] = _parameter(name, optional, default, title)
    return list(added.values())


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the user gave, of all that Typer passed."""
    return {name: value for name, value in values.items() if value not in (None, [], ())}


def _parameter(
    name: str, field: FieldInfo, default: Any, title: str | None = None
) -> inspect.Parameter:
    annotation, words = plain_type(field), words_of(field)
    required = field.is_required()
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    positive = flag(name)
    declaration = f"{positive}/{flag('no_' + name)}" if annotation is bool else positive
    info = typer.Option(
        ... if required else None,
        declaration,
        help=description(field, default),
        metavar="|".join([annotation.__name__.upper(), *words]) if words else None,
        show_default=False,
        rich_help_panel=title or str(extra.get("panel", "Options")),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=info,
        annotation=annotation if required else (str if words else annotation) | None,
    )


def description(field: FieldInfo, default: Any) -> str:
    """What a field does, and its default: the text of the help and of the docs."""
    if field.is_required() or default is None:
        return field.description or ""
    return f"{field.description or ''} Default: {in_words(field, default)}.".strip()
