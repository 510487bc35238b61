"""The lock of a run folder, so that only one process at a time trains the run."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from consingan.errors import RunError

LOCK = ".lock"


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Hold a run folder's lock. Raises RunError, naming the process that holds it already.

    The operating system manages the lock. It releases the lock when the process ends, even by a
    kill. The lock file names the process that holds it, and is not deleted.
    """
    from filelock import FileLock, Timeout

    file = folder / LOCK
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{str(folder)!r} is being trained by {_holder(file)}; wait for it, or stop it"
        ) from None
    except OSError as error:
        raise RunError(f"cannot write to {str(folder)!r}: {error.strerror}") from None
    try:
        with suppress(OSError):  # a full disk: the next important write reports it
            file.write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        lock.release()


def being_trained(folder: Path) -> bool:
    """Whether a process holds a run folder's lock; False if that cannot be determined."""
    from filelock import FileLock, Timeout

    if not (folder / LOCK).is_file():
        return False
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _holder(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(100) or "another process"
    except OSError:  # Windows: locked files cannot be read
        return "another process"
