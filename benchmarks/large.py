"""Applies a tiny run at 8K and says what memory that takes.

    python -m benchmarks.large [--size 7680x4320] [--suffixes .png .jpg .webp] [--json]

The run has 4 filters and three steps a stage, so that what is measured is how a picture is put
together and written, not the network. For each format, in a process of its own: the peak of the
process before it applies the run and after it, and the processor's seconds. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import consingan
from benchmarks.shared import command_line
from benchmarks.shared import run as run_main
from consingan.console import print_table
from consingan.core.options.size import parse_size
from consingan.core.pictures.writing import FORMATS
from consingan.examples import EXAMPLES

TINY: dict[str, Any] = {
    "max_size": 24,
    "min_size": 12,
    "train_stages": 3,
    "niter": 3,
    "filters": 4,
    "precision": "float32",
}


def peak() -> float:
    """The most memory that this process had so far, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(suffix: str, size: str) -> dict[str, float]:
    """What one picture takes, in this process."""
    height, width = parse_size(size)
    with tempfile.TemporaryDirectory() as folder:
        small = EXAMPLES["landscape"]().resize((30, 20))
        run = consingan.train(small, runs=Path(folder) / "runs", device="cpu", **TINY)
        before, started = peak(), time.process_time()
        out = Path(folder) / f"large{suffix}"
        made = run.apply(out, device="cpu", num_samples=1, width=width, height=height)
        seconds = time.process_time() - started
        megabytes = next(path for path in made if "sample" in path.name).stat().st_size / 1e6
    return {"before": before, "peak": peak(), "seconds": seconds, "file": megabytes}


def main() -> int:
    """Measure each format apart, print the table."""
    parser = command_line(__doc__)
    parser.add_argument("--size", default="7680x4320")
    parser.add_argument("--suffixes", nargs="+", default=[".png", ".jpg", ".webp"], choices=FORMATS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.size)))
        return 0
    rows = {}
    for suffix in given.suffixes:
        command = [sys.executable, "-m", "benchmarks.large", "--size", given.size, "--one", suffix]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows[suffix] = json.loads(done.stdout)
    if given.json:
        print(json.dumps(rows, indent=2))
        return 0
    header = ("format", "MB before", "peak MB", "s", "file MB")
    print_table(
        header,
        [(suffix, *(f"{value:.0f}" for value in row.values())) for suffix, row in rows.items()],
    )
    return 0


if __name__ == "__main__":
    run_main(main)
