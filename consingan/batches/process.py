"""Starting a worker's process on this machine; `worker` is what runs in it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, Literal


def start(
    task: Literal["do", "time"], threads: int, errors: IO[str] | int
) -> subprocess.Popen[str]:
    """A worker that computes with so many threads. It ends when its stdin is closed."""
    return subprocess.Popen(
        [sys.executable, "-m", "consingan.batches.worker", task],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
        start_new_session=True,  # Ctrl-C reaches this process alone
    )
