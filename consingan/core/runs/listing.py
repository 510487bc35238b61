"""Listing runs, quickly, renaming and removing one. Only the small files are read."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from consingan.core.options.size import Size
from consingan.core.runs.find import run_folders
from consingan.core.runs.location import runs_folder
from consingan.core.runs.locks import being_trained
from consingan.core.runs.records import RunConfig, RunState, parse_record
from consingan.core.system.atomic_files import check_entries
from consingan.core.system.names import folder_name
from consingan.errors import RunError

APPLIED = "applied"
"""The folder, in a run's, of what was made from it."""


class ListedRun(BaseModel):
    """What a list says of a run. Only `path` is there if its records are damaged."""

    model_config = ConfigDict(frozen=True)
    path: str
    state: str
    """`complete`, `training`, `stopped`, `failed` or `damaged`."""
    picture: str | None = None
    mode: str | None = None
    preset: str | None = None
    size: Size | None = None
    """The training picture's size."""
    created: datetime | None = None
    seconds: float | None = None
    """The training time of the stages that are saved."""
    parent: str | None = None
    """The run folder that it began from, if it began from one."""
    applied: list[str] = []
    """The folders of pictures in it, oldest first."""


def list_runs(runs: str | Path | None = None) -> list[ListedRun]:
    """All runs in a folder of runs, the newest first, damaged ones last; see `runs_folder`."""
    listed = [_listed(folder) for folder in run_folders(runs_folder(runs))]
    dated = [run for run in listed if run.created is not None]
    dated.sort(key=lambda run: (run.created and run.created.timestamp(), run.path), reverse=True)
    return [*dated, *(run for run in listed if run.created is None)]


def _listed(folder: Path) -> ListedRun:
    try:
        config = parse_record(RunConfig, folder, RunConfig.file)
        state = parse_record(RunState, folder, RunState.file)
        created = config.created.astimezone()
    except (RunError, OverflowError, ValueError, OSError):
        return ListedRun(path=str(folder), state="damaged")
    status: str = state.status
    if status == "training" and not being_trained(folder):
        status = "stopped"  # its process was killed
    return ListedRun(
        path=str(folder),
        state=status,
        picture=config.picture,
        mode=config.mode,
        preset=config.preset,
        size=Size(*state.sizes[-1]),
        created=created,
        seconds=sum(stage.seconds for stage in state.stages),
        parent=config.parent,
        applied=_applied(folder),
    )


def _applied(folder: Path) -> list[str]:
    try:
        with os.scandir(folder / APPLIED) as entries:
            return sorted(entry.name for entry in entries)
    except OSError:  # nothing was made yet
        return []


def rename_run(folder: Path, name: str) -> Path:
    """Move a run folder to those of another picture's name, and return where it is then.

    Raises RunError as `remove_run` does, or if there is a folder of that name already.
    """
    _check_own(folder)
    moved = folder.parent.parent / folder_name(name) / folder.name
    if moved == folder:
        return folder
    try:
        moved.parent.mkdir(exist_ok=True)
        if moved.exists():
            raise RunError(f"{str(moved)!r} exists; choose another name")
        folder.rename(moved)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()
    except OSError as error:
        raise RunError(f"cannot rename {str(folder)!r}: {error.strerror}") from None
    return moved


def remove_run(folder: Path) -> None:
    """Delete a run folder and all that is in it.

    Raises RunError if its settings cannot be read, as it may be no run then; if it is being
    trained; or if a file cannot be deleted.
    """
    _check_own(folder)
    try:
        # Without its settings it is no run any more: a removal that stops leaves no damaged run.
        (folder / RunConfig.file).unlink()
        shutil.rmtree(folder)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()
    except OSError as error:
        raise RunError(f"cannot remove {str(folder)!r}: {error.strerror}") from None


def _check_own(folder: Path) -> None:
    """Raise RunError unless it is a run folder, of its own, that nobody trains."""
    parse_record(RunConfig, folder, RunConfig.file)
    check_entries(folder)
    if folder.is_symlink():
        raise RunError(f"{str(folder)!r} is a link; use the folder that it leads to")
    if being_trained(folder):
        raise RunError(f"{str(folder)!r} is being trained; stop that first")
