"""Writes `metrics.jsonl`: one JSON object a logged step."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from consingan.core.events import StepLogged
from consingan.core.hookspecs import hookimpl
from consingan.core.run import Run


class MetricsLog:
    """Appends every logged step to the run's `metrics.jsonl`."""

    def __init__(self) -> None:
        self._file = Path()

    @hookimpl
    def run_started(self, run: Run) -> None:
        """Find the file."""
        self._file = run.path / "metrics.jsonl"

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        """Append one line."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(event)) + "\n")
