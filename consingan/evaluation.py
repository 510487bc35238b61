"""Scores of what a run makes, and of other pictures beside it; `docs/metrics.md` explains them."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from consingan.core.config import Size
from consingan.core.run import Run
from consingan.errors import Note, OptionError, PictureError, RunError
from consingan.inception import find_inception, load_inception

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.metrics.frechet import EarlyInception
    from consingan.core.sampler import Sampler

LEAST_SAMPLES = 2
SAME_SIZE = 0.02
"""How far sides and aspect ratios may differ, relatively, and still count as the same."""
NO_SAMPLES = ("sheet", "reconstruction")
"""What files are called, after an optional prefix and a dash, that lie beside samples."""

Progress = Callable[[str, int, int], None]
"""Told what is being scored, how many are done, and of how many."""


class Scores(BaseModel):
    """What a set of pictures scores against the training picture, on average."""

    model_config = ConfigDict(frozen=True)
    pictures: int
    """How many they are."""
    patch_distance: float
    """See `PatchDistance`; lower is better."""
    sifid: float | None
    """See `FeatureDistance`; lower is better. None without Inception weights."""
    diversity: float | None
    """See `Diversity`. None for a single picture, and in modes that repaint."""
    distance: float
    """RMSE from the training picture, in [0, 1]; 0 for copies."""
    nearest: float
    """The smallest of these distances."""
    in_place: float
    """See `share_in_place`; 1 for copies."""


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
    samples: int = 50,
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
        samples: how many to make, at least two.
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

    if samples < LEAST_SAMPLES:
        raise OptionError(f"diversity needs {LEAST_SAMPLES} samples or more", "samples")
    files = None if against is None else _picture_files(Path(against))
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
    scorer = _Scorer(picture, network, diverse=not run.hooks.mode.takes_naive, progress=progress)
    theirs = None
    if files is not None:
        theirs = scorer.score("pictures", _load(files, scorer.size), len(files))
    rebuilt = _as_saved(sampler.reconstruction())  # and the sampler is warm
    clock = _Clock()
    ours = scorer.score("samples", clock.time(_samples(run, sampler, samples, seed)), samples)
    return Evaluation(
        run=str(run.path),
        mode=run.mode,
        size=scorer.size,
        seed=seed,
        source="changed pictures" if run.hooks.mode.takes_naive else "noise",
        samples=ours,
        against_folder=None if against is None else str(against),
        against=theirs,
        reconstruction_psnr=None if torch.equal(rebuilt, picture) else psnr(rebuilt, picture),
        reconstruction_ssim=ssim(rebuilt, picture),
        megapixels_per_second=samples
        * scorer.size.height
        * scorer.size.width
        / clock.seconds
        / 1e6,
        device=str(picture.device),
        inception=None if weights is None else str(weights),
    )


class _Scorer:
    """Scores sets of pictures against one, each picture seen once."""

    def __init__(
        self,
        reference: Tensor,
        network: EarlyInception | None,
        diverse: bool,
        progress: Progress | None,
    ) -> None:
        from consingan.core.metrics.frechet import FeatureDistance
        from consingan.core.metrics.patches import PatchDistance

        self._reference = reference
        self._patch_distance = PatchDistance(reference)
        self._feature_distance = (
            None if network is None else FeatureDistance(reference, network.to(reference.device))
        )
        self._diverse = diverse
        self._progress = progress

    @property
    def size(self) -> Size:
        """The reference's size."""
        return Size(*self._reference.shape[-2:])

    def score(self, name: str, pictures: Iterable[Tensor], count: int) -> Scores:
        """The scores of pictures, (1, 3, H, W) in [0, 1] on any device, nearly of its size."""
        from consingan.core.metrics.patches import share_in_place
        from consingan.core.metrics.pixels import Diversity, rmse
        from consingan.core.pyramid import resize

        diversity = Diversity()
        patches, features, distances, in_place = [], [], [], []
        for index, picture in enumerate(pictures):
            if self._progress is not None:
                self._progress(name, index, count)
            picture = picture.to(self._reference.device)
            # These two compare sets, which resampling would only blur.
            patches.append(self._patch_distance(picture))
            if self._feature_distance is not None:
                features.append(self._feature_distance(picture))
            picture = resize(picture, self.size)
            distances.append(rmse(picture, self._reference))
            in_place.append(share_in_place(picture, self._reference))
            diversity.add(picture)
        return Scores(
            pictures=count,
            patch_distance=_mean(patches),
            sifid=_mean(features) if features else None,
            diversity=diversity.relative_to(self._reference) if self._diverse else None,
            distance=_mean(distances),
            nearest=min(distances),
            in_place=_mean(in_place),
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


def _samples(run: Run, sampler: Sampler, count: int, seed: int) -> Iterator[Tensor]:
    """Samples as they would be saved, (1, 3, H, W) in [0, 1]."""
    from consingan.core.noise import Noise

    for index in range(count):
        if not run.hooks.mode.takes_naive:
            yield _as_saved(sampler.sample(index, seed))
            continue
        generator = Noise(seed).portable("evaluate", index)
        entering = run.hooks.training_input([sampler.picture.cpu()], run.options, generator)
        yield _as_saved(sampler.repaint(entering, index, seed))


def _as_saved(picture: Tensor) -> Tensor:
    """(1, 3, H, W) in [-1, 1] as its file would hold it, in [0, 1], on the same device."""
    from consingan.core.pictures import to_image, to_tensor

    return (to_tensor(to_image(picture)).to(picture.device) + 1) / 2


def _picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder by name, but those that are no samples. Raises OptionError."""
    from consingan.core.masks import SUFFIXES

    try:
        files = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise OptionError(f"cannot read {str(folder)!r}: {error.strerror}", "against") from None
    chosen = [file for file in files if file.stem.rpartition("-")[2] not in NO_SAMPLES]
    if not chosen:
        suffixes = ", ".join(SUFFIXES)
        raise OptionError(f"{str(folder)!r} holds no pictures ({suffixes})", "against")
    if any(file.suffix.lower() in (".jpg", ".jpeg") for file in chosen):
        warnings.warn(
            f"{str(folder)!r} holds JPEG files, whose compression moves the figures; "
            "the samples are scored as PNG",
            Note,
            stacklevel=3,
        )
    return sorted(chosen)


def _load(files: list[Path], size: Size) -> Iterator[Tensor]:
    """The files' pictures in [0, 1], each resized to `size` if it is not nearly that already."""
    from consingan.core.pictures import load_picture, to_tensor
    from consingan.core.pyramid import resize

    resized = 0
    for file in files:
        picture = load_picture(file)
        tall, wide = picture.size.height / size.height, picture.size.width / size.width
        # A thin picture's ratio is coarser than that: its sides are whole pixels.
        if abs(tall / wide - 1) > max(SAME_SIZE, 1 / min(size)):
            raise PictureError(
                f"{str(file)!r} has {picture.size} pixels but the training picture {size}; "
                "compare pictures of its aspect ratio"
            )
        pixels = to_tensor(picture.image)
        if max(abs(tall - 1), abs(wide - 1)) > max(SAME_SIZE, 1 / min(size)):
            pixels = resize(pixels, size)
            resized += 1
        yield (pixels + 1) / 2
    if resized:
        warnings.warn(f"{resized} of {len(files)} were resized to {size}", Note, stacklevel=2)


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
