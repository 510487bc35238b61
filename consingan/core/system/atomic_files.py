"""Files that are either whole or not there."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from consingan.errors import DamagedError, RunError

TEMPORARY = ".tmp"
"""The suffix of a file that is being written."""


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, sync it, and put it in place of `path`.

    Whatever happens, `path` holds its old content or all of the new. Raises OSError.
    """
    handle, name = tempfile.mkstemp(TEMPORARY, f".{path.name}.", path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with temporary.open("wb") as file:  # so that its name is a path, which some writers read
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` atomically. Raises OSError."""
    write_atomically(path, lambda file: file.write(content))


def write_json(path: Path, content: Any) -> None:
    """Write `content` atomically, in a form that people can read."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode(errors="backslashreplace"))


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that died while they wrote left in `folder`.

    Nobody may be writing there now.
    """
    for leftover in folder.glob(f".*{TEMPORARY}"):
        with suppress(OSError):
            leftover.unlink()


def read_file(folder: Path, name: str, limit: int, advice: str) -> bytes:
    """The content of a file that `find_file` finds. Raises RunError."""
    file = find_file(folder, name, limit, advice)
    try:
        return file.read_bytes()
    except OSError as error:
        raise RunError(f"{str(file)!r} cannot be read: {error.strerror}; {advice}") from None


def find_file(folder: Path, name: str, limit: int, advice: str) -> Path:
    """The path of a file that may be read: a plain one, in the folder, of `limit` bytes at most.

    The folder may be of a stranger: a link could lead anywhere, a pipe have no end. Raises
    DamagedError if there is no such file, RunError if it cannot be looked at; it ends in `advice`.
    """
    file = folder / name
    shown = repr(str(file))
    try:
        real = file.resolve(strict=True)
        status = real.stat()
        inside = real.is_relative_to(folder.resolve())
    except FileNotFoundError:
        raise DamagedError(f"{shown} is missing; {advice}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, until Python 3.13
        reason = getattr(error, "strerror", None) or "it links to itself"
        raise RunError(f"{shown} cannot be read: {reason}; {advice}") from None
    if not inside:
        raise DamagedError(
            f"{shown} links to a place outside the folder; copy the file itself there"
        )
    if not stat.S_ISREG(status.st_mode):
        raise DamagedError(f"{shown} is not a file; {advice}")
    if status.st_size > limit:
        raise DamagedError(f"{shown} has {status.st_size:,} bytes, more than {limit:,}; {advice}")
    return file


def check_entries(folder: Path) -> None:
    """Check that what is directly in `folder` can be written to without harm.

    Raises RunError if a link leads out of it, or if something is neither a file nor a folder.
    """
    try:
        inside = folder.resolve()
        for entry in folder.iterdir():
            if entry.is_symlink() and not entry.resolve().is_relative_to(inside):
                raise RunError(
                    f"{str(entry)!r} links to a place outside the folder; put what it links to "
                    "there itself"
                )
            if not (entry.is_file() or entry.is_dir()):
                raise RunError(f"{str(entry)!r} is neither a file nor a folder; remove it")
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a link in it links to itself"
        raise RunError(f"cannot look into {str(folder)!r}: {reason}") from None


def folder_name(name: str) -> str:
    """A name that is safe as a folder's on every system."""
    safe = "".join(c if c.isalnum() or c in " ._-" else "_" for c in name).strip(" .")
    return safe[:80] or "picture"


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder in `parent`, which is made as well; a name that is taken gets a number.

    Raises OSError.
    """
    for number in count(1):
        path = parent / (f"{name}-{number}" if number > 1 else name)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not parent.is_dir():
                raise
            continue
        return path
    raise AssertionError("count() does not end")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    # A rename is safe once its folder is; Windows can neither open nor needs to sync one.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # some file systems cannot; the file itself is synced
                os.fsync(handle)
        finally:
            os.close(handle)
