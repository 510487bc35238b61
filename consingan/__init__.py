"""Learn from one picture, then make new ones.

`train` learns, `open_run` and `Run.apply` make pictures, `evaluate` scores them; `Mode`, `Listener`
and `hookimpl` are for plugins. `__init__.pyi` has all public names. Each is imported when it is
first used, since torch takes a second to load.
"""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from typing import Any

_STUB = ast.parse(pkgutil.get_data("consingan", "__init__.pyi") or b"")
_HOMES = {
    alias.name: str(node.module)
    for node in _STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
"""The module of each public name."""

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'consingan' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
