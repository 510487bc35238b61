"""Scoring a run's samples, and other pictures for comparison; see `docs/metrics.md`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from consingan.core.metrics.folders import find_pictures, load_pictures
from consingan.core.metrics.scores import PictureFacts, Progress, Scorer, Scores
from consingan.core.metrics.verdict import Verdict, judge
from consingan.core.options.fields import LARGEST
from consingan.core.options.size import Size
from consingan.core.run import Run
from consingan.core.system.torch_settings import own_settings
from consingan.errors import OptionError, RunError
from consingan.inception import find_inception, load_inception

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.sampling.sampler import Sampler

MIN_SAMPLES = 2


class Evaluation(BaseModel):
    """The result of `evaluate`."""

    model_config = ConfigDict(frozen=True)
    run: str
    mode: str
    size: Size
    """The size at which pictures are compared."""
    seed: int
    source: Literal["noise", "changed pictures"]
    """What the samples are made from; see `evaluate`."""
    samples: Scores
    picture: PictureFacts
    verdict: Verdict
    """What the figures mean, the likely cause, and the options to try next."""
    against_folder: str | None
    against: Scores | None
    """The scores of the pictures in `against_folder`."""
    reconstruction_psnr: float | None
    """In decibels; None if the reconstruction is exact."""
    reconstruction_ssim: float | None
    """None if the picture is smaller than SSIM's window of 11 pixels."""
    megapixels_per_second: float
    """Sampling speed, from noise to 8-bit pixels, one picture after another."""
    device: str
    inception: str | None
    """The file with the Inception weights, if SIFID is computed."""

    def __repr__(self) -> str:
        scores = self.samples
        return (
            f"Evaluation({self.run!r}, {self.verdict.finding}, "
            f"patch distance {scores.patch_distance:.4f} of {scores.pictures} samples)"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """What a notebook shows: the figures and the verdict."""
        from html import escape

        from consingan.core.pictures.html import table_html

        figures = self.samples.model_dump(exclude={"each"}).items()
        rows = [
            (name.replace("_", " "), "-" if value is None else f"{value:.4g}")
            for name, value in figures
        ]
        words = " ".join([f"{self.verdict.finding}.", self.verdict.words, self.verdict.cause])
        return table_html(("figure", "samples"), rows) + f"<p>{escape(words)}</p>"


@own_settings()
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

    The samples are those that `apply` makes from noise with the same seed. Modes that repaint have
    no samples from noise. There the training picture is changed as in training, and repainted.

    Args:
        run: a run, or as in `open_run`.
        num_samples: the number of samples, at least two.
        against: a folder of pictures to score too. Files called sheet or reconstruction are left
            out. Pictures of another size are resized to the training picture's.
        inception: a .pth file of Inception-v3 weights, or `download`. With it, SIFID is computed.
        seed: the seed of the samples.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        progress: called before each picture is scored.

    Raises:
        OptionError: `num_samples` is too small, or `against` has no pictures.
        PictureError: one of those cannot be read, or has another aspect ratio.
        RunError: the run is unfinished or damaged, or the weights cannot be used.
        ConsinganError: the weights cannot be downloaded.
    """
    from consingan.opening import open_run

    if not isinstance(seed, int) or not 0 <= seed <= LARGEST:
        raise OptionError("give a whole number from 0 to 2**63 - 1", "seed")
    if not isinstance(num_samples, int) or num_samples < MIN_SAMPLES:
        raise OptionError(f"diversity needs {MIN_SAMPLES} samples or more", "num_samples")
    files = None if against is None else find_pictures(Path(against))
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
    repaints = run.hooks.mode.repaints
    scorer = Scorer(picture, network, diverse=not repaints, progress=progress)
    theirs = None
    if files is not None:
        theirs = scorer.score("pictures", load_pictures(files, scorer.size), len(files))
    rebuilt = _as_saved(sampler.reconstruction())  # this also warms up before the timing
    make = _repainted if repaints else _sampled
    clock = _Clock()
    ours = scorer.score("samples", clock.time(make(run, sampler, num_samples, seed)), num_samples)
    facts = scorer.facts()
    return Evaluation(
        run=str(run.path),
        mode=run.mode,
        size=scorer.size,
        seed=seed,
        source="changed pictures" if repaints else "noise",
        samples=ours,
        picture=facts,
        verdict=judge(ours, facts, run.options, run.config.preset),
        against_folder=None if against is None else str(against),
        against=theirs,
        reconstruction_psnr=None if torch.equal(rebuilt, picture) else psnr(rebuilt, picture),
        reconstruction_ssim=ssim(rebuilt, picture),
        megapixels_per_second=num_samples * math.prod(scorer.size) / clock.seconds / 1e6,
        device=str(picture.device),
        inception=None if weights is None else str(weights),
    )


class _Clock:
    """Sums the time that an iterator takes to make its items."""

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
    """Yield samples from noise, rounded to 8 bits, (1, 3, H, W) in [0, 1]."""
    for index in range(count):
        yield _as_saved(sampler.sample(index, seed))


def _repainted(run: Run, sampler: Sampler, count: int, seed: int) -> Iterator[Tensor]:
    """Yield the training picture, changed at random and repainted, (1, 3, H, W) in [0, 1]."""
    from consingan.core.networks.noise import Noise

    noise, picture = Noise(seed), sampler.picture.cpu()
    for index in range(count):
        generator = noise.portable("evaluate", index)
        changed = run.hooks.training_input([picture], run.options, generator)
        yield _as_saved(sampler.repaint(changed, index, seed))


def _as_saved(picture: Tensor) -> Tensor:
    """(1, 3, H, W) in [-1, 1], rounded to 8 bits as in a file, in [0, 1]; on the same device."""
    from consingan.core.pictures.tensors import to_image, to_tensor

    return (to_tensor(to_image(picture)).to(picture.device) + 1) / 2
