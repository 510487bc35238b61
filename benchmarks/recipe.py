"""Trains pictures under presets and scores what comes out: how two recipes compare.

    python -m benchmarks.recipe FOLDER|PICTURE ... [--presets default draft] [--set niter=500 ...]
        [--judge judge.py] [--reduced 2 4 ...] [--beside FOLDER ...] [--runs runs] [--jobs auto]
        [--table] [--json]

The trainings are a batch of each preset in `--runs`/PRESET: the same command again goes on, and
trains nothing twice. Each line is the mean over the pictures; `--table` has a line for each picture
too, in Markdown: the table of published figures of docs/research.md over a folder. Times are of
training alone, beside whatever else the machine does: compare lines of one call. `--judge` names a
Python file with a function `judge(real, samples)` for Pillow images that returns named figures.
`--beside` scores another tool's samples with it, such as the published ones: a folder with one file
of the same name for each picture. `--reduced 2` has it judge the pictures at half their size as
well, for the larger structures. Samples are compared as JPEG of quality 75, since formats alone
move the figures; reduced, as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
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
from consingan.batches.jobs import find_sources
from consingan.core.options.presets import PRESETS
from consingan.core.pictures.reading import load_picture
from consingan.core.pictures.tensors import to_image
from consingan.errors import RunError

SAMPLES = 10


def train(
    pictures: Sequence[Path], preset: str, options: Mapping[str, Any], runs: Path, jobs: int | None
) -> dict[Path, consingan.Run]:
    """The finished run of each picture; those that are there already are taken as they are."""
    done = consingan.batch(
        pictures,
        preset=preset,
        sweep={name: [value] for name, value in options.items()},
        runs=runs / preset,
        resources=consingan.Resources(at_once=jobs),
        on_outcome=lambda outcome: print(preset, outcome, file=sys.stderr, flush=True),
    )
    trained = {}
    for row in done.rows:
        if row.outcome.run is None:
            raise RunError(f"{row.job.picture}: {row.outcome.error}")
        trained[Path(row.job.picture)] = consingan.open_run(row.outcome.run)
    return trained


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


def beside(folder: Path, pictures: Sequence[Path], judge: Judge) -> dict[str, Row]:
    """The judge's figures of another tool's samples, one a picture."""
    rows = {}
    for picture in pictures:
        sample = load_picture(folder / picture.name).image
        rows[picture.name] = named(judge(load_picture(picture).image, [sample]))
    return rows


def print_markdown(each: Mapping[str, Mapping[str, Row]]) -> None:
    """A table with a line for each picture and each recipe, and their means."""
    every = [row for rows in each.values() for row in rows.values()]
    figures = list(dict.fromkeys(name for row in every for name in row))
    print(f"| picture | recipe | {' | '.join(figures)} |")
    print("| --- | --- |" + " --- |" * len(figures))
    pictures = list(dict.fromkeys(picture for rows in each.values() for picture in rows))
    for picture in (*pictures, "mean"):
        for recipe, rows in each.items():
            row = mean(list(rows.values())) if picture == "mean" else rows[picture]
            cells = (f"{row[name]:.4g}" if name in row else "" for name in figures)
            print(f"| {picture} | {recipe} | {' | '.join(cells)} |")


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
    parser.add_argument("--jobs", type=int, help="trainings at once; without it they are timed")
    parser.add_argument("--table", action="store_true", help="print Markdown, a line a picture")
    given = parser.parse_args()
    if (given.beside or given.reduced) and given.judge is None:
        parser.error("--beside and --reduced need a --judge")
    judge = load_judge(given.judge)
    pictures = [source.path.absolute() for source in find_sources(given.pictures)]
    each: dict[str, dict[str, Row]] = {}
    for preset in given.presets:
        trained = train(pictures, preset, options_of(given.set), given.runs, given.jobs)
        each[preset] = {}
        for picture, trained_run in trained.items():
            each[preset][picture.name] = score(trained_run, picture, judge, given.reduced)
            print(preset, picture.name, each[preset][picture.name], file=sys.stderr, flush=True)
    if judge is not None:
        each |= {folder.name: beside(folder, pictures, judge) for folder in given.beside}
    if given.table:
        print_markdown(each)
    else:
        means = {name: mean(list(rows.values())) for name, rows in each.items()}
        print_means(means, each, given.json)
    return 0


if __name__ == "__main__":
    run(main)
