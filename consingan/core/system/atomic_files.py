"""Atomic file writes, and safe reads from folders that may be untrusted."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from consingan.errors import DamagedError, RunError

if sys.platform != "win32":
    import fcntl

TEMPORARY = ".tmp"
"""The suffix of a file that is being written."""
Place = Callable[[Path, Path], object]
"""Gives a finished temporary file its name: called with the file's path and the name's."""


def write_atomically(
    path: Path, write: Callable[[BinaryIO], object], place: Place = os.replace
) -> None:
    """Write a temporary file beside `path` with `write`, sync it, and rename it to `path`.

    After a crash at any point, `path` holds either its old or its new content. `place` may give the
    file another name, in the same folder. Raises OSError.
    """
    with _temporary_file(path) as temporary:
        with temporary.open("wb") as file:  # so that its name is a path, which some writers read
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        place(temporary, path)
        _sync_folder(path.parent)


def place_new(temporary: Path, path: Path) -> None:
    """Name a finished file `path`. Raises FileExistsError if the name is taken; see `Place`."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # this file system has no hard links
        path.open("xb").close()
        temporary.replace(path)


def write_bytes(path: Path, content: bytes, place: Place = os.replace) -> None:
    """Write `content`; see `write_atomically`."""
    write_atomically(path, lambda file: file.write(content), place)


def write_json(path: Path, content: Any, place: Place = os.replace) -> None:
    """Write `content` as indented JSON; see `write_atomically`."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode(errors="backslashreplace")), place)


def unshare(path: Path) -> None:
    """Give a file with several names (hard links) a copy of its own, if it is there.

    Writing to it then changes no file elsewhere. Raises OSError.
    """
    with suppress(FileNotFoundError):
        if path.stat().st_nlink > 1:
            write_bytes(path, path.read_bytes())


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`."""
    for leftover in folder.glob(f".*.*.*{TEMPORARY}"):
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY)
            try:
                _lock(handle, wait=False)  # fails if a process is writing it
                leftover.unlink()
            finally:
                os.close(handle)


def read_file(folder: Path, name: str, limit: int, advice: str) -> bytes:
    """The content of a file, after the checks of `find_file`. Raises RunError."""
    file = _checked(folder, name, limit, advice)
    try:
        with Path(file).open("rb", buffering=0) as stream:
            return stream.read()
    except OSError as error:
        raise RunError(f"{file!r} cannot be read: {error.strerror}; {advice}") from None


def find_file(folder: Path, name: str, limit: int, advice: str) -> Path:
    """The path of a file, checked: a regular file inside `folder`, of at most `limit` bytes.

    The folder may be untrusted: links could point outside, and a pipe could block forever. Raises
    DamagedError if there is no such file, RunError if it cannot be examined. Messages end in
    `advice`.
    """
    return Path(_checked(folder, name, limit, advice))


def _checked(folder: Path, name: str, limit: int, advice: str) -> str:
    """What `find_file` does, without making paths: there may be ten thousand runs."""
    file = f"{folder}{os.sep}{name}"
    try:
        status, inside = os.lstat(file), "/" not in name
        if not (inside and stat.S_ISREG(status.st_mode)):
            real = Path(file).resolve(strict=True)
            status, inside = real.stat(), real.is_relative_to(folder.resolve())
    except FileNotFoundError:
        raise DamagedError(f"{file!r} is missing; {advice}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, until Python 3.13
        reason = getattr(error, "strerror", None) or "it links to itself"
        raise RunError(f"{file!r} cannot be read: {reason}; {advice}") from None
    if not inside:
        raise DamagedError(
            f"{file!r} links to a place outside the folder; copy the file itself there"
        )
    if not stat.S_ISREG(status.st_mode):
        raise DamagedError(f"{file!r} is not a file; {advice}")
    if status.st_size > limit:
        raise DamagedError(f"{file!r} has {status.st_size:,} bytes, more than {limit:,}; {advice}")
    return file


def check_entries(folder: Path) -> None:
    """Check that writing to the direct entries of `folder` stays inside it.

    Raises RunError if a link points outside, or if an entry is neither a file nor a folder.
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


def new_folder(parent: Path, name: str) -> Path:
    """Create a folder in `parent`, with missing parents. An existing name gets a number appended.

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


@contextmanager
def _temporary_file(path: Path) -> Iterator[Path]:
    """A new empty file beside `path`, locked as long as it is written; removed in the end."""
    # Short, as a name of 255 bytes may be all that the file system allows.
    prefix = f".{path.stem[:40]}{path.suffix[:10]}."
    while True:
        handle, name = tempfile.mkstemp(TEMPORARY, prefix, path.parent)
        temporary = Path(name)
        with suppress(OSError):  # not supported by some file systems
            _lock(handle, wait=True)
        if temporary.exists():
            break
        os.close(handle)  # `remove_leftovers` was faster than the lock
    windows = sys.platform == "win32"  # it renames no open file
    try:
        if windows:
            os.close(handle)
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not windows:
            os.close(handle)


def _lock(handle: int, wait: bool) -> None:
    """Lock an open file. Raises OSError if another process has. Windows removes no open file."""
    if sys.platform != "win32":
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    # A rename is durable once its folder is synced. Windows cannot open folders, and needs no sync.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # not supported by some file systems; the file itself is synced
                os.fsync(handle)
        finally:
            os.close(handle)
