"""Times a batch side by side against one after the other, as a ratio in one run.

    python -m benchmarks.batch [--pictures 20] [--side 64] [--jobs 2] [--preset draft]
        [--set niter=200 ...] [--json]

So many drawn pictures are trained three times: all `--jobs` at once with a thread each, one after
the other with `--jobs` threads, and with what `--jobs auto` times, its timing included. Use an idle
machine: each line is compared to the second.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import consingan
from benchmarks.shared import command_line, options_of, run
from consingan import Resources
from consingan.batches.sharing import cores
from consingan.console import print_table
from consingan.errors import RunError


def draw(folder: Path, count: int, side: int) -> list[Path]:
    """So many pictures with structure and noise, each another one."""
    files = []
    for number in range(count):
        noise = np.random.default_rng(number).uniform(0, 60, (side * 3 // 4, side, 3))
        rows, columns = np.mgrid[0 : side * 3 // 4, 0:side] * (6 / side)
        waves = [np.sin(rows + number), np.cos(columns * 2 + number), np.sin(rows * columns / 3)]
        pixels = 90 + 80 * np.stack(waves, axis=-1) + noise
        files.append(folder / f"{number:02}.png")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(files[-1])
    return files


def timed(
    pictures: list[Path], runs: Path, resources: Resources, preset: str, options: Mapping[str, Any]
) -> float:
    """Seconds of the whole batch."""
    started = time.monotonic()
    sweep = {name: [value] for name, value in options.items()}
    done = consingan.batch(pictures, preset=preset, sweep=sweep, runs=runs, resources=resources)
    for row in done.rows:
        if row.outcome.state != "complete":
            raise RunError(f"{row.job.picture}: {row.outcome.error}")
    return time.monotonic() - started


def main() -> int:
    """Time, print; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=cores())
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="any option")
    given = parser.parse_args()
    options = {"max_size": given.side, **options_of(given.set)}
    ways = {
        f"{given.jobs} at once, a thread each": Resources(given.jobs, 1),
        f"one after the other, {given.jobs} threads": Resources(1, given.jobs),
        "auto": Resources(),
    }
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        pictures = draw(Path(name), given.pictures, given.side)
        for number, (way, resources) in enumerate(ways.items()):
            runs = Path(name) / f"runs-{number}"
            seconds[way] = timed(pictures, runs, resources, given.preset, options)
    one = list(seconds.values())[1]
    if given.json:
        print(json.dumps({way: {"seconds": s, "ratio": s / one} for way, s in seconds.items()}))
    else:
        rows = [(way, f"{s:.0f} s", f"{s / one:.2f}") for way, s in seconds.items()]
        print_table(("way", "all of it takes", "ratio"), rows)
    return 0


if __name__ == "__main__":
    run(main)
