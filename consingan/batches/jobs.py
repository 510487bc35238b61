"""What a batch trains: each picture under each combination of options."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consingan.core.options.presets import train_options
from consingan.core.pictures.reading import SUFFIXES
from consingan.errors import OptionError
from consingan.plugins import LoadedMode

LIST_COLUMN = "picture"
"""The column of a list that names the picture; all others are options."""


@dataclass(frozen=True)
class Job:
    """One training, as plain data: an executor may send it to another machine as JSON."""

    number: int
    """Its place in the batch, from 0 on."""
    picture: str
    """The picture's absolute path."""
    mode: str
    preset: str
    changes: dict[str, Any]
    """The options that differ within the batch, for the report."""
    options: dict[str, Any]
    """All training options, as JSON."""
    runs: str
    """The absolute path of the folder of runs."""
    run: str | None = None
    """The run that is there already, finished or not, as far as the batch knows."""
    device: str = "auto"
    apply: bool = False
    """Whether to make the mode's pictures too."""
    evaluate: bool = False
    """Whether to compute the figures too."""


@dataclass(frozen=True)
class Source:
    """A picture file, and the options that a list gives for it."""

    path: Path
    options: Mapping[str, Any]


def find_sources(given: Sequence[str | Path]) -> list[Source]:
    """The pictures of files, of folders (sorted, not their subfolders) and of CSV lists.

    In a folder `photo_mask.png` beside `photo.png` is its mask, and no picture.

    A list has a column `picture`, relative to its own folder, and columns of options; empty cells
    count as not given. Raises OptionError if there is no picture, if a list cannot be
    read, or for a folder that is not there. That a picture is missing or damaged is found when it
    is trained.
    """
    sources = [source for path in map(Path, given) for source in _sources(path)]
    if not sources:
        raise OptionError("there is no picture; give files, folders or CSV lists")
    return sources


def make_jobs(
    sources: Sequence[Source],
    loaded: LoadedMode,
    preset: str,
    options: Mapping[str, Sequence[Any]],
    seeds: int,
    **common: Any,
) -> list[Job]:
    """All jobs: each source under each combination of `options`, with so many seeds from 0 on.

    `common` are fields that all jobs share. Raises OptionError for an invalid combination.
    """
    if seeds < 1:
        raise OptionError("give a number of 1 or more", "seeds")
    swept = dict(options)
    if seeds > 1:
        if "seed" in swept:
            raise OptionError("give either --seeds or --set seed=...", "seeds")
        swept["seed"] = range(seeds)
    jobs: list[Job] = []
    for source in sources:
        for values in itertools.product(*swept.values()):
            changes = {**dict(zip(swept, values, strict=True)), **source.options}
            model, presets = loaded.mode.TrainOptions, loaded.mode.presets
            parsed = train_options(model, preset, changes, presets).model_dump(mode="json")
            shown = {name: parsed[name] for name in changes}
            picture = str(source.path.absolute())
            mode, number = loaded.mode.name, len(jobs)
            jobs.append(Job(number, picture, mode, preset, shown, parsed, **common))
    return jobs


def _sources(path: Path) -> Iterator[Source]:
    if path.is_dir():
        named = [file for file in sorted(path.iterdir()) if file.suffix.lower() in SUFFIXES]
        masks = {f"{file.stem}_mask" for file in named}
        for file in named:
            if not file.name.startswith(".") and file.stem not in masks:
                yield Source(file, {})
    elif path.suffix.lower() == ".csv":
        yield from _listed(path)
    elif path.exists() or path.suffix.lower() in SUFFIXES:
        yield Source(path, {})
    else:
        raise OptionError(f"there is no file or folder {str(path)!r}")


def _listed(path: Path) -> Iterator[Source]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise OptionError(f"the list {str(path)!r} cannot be read: {error}") from None
    for row in rows:
        picture = row.pop(LIST_COLUMN, None)
        if not picture or None in row:
            raise OptionError(f"the list {str(path)!r} needs a header with {LIST_COLUMN!r}")
        yield Source(path.parent / picture, {name: cell for name, cell in row.items() if cell})
