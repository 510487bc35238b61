"""Writes `previews/NN.png`: how each stage's pictures look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from consingan.core.events import StageSaved
from consingan.core.hookspecs import hookimpl
from consingan.core.outputs import save_image
from consingan.core.pictures import to_image
from consingan.core.run import Run
from consingan.core.sheets import Thumbnails

if TYPE_CHECKING:
    from consingan.core.sampler import Sampler


class Previews:
    """Saves a sheet of what the active mode shows, after each stage."""

    def __init__(self) -> None:
        self._run: Run | None = None

    @hookimpl
    def run_started(self, run: Run) -> None:
        """Remember the run: its folder and its mode."""
        self._run = run

    @hookimpl
    def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
        """Make the sheet."""
        if self._run is None:
            return
        thumbnails = Thumbnails()
        for name, picture in self._run.hooks.preview(sampler):
            thumbnails.add(name, to_image(picture))
        file = preview_file(self._run, event.stage)
        file.parent.mkdir(exist_ok=True)
        save_image(file, thumbnails.sheet())


def preview_file(run: Run, stage: int) -> Path:
    """Where the preview of a stage lies."""
    return run.path / "previews" / f"{stage:02}.png"
