"""Train a generator on one picture, and make new pictures with it.

`train` trains a run, `open_run` and `Run.apply` make pictures from it, and `evaluate` scores them.
`Mode`, `Listener` and `hookimpl` are for plugins. `__init__.pyi` lists all public names. Each is
imported when it is first used, since loading torch takes a second.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def _modules() -> dict[str, str]:
    """The module of each public name. Read when first asked for, so that Ctrl-C finds little."""
    import ast
    import pkgutil

    stub = ast.parse(pkgutil.get_data("consingan", "__init__.pyi") or b"")
    return {
        alias.name: str(node.module)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__all__":
        return __dir__()
    if name.startswith("__") or name not in _modules():
        raise AttributeError(f"module 'consingan' has no attribute {name!r}")
    return getattr(import_module(_modules()[name]), name)


def __dir__() -> list[str]:
    return sorted(_modules())
