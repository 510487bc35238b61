"""Where runs are kept unless a folder is named."""

from __future__ import annotations

import os
from pathlib import Path

RUNS = "CONSINGAN_RUNS"
"""Environment variable: the folder of runs; without it, `runs` in the working folder."""


def runs_folder(given: str | Path | None = None) -> Path:
    """The folder of runs: the given one, or that of `RUNS`, or `runs`."""
    return Path(given or os.environ.get(RUNS) or "runs")
