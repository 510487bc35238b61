"""The tensor files of a run folder: their names, and reading and writing with checksums."""

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
"""The file of the model that fine-tuning starts from."""
KNOWN = "known.png"
"""The file of the mask of known pixels, if not all of the picture is known."""
FIXED_NOISE = "fixed_noise.safetensors"
"""The file of the fixed noise, one tensor a stage, if it is stored."""
CHECKPOINTS = "checkpoints"
"""The folder of checkpoints within a stage."""
MAX_BYTES = 2 * 10**9
"""The largest tensor file that is read."""

T = TypeVar("T")


def stage_file(stage: int) -> str:
    """The path of a stage's file within the run folder."""
    return f"stages/{stage:02}.safetensors"


def checkpoint_file(stage: int, step: int) -> str:
    """The path, within the run folder, of the checkpoint after `step` steps of a stage."""
    return f"{CHECKPOINTS}/{stage:02}-{step:06}.safetensors"


def sha256(content: bytes) -> str:
    """The SHA-256 checksum of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_checked(folder: Path, name: str, checksum: str | None, limit: int = MAX_BYTES) -> bytes:
    """A file's content. Raises DamagedError if it is missing, too large, or has been changed."""
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
    """Read a tensor file and return `use(tensors)`.

    Raises DamagedError if the file is damaged, RunError if `use` fails.
    """
    from safetensors.torch import load

    content = read_checked(folder, name, checksum, limit)
    try:
        tensors = load(content)
        for key, tensor in tensors.items():
            if not tensor.isfinite().all():
                raise ValueError(f"tensor {key!r} has values that are not numbers")
        return use(tensors)
    except Exception as error:  # an untrusted file may hold anything, with a correct checksum
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"{str(folder / name)!r} does not fit the run: {reason}; {RESTORE}"
        ) from None


def save_tensors(folder: Path, name: str, tensors: Mapping[str, Tensor], stage: int) -> str:
    """Write a stage's tensors to a file, and return its checksum. Raises RunError."""
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
