"""What all parts of the page share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from consingan_studio.library import STUDIO, Library
from consingan_studio.trainings import Trainings
from consingan_studio.words import Words


@dataclass(frozen=True)
class Studio:
    """The runs, the trainings, and the language of one page."""

    library: Library
    trainings: Trainings
    words: Words

    @property
    def painted(self) -> Path:
        """The folder of what is painted and pasted on the page."""
        return self.library.runs / STUDIO / "painted"
