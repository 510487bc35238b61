"""Trains pictures under presets and scores what comes out: how two recipes compare.

    python -m benchmarks.recipe PICTURE ... [--presets default draft] [--set niter=500 ...]
        [--judge judge.py] [--reduced 2 4 ...] [--beside FOLDER ...] [--runs runs] [--json]

Each line is the mean over the pictures. Times are of training alone, on this machine, beside
whatever else it does: compare lines of one call. `--judge` names a Python file with a function
`judge(real, samples)` for Pillow images that returns named figures, such as the team's. `--beside`
scores another tool's samples with it: a folder with one file of the same name for each picture.
`--reduced 2` has it judge the pictures at half their size as well, for the larger structures.
Samples are compared as JPEG of quality 75, since formats alone move the figures;
reduced, as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

import consingan
from benchmarks.shared import (
    Judge,
    Row,
    as_jpeg,
    command_line,
    load_judge,
    mean,
    options_of,
    print_means,
    run,
)
from consingan.core.options.presets import PRESETS
from consingan.core.pictures.reading import load_picture
from consingan.core.pictures.tensors import to_image

SAMPLES = 10


def train(picture: Path, preset: str, options: dict[str, Any], out: Path) -> consingan.Run:
    """A finished run; one that is there already is taken as it is."""
    folder = out / preset
    for found in sorted(folder.glob(f"{picture.stem}/*/state.json")):
        run = consingan.open_run(found.parent)
        if run.complete:
            return run
    return consingan.train(picture, preset=preset, runs=folder, **options)


def score(
    run: consingan.Run, picture: Path, judge: Judge | None, factors: Sequence[int] = ()
) -> Row:
    """The project's own metrics, and the judge's."""
    found = consingan.evaluate(run, num_samples=SAMPLES)
    row = {
        "seconds": sum(stage.seconds for stage in run.state.stages),
        "patch distance": found.samples.patch_distance,
        "diversity": found.samples.diversity or 0.0,
        "in place": found.samples.in_place,
        "PSNR": found.reconstruction_psnr or float("inf"),
    }
    if judge is not None:
        sampler = run.sampler()
        samples = [to_image(sampler.sample(index).cpu()) for index in range(SAMPLES)]
        real = load_picture(picture).image.resize(samples[0].size, Image.Resampling.BICUBIC)
        row |= named(judge(real, list(map(as_jpeg, samples))))
        for factor in factors:
            small = named(judge(real.reduce(factor), [sample.reduce(factor) for sample in samples]))
            row |= {f"{name} /{factor}": figure for name, figure in small.items()}
    return row


def named(figures: dict[str, float]) -> Row:
    """The judge's figures, without those that are counted here or need many samples."""
    return {name: float(figures[name]) for name in figures if name not in ("n", "diversity")}


def beside(folder: Path, pictures: Sequence[Path], judge: Judge) -> Row:
    """The judge's figures of another tool's samples, one a picture."""
    rows = []
    for picture in pictures:
        sample = load_picture(folder / picture.name).image
        rows.append(named(judge(load_picture(picture).image, [sample])))
    return mean(rows)


def main() -> int:
    """Train, score, print; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--presets", nargs="+", default=["default"], choices=list(PRESETS))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="any option")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--reduced", type=int, nargs="*", default=[], metavar="FACTOR")
    parser.add_argument("--beside", type=Path, nargs="*", default=[])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    if (given.beside or given.reduced) and given.judge is None:
        parser.error("--beside and --reduced need a --judge")
    judge = load_judge(given.judge)
    options: dict[str, Any] = options_of(given.set)
    each: dict[str, dict[str, Row]] = {}
    for preset in given.presets:
        each[preset] = {}
        for picture in given.pictures:
            run = train(picture, preset, options, given.runs)
            each[preset][picture.name] = score(run, picture, judge, given.reduced)
            print(preset, picture.name, each[preset][picture.name], file=sys.stderr, flush=True)
    means: dict[str, Row] = {name: mean(list(rows.values())) for name, rows in each.items()}
    if judge is not None:
        means |= {folder.name: beside(folder, given.pictures, judge) for folder in given.beside}
    print_means(means, each, given.json)
    return 0


if __name__ == "__main__":
    run(main)
