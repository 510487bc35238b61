"""Records which files a block of code writes, by Python's audit events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PATHS = {
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.truncate": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
}
"""Which arguments of an audit event are paths that it changes."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_seen: list[Path] | None = None
_hooked = False


@contextmanager
def writes() -> Iterator[list[Path]]:
    """Record the paths that the block creates, writes, moves or removes.

    Bytecode caches and devices are left out. Writes by C code and by other processes are not
    recorded.
    """
    global _seen, _hooked
    if not _hooked:  # an audit hook cannot be removed
        sys.addaudithook(_audit)
        _hooked = True
    seen: list[Path] = []
    _seen = seen
    try:
        yield seen
    finally:
        _seen = None


def outside(paths: list[Path], *folders: Path) -> list[Path]:
    """The paths that are in none of the folders."""
    inside = [folder.resolve() for folder in folders]
    return [path for path in paths if not any(path.is_relative_to(folder) for folder in inside)]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open":
        named = arguments[:1] if (arguments[2] or 0) & _WRITING else ()
    else:
        named = tuple(arguments[index] for index in _PATHS.get(event, ()))
    for name in named:
        if isinstance(name, int | None):  # a file descriptor
            continue
        path = Path(os.path.realpath(os.fsdecode(name)))
        if "__pycache__" not in path.parts and not path.is_relative_to("/dev"):
            _seen.append(path)
