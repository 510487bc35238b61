"""Writes `previews/NN.png`: a contact sheet of pictures after each stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from consingan.core.hooks.events import StageSaved
from consingan.core.hooks.specs import hookimpl
from consingan.core.pictures.contact_sheet import Thumbnails
from consingan.core.pictures.tensors import to_image
from consingan.core.pictures.writing import save_image
from consingan.core.runs.folder import RunFolder

if TYPE_CHECKING:
    from consingan.core.sampling.sampler import Sampler


class Previews:
    """Saves a contact sheet of the mode's preview after each stage."""

    def __init__(self) -> None:
        self._run: RunFolder | None = None

    @hookimpl
    def run_started(self, run: RunFolder) -> None:
        """Remember the run, for its folder."""
        self._run = run

    @hookimpl
    def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
        """Save the contact sheet."""
        if self._run is None:
            return
        thumbnails = Thumbnails()
        for name, picture in event.preview():
            thumbnails.add(name, to_image(picture))
        file = preview_file(self._run, event.stage)
        file.parent.mkdir(exist_ok=True)
        save_image(file, next(thumbnails.pages()))


def preview_file(run: RunFolder, stage: int) -> Path:
    """The path of a stage's preview."""
    return run.path / "previews" / f"{stage:02}.png"
