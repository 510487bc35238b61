"""Compares with bicubic enlargement on detail that was held back.

    python -m benchmarks.compare_superres PHOTO ... [--factor 4] [--max-size 252] [--preset default]
        [--set niter=500 ...] [--judge judge.py] [--out FOLDER] [--json]

Each photo is reduced by the factor, learned from at that size only, and enlarged again. PSNR and
SSIM (higher is better) say how close the result is to the photo, pixel by pixel, which favours what
is blurred; the patch distance (lower is better), and the judge's figures, whether it looks alike.
`--judge` names a Python file with a function `judge(real, samples)` for Pillow images that returns
named figures. `--out` keeps the pictures.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan_superres.enlarging import back_project, enlarge
from consingan_superres.options import PROJECTIONS

import consingan
from benchmarks.shared import (
    Judge,
    Row,
    comparison_line,
    load_judge,
    mean,
    options_of,
    print_means,
    run,
)
from consingan import (
    PatchDistance,
    Size,
    fit,
    load_picture,
    psnr,
    resize,
    ssim,
    to_image,
    to_tensor,
)

if TYPE_CHECKING:
    from torch import Tensor


def held_back(photo: Path, max_size: int, factor: float) -> tuple[Tensor, Tensor]:
    """The photo, at most so large, and what is left of it when reduced; (1, 3, H, W) of 8 bits."""
    picture = load_picture(photo)
    small = fit(fit(picture.size, max_size), round(max(fit(picture.size, max_size)) / factor))
    size = Size(*(round(side * factor) for side in small))
    whole = to_tensor(to_image(resize(to_tensor(picture.image), size)))
    return whole, to_tensor(to_image(resize(whole, small)))


def enlargements(
    whole: Tensor, small: Tensor, preset: str, options: dict[str, Any], out: Path
) -> dict[str, Tensor]:
    """The reduced picture enlarged in each way."""
    size = Size(*whole.shape[-2:])
    run = consingan.train(
        to_image(small),
        mode="superres",
        preset=preset,
        runs=out,
        **{"max_size": max(small.shape[-2:]), **options},
    )
    sampler = run.sampler()
    bicubic = resize(small, size)
    return {
        "bicubic": bicubic,
        "bicubic, projected": back_project(bicubic, small, PROJECTIONS),
        "superres, not projected": enlarge(sampler, small, size, 0).cpu(),
        "superres": enlarge(sampler, small, size, PROJECTIONS).cpu(),
    }


def score(whole: Tensor, made: Tensor, judge: Judge | None) -> Row:
    """How close to the photo, and how alike."""
    first, second = (whole + 1) / 2, (made + 1) / 2
    row = {
        "PSNR": psnr(first, second),
        "SSIM": ssim(first, second) or 0.0,
        "patch distance": PatchDistance(first)(second),
    }
    if judge is not None:
        figures = judge(to_image(whole), [to_image(made)])
        row |= {name: float(figures[name]) for name in figures if name not in ("n", "diversity")}
    return row


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, enlarge, score, print; the exit code."""
    parser = comparison_line(__doc__, 252)
    parser.add_argument("--factor", type=float, default=4.0)
    given = parser.parse_args(arguments)
    if not given.factor > 1:
        parser.error("--factor has to be above 1")
    judge = load_judge(given.judge)
    options = options_of(given.set)
    each: dict[str, dict[str, Row]] = {}
    with tempfile.TemporaryDirectory() as runs:
        for photo in given.photos:
            whole, small = held_back(photo, given.max_size, given.factor)
            made = enlargements(whole, small, given.preset, options, given.out or Path(runs))
            each[photo.name] = {name: score(whole, made[name], judge) for name in made}
            if given.out:
                for name, picture in {"photo": whole, "reduced": small, **made}.items():
                    to_image(picture).save(given.out / f"{photo.stem}-{name}.png")
    ways = next(iter(each.values()))
    means = {way: mean([rows[way] for rows in each.values()]) for way in ways}
    print_means(means, each, given.json)
    return 0


if __name__ == "__main__":
    run(main)
