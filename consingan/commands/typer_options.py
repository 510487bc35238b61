"""Turning pydantic option models into Typer parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import typer
from pydantic.fields import FieldInfo

from consingan.console import literal
from consingan.core.options.fields import (
    Options,
    flag,
    in_words,
    is_advanced,
    panel_of,
    words_of,
)
from consingan.option_types import plain_type

ADVANCED = "Advanced"
"""The title of the group of options that only `--help-all` shows."""


def parameters(
    model: type[Options], preset: Mapping[str, Any] = MappingProxyType({})
) -> list[inspect.Parameter]:
    """One Typer option for each field of `model`.

    Its value is None unless it is given, so that presets can supply defaults. The help shows the
    default value of `preset`, or else the field's. Pydantic checks the limits.
    """
    return [
        _parameter(name, field, preset.get(name, field.default))
        for name, field in model.model_fields.items()
    ]


def with_options(
    command: Callable[..., None], options: list[inspect.Parameter]
) -> Callable[..., None]:
    """Set a signature on `command` for Typer: its own parameters, then `options`."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    signature = signature.replace(parameters=[*own, *options])
    # `inspect.signature` reads this attribute, which the type of functions doesn't have.
    cast(Any, command).__signature__ = signature
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the user gave, out of all values that Typer passes."""
    return {name: value for name, value in values.items() if value not in (None, [], ())}


def show_advanced(context: typer.Context, wanted: bool) -> None:
    """Print a command's help with its advanced options, if `wanted`, and exit."""
    if not wanted:
        return
    for parameter in context.command.params:
        if getattr(parameter, "rich_help_panel", None) == ADVANCED:
            cast(Any, parameter).hidden = False
    print(context.get_help(), end="")  # Typer prints it itself, and returns nothing
    raise typer.Exit


def _parameter(name: str, field: FieldInfo, default: Any) -> inspect.Parameter:
    annotation, words, advanced = plain_type(field), words_of(field), is_advanced(field)
    required = field.is_required()
    positive = flag(name)
    declaration = f"{positive}/{flag('no_' + name)}" if annotation is bool else positive
    info = typer.Option(
        ... if required else None,
        declaration,
        help=literal(description(field, default)),
        metavar="|".join([annotation.__name__.upper(), *words]) if words else None,
        show_default=False,
        hidden=advanced,
        rich_help_panel=ADVANCED if advanced else literal(panel_of(field)),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=info,
        annotation=annotation if required else (str if words else annotation) | None,
    )


def description(field: FieldInfo, default: Any) -> str:
    """A field's help text and its default, as the help and the docs show it."""
    if field.is_required() or default is None:
        return field.description or ""
    return f"{field.description or ''} Default: {in_words(field, default)}.".strip()
