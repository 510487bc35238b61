"""Train a generator on one picture, and make new pictures with it.

`train` trains a run, `open_run` and `Run.apply` make pictures from it, and `evaluate` scores them.
`Mode`, `Listener` and `hookimpl` are for plugins. `__init__.pyi` lists all public names. Each is
imported when it is first used, since loading torch takes a second.
"""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from typing import Any

_STUB = ast.parse(pkgutil.get_data("consingan", "__init__.pyi") or b"")
_MODULES = {
    alias.name: str(node.module)
    for node in _STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
"""The module of each public name."""

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'consingan' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
