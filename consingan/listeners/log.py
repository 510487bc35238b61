"""Writes `metrics.jsonl`: one JSON object every few steps and for each roll-back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from consingan.core.hooks.events import LOGGED_EVERY, StepLogged, WentBack
from consingan.core.hooks.specs import hookimpl
from consingan.core.runs.folder import RunFolder
from consingan.core.runs.metrics_file import METRICS
from consingan.core.system.atomic_files import unshare


class MetricsLog:
    """Appends every `LOGGED_EVERY`th step, a stage's last, and roll-backs to `metrics.jsonl`."""

    def __init__(self) -> None:
        self._file = Path()

    @hookimpl
    def run_started(self, run: RunFolder) -> None:
        """Set the file's path."""
        self._file = run.path / METRICS
        unshare(self._file)

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        """Append one line, if it is time for one."""
        if event.step % LOGGED_EVERY == 0 or event.step == event.niter:
            self._append(asdict(event))

    @hookimpl
    def went_back(self, event: WentBack) -> None:
        """Append one line."""
        self._append(asdict(event))

    def _append(self, content: dict[str, Any]) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(content) + "\n")
