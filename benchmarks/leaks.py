"""Applies a tiny run again and again in one process, and says how the process grows.

    python -m benchmarks.leaks [--applies 200] [--json]

Each apply opens the run anew, makes two samples and throws its files away. The first tenth warms up
what is made once; growth is what the memory is after the last apply beyond what it was then. The
exit code is 1 if that is more than 20 MB, or if files or threads are left open. Linux only.
"""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import consingan
from benchmarks.shared import command_line, run

LIMIT = 20.0
"""Megabytes; a leak of one picture or one model an apply would be several times that."""
TINY: dict[str, Any] = {"max_size": 96, "min_size": 24, "train_stages": 3, "niter": 1}


def now() -> dict[str, float]:
    """Megabytes in memory, and how many open files and threads there are."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return {
        "megabytes": int(status.split("VmRSS:")[1].split()[0]) / 1024,
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": int(status.split("Threads:")[1].split()[0]),
    }


def measure(folder: Path, applies: int) -> dict[str, Any]:
    """What the process holds after a tenth of the applies, and after all of them."""
    picture = np.random.default_rng(0).integers(0, 256, (72, 96, 3), np.uint8)
    run = consingan.train(Image.fromarray(picture), runs=folder, device="cpu", **TINY)
    measured = {}
    for number in range(1, applies + 1):
        made = consingan.open_run(run.path).apply(device="cpu", num_samples=2)
        shutil.rmtree(made[0].parent)
        if number in (applies // 10, applies // 2, applies):
            measured[str(number)] = now()
    first, last = measured[str(applies // 10)], measured[str(applies)]
    return {"after": measured, "growth": {name: last[name] - first[name] for name in first}}


def main() -> int:
    """Run it; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("--applies", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), max(10, arguments.applies))
    growth = result["growth"]
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        for number, held in result["after"].items():
            print(f"after {number:>4} applies: {held['megabytes']:.1f} MB, {held['files']} files")
        print(f"growth {growth['megabytes']:.1f} MB")
    return int(growth["megabytes"] > LIMIT or growth["files"] > 0 or growth["threads"] > 0)


if __name__ == "__main__":
    run(main)
