"""The types and names of options that the command line supports."""

from __future__ import annotations

import enum
import keyword
import types
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from consingan.core.options.fields import Options
from consingan.errors import PluginError

SCALARS = (bool, int, float, str, Path)
RESERVED_NAMES = {
    "train": {
        *("photo", "mode", "preset", "name", "runs", "naive", "parent", "device", "listen"),
        *("checkpoint_every", "as_json", "picture", "listeners", "help", "help_all"),
        *("debug", "self", "progress"),
    },
    "apply": {
        "run",
        "runs",
        "out",
        "device",
        "tile",
        "on_tile",
        "help",
        "help_all",
        "debug",
        "self",
    },
}
"""Names that a mode's options cannot have, since commands and functions have such parameters."""


def check_showable(model: type[Options], own: Collection[str] = ()) -> None:
    """Raise PluginError if the command line doesn't support a field of `model`: its type or name.

    `own` has the names of the command's own parameters.
    """
    for name, field in model.model_fields.items():
        if name in own or hasattr(Options, name):
            owner = "the command's own" if name in own else "pydantic's own methods"
            raise PluginError(
                f"option {name!r} of {model.__name__} has the name of one of {owner}; "
                "give it another"
            )
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            reason = "a keyword of Python" if keyword.iskeyword(name) else "no name for a parameter"
            raise PluginError(
                f"option {name!r} of {model.__name__} has {reason} as its name; give it another"
            )
        opposite = name.removeprefix("no_")
        other = model.model_fields.get(opposite) if opposite != name else None
        if other is not None and plain_type(other) is bool:
            raise PluginError(
                f"option {name!r} of {model.__name__} has the flag that turns {opposite!r} off; "
                "give it another name"
            )
        annotation = plain_type(field)
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


def plain_type(field: FieldInfo) -> Any:
    """A field's type without `| None` and without pydantic's annotations."""
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
