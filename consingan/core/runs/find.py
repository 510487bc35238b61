"""The run folders below a folder for runs: found by name, newest last."""

from __future__ import annotations

import os
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

from consingan.core.runs.records import RunConfig, read_record
from consingan.errors import Note, RunError, RunNotFoundError

OLDEST = datetime.fromtimestamp(0, timezone.utc)
LATEST_YEAR = 9000
"""So that arithmetic with a run's time cannot overflow."""


def find_run(name: str, runs: Path, mode: str | None = None) -> Path:
    """The run folder that `name` means: a path, `latest`, or a picture's name.

    Of several the newest; with `mode`, the newest of that mode that has a trained stage, or else
    the newest of that mode, if there is one. Raises RunNotFoundError.
    """
    if is_run(Path(name)):
        return Path(name)
    known = run_folders(runs)
    folders = [folder for folder in known if name in ("latest", folder.parent.name)]
    if not folders:
        pictures = ", ".join(sorted({folder.parent.name for folder in known}))
        hint = f"there are runs on: {pictures}" if known else f"no run is below {str(runs)!r} yet"
        raise RunNotFoundError(f"no run {name!r} was found; {hint}")
    fitting = [folder for folder in folders if mode is not None and _is_of(folder, mode)]
    trained = [folder for folder in fitting if any(folder.glob("stages/*.safetensors"))]
    return max(trained or fitting or folders, key=_created)


def run_folders(runs: Path) -> list[Path]:
    """All run folders below `runs`."""
    return [file.parent for file in runs.glob("*/*/config.json")]


def is_run(folder: Path) -> bool:
    """Whether `folder` can be looked into and is a run's, be it a broken one."""
    file = folder / "config.json"
    try:
        return os.path.lexists(file) and not file.is_dir()
    except OSError:
        return False


def after_all(runs: Path, now: datetime) -> datetime:
    """`now`, or just after the newest run below `runs` if the clock was put back since then.

    So the run that is made last is the newest.
    """
    newest = max(map(_created, run_folders(runs)), default=OLDEST)
    return now if now > newest else newest + timedelta(microseconds=1)


def _is_of(folder: Path, mode: str) -> bool:
    config = _config(folder)
    return config is not None and config.mode == mode


def _created(folder: Path) -> datetime:
    """When a run was made, as it says itself; one that says nothing possible is the oldest."""
    config = _config(folder)
    if config is None or not OLDEST.year < config.created.year < LATEST_YEAR:
        return OLDEST
    return config.created.astimezone()


def _config(folder: Path) -> RunConfig | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Note)  # told when the run is opened
        try:
            return read_record(RunConfig, folder)
        except RunError:
            return None
