"""Shows that the cost of a training step doesn't grow with the picture.

    python -m benchmarks.scale [--sides 250 512 1024 1920 3840] [--preset default] [--json]

For each longer side, in a process of its own: the seconds of a step at the last stage, the peak
memory, and what `consingan generation plan` forecasts for the whole training, on a 16:9 picture of
noise (a step's cost doesn't depend on what is in the picture).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

import numpy as np
from PIL import Image

import consingan
from benchmarks.shared import command_line, run
from consingan.console import duration, print_table


def measure(side: int, preset: str) -> dict[str, Any]:
    """The forecast for a picture whose longer side is `side`, in this process."""
    shape = (round(side * 9 / 16), side, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = consingan.plan(Image.fromarray(pixels), preset=preset, max_size=side)
    last = found.stages[-1]
    return {
        "size": str(last.size),
        "stages": len(found.stages),
        "step_ms": 1000 * last.step_seconds,
        "measured": last.measured,
        "memory_mb": found.memory / 1e6,
        "seconds": found.seconds,
    }


def main() -> int:
    """Measure each side apart, print the table."""
    parser = command_line(__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[250, 512, 1024, 1920, 3840])
    parser.add_argument("--preset", default="default")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.preset)))
        return 0
    rows = []
    for side in given.sides:
        command = [
            sys.executable,
            "-m",
            "benchmarks.scale",
            "--one",
            str(side),
            "--preset",
            given.preset,
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
    if given.json:
        print(json.dumps(rows, indent=2))
        return 0
    first = rows[0]["step_ms"]
    header = ("size", "stages", "step at the last stage", "ratio", "peak memory", "training")
    cells = [
        (
            row["size"],
            str(row["stages"]),
            f"{row['step_ms']:.0f} ms{'' if row['measured'] else ' (inferred)'}",
            f"{row['step_ms'] / first:.2f}",
            f"{row['memory_mb']:.0f} MB",
            duration(row["seconds"]),
        )
        for row in rows
    ]
    print_table(header, cells)
    return 0


if __name__ == "__main__":
    run(main)
