"""The bridge between pydantic option models and Typer parameters; there is no other."""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Collection, Mapping
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from consingan.core.options import Options, flag, in_words, words_of
from consingan.errors import PluginError

SCALARS = (bool, int, float, str, Path)


OWN = {
    "train": {
        *("photo", "mode", "preset", "out", "naive", "parent", "device", "listen"),
        *("checkpoint_every", "as_json", "picture", "listeners", "help"),
    },
    "apply": {"run", "runs", "out", "device", "tile", "on_tile", "help"},
}
"""What the commands and functions that take a mode's options call their own: a mode cannot."""


def check_showable(model: type[Options], own: Collection[str] = ()) -> None:
    """Raise PluginError if the command line cannot show a field of `model`, by its type or name.

    `own` are the names of the command's own options.
    """
    for name, field in model.model_fields.items():
        if name in own or hasattr(Options, name):
            owner = "the command's own" if name in own else "pydantic's own methods"
            raise PluginError(
                f"option {name!r} of {model.__name__} has the name of one of {owner}; "
                "give it another"
            )
        annotation = _plain_type(field)
        if "ForwardRef" in str(annotation):
            raise PluginError(
                f"option {name!r} of {model.__name__} has a type that is not known at run time; "
                "import it outside of `if TYPE_CHECKING`"
            )
        if not _is_showable(annotation):
            shown = getattr(annotation, "__name__", None) or str(annotation)
            raise PluginError(
                f"option {name!r} of {model.__name__} has type {shown}, which the command line "
                "cannot show; use a number, bool, text, path, choice, or a tuple or list of them"
            )


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
    annotation, words = _plain_type(field), words_of(field)
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


def _plain_type(field: FieldInfo) -> Any:
    """A field's type without `| None` and without what pydantic checks beyond it."""
    annotation = _unannotated(field.annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return _unannotated(members[0]) if len(members) == 1 else annotation
    return annotation


def _unannotated(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_showable(annotation: Any) -> bool:
    if annotation in SCALARS:
        return True
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return True
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return all(isinstance(choice, str) for choice in arguments)
    if origin is list:
        return (
            len(arguments) == 1 and _is_showable(arguments[0]) and get_origin(arguments[0]) is None
        )
    if origin is tuple:
        return Ellipsis not in arguments and all(item in SCALARS for item in arguments)
    return False
