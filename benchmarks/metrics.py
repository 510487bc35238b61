"""Scores published samples with the metrics of `consingan evaluate`, beside another scorer's.

    python -m benchmarks.metrics FOLDER [--judge judge.py] [--json]

FOLDER holds `Real/` with training pictures, and beside it one folder for each system, with one
sample for every training picture, of the same file name. For comparison, the training pictures
themselves are scored as if they were samples, saved as JPEG. `--judge` names a Python file with a
function `swd(real, sample)` for (1, 3, H, W) tensors in [0, 1]; if it ranks the systems' means
otherwise than the patch distance does, the exit code is 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

from PIL import Image
from torch import Tensor

from benchmarks.shared import Row, as_jpeg, command_line, load_judge, run
from consingan.console import print_table
from consingan.core.metrics.patches import PatchDistance, share_in_place
from consingan.core.metrics.pixels import rmse
from consingan.core.pictures.reading import load_picture
from consingan.core.pictures.tensors import to_tensor

QUALITIES = (75, 95)
Judge = Callable[[Tensor, Tensor], float]


def score(reals: Sequence[Tensor], samples: Sequence[Tensor], judge: Judge | None) -> Row:
    """The mean scores of one sample for each picture."""
    pairs = list(zip(reals, samples, strict=True))
    row = {
        "patch distance": mean(PatchDistance(real)(sample) for real, sample in pairs),
        "distance": mean(rmse(real, sample) for real, sample in pairs),
        "in place": mean(share_in_place(sample, real) for real, sample in pairs),
    }
    if judge is not None:
        row["judge"] = mean(judge(real, sample) for real, sample in pairs)
    return row


def read(file: Path) -> Tensor:
    """A picture's file, (1, 3, H, W) in [0, 1]."""
    return to_unit(load_picture(file).image)


def to_unit(image: Image.Image) -> Tensor:
    """A picture, (1, 3, H, W) in [0, 1]."""
    return (to_tensor(image) + 1) / 2


def main() -> int:
    """Score, print, and return the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--judge", type=Path)
    arguments = parser.parse_args()
    judge = load_judge(arguments.judge, "swd")
    files = sorted(file for file in (arguments.folder / "Real").iterdir() if file.is_file())
    if not files:
        parser.error(f"{arguments.folder / 'Real'} holds no pictures")
    reals = [read(file) for file in files]
    folders = sorted(folder for folder in arguments.folder.iterdir() if folder.name != "Real")
    systems = {
        folder.name: score(reals, [read(folder / file.name) for file in files], judge)
        for folder in folders
    }
    rows = dict(systems)
    for quality in QUALITIES:
        copies = [to_unit(as_jpeg(load_picture(file).image, quality)) for file in files]
        rows[f"the picture, JPEG {quality}"] = score(reals, copies, judge)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        cells = [(name, *(f"{value:.4f}" for value in row.values())) for name, row in rows.items()]
        print_table(["mean of", *next(iter(rows.values()))], cells)
    if judge is None:
        return 0
    by_us = sorted(systems, key=lambda name: systems[name]["patch distance"])
    return 0 if by_us == sorted(systems, key=lambda name: systems[name]["judge"]) else 1


if __name__ == "__main__":
    run(main)
