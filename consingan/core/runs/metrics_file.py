"""Reading `metrics.jsonl`, the losses of a training."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

METRICS = "metrics.jsonl"
"""The file's name in a run folder."""
MAX_BYTES = 500_000_000
"""The largest file that is read."""
LOSSES = ("critic", "adversarial", "reconstruction")
"""The losses in a line, and their order in `LoggedLosses`."""


class LoggedLosses(NamedTuple):
    """The losses after some steps of a stage; see the event `StepLogged`."""

    stage: int
    step: int
    losses: tuple[float, ...]


def read_losses(folder: Path) -> list[LoggedLosses]:
    """The logged losses of a run, by stage and step; lines that are damaged are left out.

    A step that was trained twice, before and after a stop, counts as it was trained last.
    """
    file = folder / METRICS
    found: dict[tuple[int, int], LoggedLosses] = {}
    try:
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            return []
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if (logged := _parse(line)) is not None:
                    found[logged.stage, logged.step] = logged
    except OSError:
        return []
    return [found[place] for place in sorted(found)]


def _parse(line: str) -> LoggedLosses | None:
    try:
        content = json.loads(line)
        losses = tuple(float(content[name]) for name in LOSSES)
        logged = LoggedLosses(int(content["stage"]), int(content["step"]), losses)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    whole = logged.stage >= 0 and logged.step >= 0 and all(map(math.isfinite, losses))
    return logged if whole else None
