"""Finding run folders by name."""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from consingan.core.pictures.reading import SUFFIXES
from consingan.core.runs.records import RunConfig, read_record
from consingan.core.system.names import folder_name
from consingan.errors import Note, RunError, RunNotFoundError

TIME_FORMAT = "%Y%m%d-%H%M%S"
"""The format of times in folder names."""
_TIMED = re.compile(r"\d{8}-\d{6}-")
OLDEST = datetime.fromtimestamp(0, timezone.utc)
"""The creation time of a run that has no valid one."""
LATELY = 3600.0
"""Seconds by which the clocks of machines that share a folder may differ."""
LATEST_YEAR = 9000
"""Creation times from this year on are invalid, so that adding to a time cannot overflow."""


def find_run(name: str, runs: Path, modes: Sequence[str] = ()) -> Path:
    """The run folder that `name` stands for: a path, `latest`, or a picture's name or file.

    If there are several, it is the newest. Runs of the first of `modes` that has any come before
    all others, and among these runs with a trained stage. Raises RunNotFoundError.
    """
    if is_run(Path(name)):
        return Path(name)
    known = run_folders(runs)
    folders = [folder for folder in known if name == "latest" or _is_on(folder, name)]
    if not folders:
        pictures = ", ".join(sorted({folder.parent.name for folder in known}))
        hint = f"there are runs on: {pictures}" if known else f"no run is below {str(runs)!r} yet"
        raise RunNotFoundError(f"no run {name!r} was found; {hint}")
    for mode in modes:
        if fitting := [folder for folder in folders if _is_of(folder, mode)]:
            trained = [folder for folder in fitting if any(folder.glob("stages/*.safetensors"))]
            return max(trained or fitting, key=_created)
    return max(folders, key=_created)


def run_folders(runs: Path) -> list[Path]:
    """All run folders below `runs`."""
    found = (path for picture in _entries(runs) for path in _entries(picture.path))
    return [Path(entry.path) for entry in found if is_run(entry.path)]


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing if it is none, or cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return []


def is_run(folder: str | Path) -> bool:
    """Whether `folder` is readable and a run folder, possibly a damaged one.

    One without any state is not: its creation was interrupted.
    """
    base = os.fspath(folder)  # not as a Path: there may be ten thousand
    try:
        if stat.S_ISDIR(os.lstat(f"{base}{os.sep}config.json").st_mode):
            return False
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False
    states = ("state.json", "state.backup.json")
    return any(os.path.lexists(f"{base}{os.sep}{state}") for state in states)


def after_all(runs: Path, now: datetime) -> datetime:
    """`now`, or a microsecond after the newest run below `runs` if the clock was set back.

    With this as its creation time, the run that is made last is always the newest. There may be
    thousands of runs: only folders of pictures to which something was added lately are looked into,
    and only runs read whose name doesn't say that they are older.
    """
    second, lately = f"{now:{TIME_FORMAT}}", now.timestamp() - LATELY
    newer = (
        Path(run.path)
        for picture in _entries(runs)
        if _changed(picture) >= lately
        for run in _entries(picture.path)
        if not (_TIMED.match(run.name) and run.name[: len(second)] < second)
    )
    newest = max((_created(folder) for folder in newer if is_run(folder)), default=OLDEST)
    return now if now > newest else newest + timedelta(microseconds=1)


def _changed(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:  # a link that leads nowhere
        return 0.0


def _is_on(folder: Path, picture: str) -> bool:
    """Whether a run is on a picture, whose name is typed with or without folders and suffix."""
    path = Path(picture)
    names = {picture, path.stem} if path.suffix.lower() in SUFFIXES else {picture}
    own = folder_name(folder.parent.name)  # someone may have renamed it
    return any(name.strip(" .") and folder_name(name) == own for name in names)


def _is_of(folder: Path, mode: str) -> bool:
    config = _config(folder)
    return config is not None and config.mode == mode


def _created(folder: Path) -> datetime:
    """A run's creation time from its record; `OLDEST` if that is missing or invalid."""
    config = _config(folder)
    if config is None or not OLDEST.year < config.created.year < LATEST_YEAR:
        return OLDEST
    return config.created.astimezone()


def _config(folder: Path) -> RunConfig | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Note)  # shown when the run is opened
        try:
            return read_record(RunConfig, folder)
        except RunError:
            return None
