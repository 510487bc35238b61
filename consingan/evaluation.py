"""Scores of what a run makes, and of other pictures beside it; `docs/metrics.md` explains them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from consingan.core.metrics.folders import find_pictures, load_pictures
from consingan.core.metrics.scores import Progress, Scorer, Scores
from consingan.core.options.size import Size
from consingan.core.run import Run
from consingan.errors import OptionError, RunError
from consingan.inception import find_inception, load_inception

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.sampling.sampler import Sampler

LEAST_SAMPLES = 2


class Evaluation(BaseModel):
    """What `evaluate` found."""

    model_config = ConfigDict(frozen=True)
    run: str
    mode: str
    size: Size
    """Height and width of the pictures that are compared."""
    seed: int
    source: Literal["noise", "changed pictures"]
    """What the samples are made from: see `evaluate`."""
    samples: Scores
    against_folder: str | None
    against: Scores | None
    """The same scores of the pictures in that folder."""
    reconstruction_psnr: float | None
    """Decibels; None if the reconstruction is exact."""
    reconstruction_ssim: float | None
    """None for a picture smaller than SSIM's window, 11 pixels."""
    megapixels_per_second: float
    """Of sampling, one picture after another, from noise to 8-bit pixels."""
    device: str
    inception: str | None
    """The file of the weights, if SIFID is computed."""


def evaluate(
    run: Run | str | Path,
    num_samples: int = 50,
    *,
    against: str | Path | None = None,
    inception: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Evaluation:
    """Score samples of a finished run against the picture that it was trained on.

    They are what `apply` makes from noise with the same seed. Modes that repaint a naive picture
    have no samples from noise: there it is the training picture, changed at random as in training
    and repainted.

    Args:
        run: a run, or as in `open_run`.
        num_samples: how many to make, at least two.
        against: a folder whose pictures are scored as well. Files called sheet or reconstruction
            are left out. Pictures of another size are resized to the training picture's.
        inception: adds SIFID: a .pth file of Inception-v3 weights, or `download`.
        seed: which samples.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        progress: told before each picture is scored.

    Raises:
        OptionError: there are too few samples, or no pictures to compare with.
        PictureError: one of those cannot be read, or has another aspect ratio.
        RunError: the run is unfinished or damaged, or the weights cannot be used.
        ConsinganError: the weights cannot be downloaded.
    """
    from consingan.api import open_run

    if num_samples < LEAST_SAMPLES:
        raise OptionError(f"diversity needs {LEAST_SAMPLES} samples or more", "num_samples")
    files = None if against is None else find_pictures(Path(against))
    if not isinstance(run, Run):
        run = open_run(run)
    if not run.complete:
        done = f"{run.stages_done} of {len(run.sizes)} stages are trained"
        finish = f"finish it with: consingan resume {str(run.path)!r}"
        raise RunError(f"{str(run.path)!r} is unfinished: {done}; {finish}")

    weights = None if inception is None else find_inception(inception)

    import torch

    from consingan.core.metrics.pixels import psnr, ssim

    network = None if weights is None else load_inception(weights)
    sampler = run.sampler(device)
    picture = _as_saved(sampler.picture)
    repaints = run.hooks.mode.takes_naive
    scorer = Scorer(picture, network, diverse=not repaints, progress=progress)
    theirs = None
    if files is not None:
        theirs = scorer.score("pictures", load_pictures(files, scorer.size), len(files))
    rebuilt = _as_saved(sampler.reconstruction())  # and the sampler is warm
    make = _repainted if repaints else _sampled
    clock = _Clock()
    ours = scorer.score("samples", clock.time(make(run, sampler, num_samples, seed)), num_samples)
    return Evaluation(
        run=str(run.path),
        mode=run.mode,
        size=scorer.size,
        seed=seed,
        source="changed pictures" if repaints else "noise",
        samples=ours,
        against_folder=None if against is None else str(against),
        against=theirs,
        reconstruction_psnr=None if torch.equal(rebuilt, picture) else psnr(rebuilt, picture),
        reconstruction_ssim=ssim(rebuilt, picture),
        megapixels_per_second=num_samples * math.prod(scorer.size) / clock.seconds / 1e6,
        device=str(picture.device),
        inception=None if weights is None else str(weights),
    )


class _Clock:
    """Adds up the time that an iterator takes to make its items."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(self, pictures: Iterator[Tensor]) -> Iterator[Tensor]:
        while True:
            start = time.perf_counter()
            picture = next(pictures, None)
            self.seconds += time.perf_counter() - start
            if picture is None:
                return
            yield picture


def _sampled(run: Run, sampler: Sampler, count: int, seed: int) -> Iterator[Tensor]:
    """Samples from noise as they would be saved, (1, 3, H, W) in [0, 1]."""
    for index in range(count):
        yield _as_saved(sampler.sample(index, seed))


def _repainted(run: Run, sampler: Sampler, count: int, seed: int) -> Iterator[Tensor]:
    """The training picture, each time changed at random and repainted, likewise."""
    from consingan.core.networks.noise import Noise

    noise, picture = Noise(seed), sampler.picture.cpu()
    for index in range(count):
        generator = noise.portable("evaluate", index)
        changed = run.hooks.training_input([picture], run.options, generator)
        yield _as_saved(sampler.repaint(changed, index, seed))


def _as_saved(picture: Tensor) -> Tensor:
    """(1, 3, H, W) in [-1, 1] as its file would hold it, in [0, 1], on the same device."""
    from consingan.core.pictures.tensors import to_image, to_tensor

    return (to_tensor(to_image(picture)).to(picture.device) + 1) / 2
