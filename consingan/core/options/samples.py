"""The options of modes that make numbered samples: how many, which, how large."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import field_validator, model_validator

from consingan.core.options.fields import Options, option
from consingan.core.options.size import SizeOptions


class SampleOptions(Options):
    """Which samples to make; `save_samples` makes these."""

    num_samples: int = option(4, "Number of new pictures to make.", "Pictures", ge=1)
    index: str | None = option(
        None,
        "Make just the samples of these numbers: 12,37. A sample's number is in its name.",
        "Pictures",
    )
    best: int | None = option(
        None,
        "Keep only so many of --num-samples: those whose small patches are most like the "
        "picture's (patch distance).",
        "Pictures",
        ge=1,
    )
    seed: int = option(
        0, "Random seed. The same seed gives the same pictures, another others.", "Pictures", ge=0
    )

    @field_validator("index", mode="before")
    @classmethod
    def _check_index(cls, index: Any) -> Any:
        """Numbers separated by commas. From Python, also a number or several."""
        if isinstance(index, int):
            index = [index]
        if isinstance(index, Iterable) and not isinstance(index, str):
            index = ",".join(map(str, index))
        if isinstance(index, str):
            for number in index.split(","):
                if not (number.strip().isascii() and number.strip().isdigit()):
                    raise ValueError("numbers separated by commas are needed, such as 12,37")
        return index

    @model_validator(mode="after")
    def _check_choice(self) -> SampleOptions:
        if self.index is not None and {"num_samples", "best"} & self.model_fields_set:
            raise ValueError("--index says which samples: leave --num-samples and --best out")
        return self

    @property
    def indices(self) -> list[int]:
        """The numbers of the samples to make, before `best` is applied."""
        if self.index is None:
            return list(range(self.num_samples))
        return list(dict.fromkeys(int(number) for number in self.index.split(",")))

    @property
    def kept(self) -> int:
        """The number of samples that are kept."""
        return min(len(self.indices), self.best or len(self.indices))

    def name(self, stem: str, index: int) -> str:
        """A sample's name, `stem-007`; `stem` if only one is made and no number was asked for."""
        return stem if self.index is None and self.num_samples == 1 else f"{stem}-{index:03}"


class SizedSampleOptions(SampleOptions, SizeOptions):
    """Which samples to make, and their size."""

    num_samples: int = option(50, "Number of new pictures to make.", "Pictures", ge=0)
    enlarge: float = option(
        1.0,
        "Make each picture so many times as large, with the same layout and new texture. The "
        "other sizes show more of the scene, or less.",
        "Size",
        ge=1,
        le=64,
    )
