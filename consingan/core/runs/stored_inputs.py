"""Reading the inputs that a run folder stores: pictures, known pixels and fixed noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from consingan.core.pictures.reading import load_picture
from consingan.core.pictures.resizing import build_pyramid
from consingan.core.pictures.tensors import to_tensor
from consingan.core.runs.records import RESTORE
from consingan.core.runs.tensor_files import FIXED_NOISE, KNOWN, sha256, use_tensors
from consingan.errors import RunError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.networks.noise import Noise
    from consingan.core.runs.folder import RunFolder


def read_pyramid(run: RunFolder, device: torch.device | str = "cpu") -> list[Tensor]:
    """The training picture at every stage, (1, 3, H, W) in [-1, 1].

    Raises RunError if the picture's file is not the one that was trained on.
    """
    file = run.path / "picture.png"
    picture = load_picture(file)
    _check(file, run.state.picture_sha256)
    if picture.size != run.sizes[-1]:
        raise RunError(f"{str(file)!r} is not the run's picture: its size is {picture.size}")
    return [level.to(device) for level in build_pyramid(to_tensor(picture.image), run.sizes)]


def read_known(run: RunFolder, device: torch.device | str = "cpu") -> list[Tensor] | None:
    """1 where the training picture is known and 0 elsewhere, (1, 1, H, W) at every stage.

    None if all of it is known. Raises RunError if the mask's file is damaged.
    """
    from consingan.core.pictures.known_pixels import known_pyramid
    from consingan.core.pictures.masks import load_mask

    if run.state.known_sha256 is None:
        return None
    file = run.path / KNOWN
    known = load_mask(file, run.sizes[-1])
    _check(file, run.state.known_sha256)
    return [level.to(device) for level in known_pyramid(known, run.sizes)]


def read_naive(run: RunFolder) -> Tensor | None:
    """The naive picture as reduced for training, (1, 3, H, W) in [-1, 1]; None if there is none.

    Raises RunError if it is missing from a run that is fine-tuned on it.
    """
    file = run.path / "naive.png"
    if not file.exists():
        if run.config.fine_tuned:
            raise RunError(f"{str(file)!r} is missing: the run is fine-tuned on it")
        return None
    return to_tensor(load_picture(file).image)


def read_noise(run: RunFolder, device: torch.device) -> Noise:
    """The run's noise: from its seed, or stored. Raises RunError if stored noise is damaged."""
    import torch

    from consingan.core.networks.noise import Noise, StoredNoise

    seed, checksum = run.options.seed, run.config.fixed_noise_sha256
    if checksum is None:
        return Noise(seed, device)

    def stored(levels: dict[str, Tensor]) -> Noise:
        if any(level.dtype != torch.float32 or level.ndim != 4 for level in levels.values()):
            raise RunError("it holds something other than float32 noise, (1, C, H, W)")
        return StoredNoise(seed, levels, device)

    return use_tensors(run.path, FIXED_NOISE, checksum, stored)


def _check(file: Path, checksum: str) -> None:
    if sha256(file.read_bytes()) != checksum:
        raise RunError(f"{str(file)!r} is damaged: its checksum differs; {RESTORE}")
