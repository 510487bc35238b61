"""The tensor files of a run folder: named, and checked against their checksums."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from consingan.core.runs.records import RESTORE
from consingan.core.system.atomic_files import read_file, write_bytes
from consingan.errors import DamagedError, RunError

if TYPE_CHECKING:
    from torch import Tensor


START = "start.safetensors"
"""The stage file that fine-tuning starts from."""
KNOWN = "known.png"
"""The file of the mask of known pixels, if the run doesn't know all of the picture."""
FIXED_NOISE = "fixed_noise.safetensors"
"""The file of the fixed noise, one tensor a stage, if it is kept by value."""
CHECKPOINTS = "checkpoints"
"""The folder of what was saved within a stage."""
MAX_BYTES = 2 * 10**9
"""Of a file of tensors; a larger one is refused unread."""

T = TypeVar("T")


def stage_file(stage: int) -> str:
    """The name of a stage's file in a run folder."""
    return f"stages/{stage:02}.safetensors"


def checkpoint_file(stage: int, step: int) -> str:
    """The name of the file that keeps a stage as it was after `step` steps."""
    return f"{CHECKPOINTS}/{stage:02}-{step:06}.safetensors"


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


def save_tensors(folder: Path, name: str, tensors: Mapping[str, Tensor], stage: int) -> str:
    """Write a file of tensors of a stage; its checksum. Raises RunError."""
    from safetensors.torch import save

    content = save(dict(tensors))
    try:
        (folder / name).parent.mkdir(exist_ok=True)
        write_bytes(folder / name, content)
    except OSError as error:
        safe = "; the stages before it are safe" if stage else ""
        raise RunError(
            f"cannot save stage {stage + 1} in {str(folder)!r}: {error.strerror}{safe}"
        ) from None
    return sha256(content)
