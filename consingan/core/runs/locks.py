"""The lock of a run folder, so that only one process at a time trains the run."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from consingan.core.system.atomic_files import unshare
from consingan.errors import RunError

LOCK = ".lock"
PATIENCE = 2.0
"""Seconds to wait for the lock: `being_trained` holds it for a moment, in any process."""


@contextmanager
def training_lock(folder: Path) -> Iterator[None]:
    """Hold a run folder's lock. Raises RunError, naming the process that holds it already.

    The operating system manages the lock. It releases the lock when the process ends, even by a
    kill. The lock file names the process that holds it, and is not deleted.
    """
    from filelock import FileLock, Timeout

    file = folder / LOCK
    lock = FileLock(file, timeout=PATIENCE)
    try:
        unshare(file)
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

    lock_file = folder / LOCK
    lock = FileLock(lock_file, timeout=0)
    try:
        # A lock file with a second name elsewhere isn't touched.
        if not lock_file.is_file() or lock_file.stat().st_nlink > 1:
            return False
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
