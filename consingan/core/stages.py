"""The tensor files of a run folder: named, and checked against their checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from consingan.core.files import read_file
from consingan.core.records import RESTORE
from consingan.errors import DamagedError, RunError

if TYPE_CHECKING:
    from torch import Tensor

START = "start.safetensors"
"""The stage file that fine-tuning starts from."""
FIXED_NOISE = "fixed_noise.safetensors"
"""The file of the fixed noise, one tensor a stage, if it is kept by value."""
MAX_BYTES = 2 * 10**9
"""Of a file of tensors; a larger one is refused unread."""

T = TypeVar("T")


def stage_file(stage: int) -> str:
    """The name of a stage's file in a run folder."""
    return f"stages/{stage:02}.safetensors"


def sha256(content: bytes) -> str:
    """The checksum that state.json records."""
    return hashlib.sha256(content).hexdigest()


def read_checked(folder: Path, name: str, checksum: str | None, limit: int = MAX_BYTES) -> bytes:
    """A file's content. Raises DamagedError if it is missing, larger than `limit`, or changed."""
    content = read_file(folder, name, limit, RESTORE)
    if sha256(content) != checksum:
        raise DamagedError(f"{str(folder / name)!r} is damaged: its checksum differs; {RESTORE}")
    return content


def use_tensors(
    folder: Path,
    name: str,
    checksum: str | None,
    use: Callable[[dict[str, Tensor]], T],
    limit: int = MAX_BYTES,
) -> T:
    """What `use` makes of a file's tensors. Raises DamagedError, or RunError if they don't fit."""
    from safetensors.torch import load

    content = read_checked(folder, name, checksum, limit)
    try:
        return use(load(content))
    except Exception as error:  # of a stranger's file, whose checksum is the stranger's too
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"{str(folder / name)!r} does not fit the run: {reason}; {RESTORE}"
        ) from None
