"""`python -m consingan_studio.worker RUNS SLOT`: trains what waits, one after another.

It belongs to no server and to no page. Only one worker holds a slot.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from consingan_studio.library import STUDIO
from consingan_studio.trainings import CLAIMED, LOG, WAITING

PATIENCE = 10
"""Seconds to wait for the slot: a worker that ends right now may have missed what came last."""


def work(runs: Path, slot: str) -> None:
    """Train until nothing waits any more."""
    folder = runs / STUDIO
    try:
        with FileLock(folder / f"slot-{slot}.lock", timeout=PATIENCE):
            while (training := _claim(folder / "trainings")) is not None:
                with (training / LOG).open("ab") as log:
                    command = [sys.executable, "-m", "consingan_studio.training"]
                    subprocess.run(
                        [*command, str(runs), str(training)],
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
    except Timeout:
        pass


def _claim(trainings: Path) -> Path | None:
    """The training that waits longest. Nobody else gets it."""
    for waiting in sorted(trainings.glob(f"*/{WAITING}"), key=lambda file: file.stat().st_mtime_ns):
        try:
            waiting.touch()
            waiting.rename(waiting.with_name(CLAIMED))
        except FileNotFoundError:
            continue
        return waiting.parent
    return None


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(Path(sys.argv[1]), sys.argv[2])
