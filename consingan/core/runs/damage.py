"""Damaged stage files: finding them, moving them aside, and training their stages again."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from consingan.core.runs.records import RESTORE, RunState
from consingan.core.runs.tensor_files import read_checked, stage_file
from consingan.core.system.atomic_files import new_folder
from consingan.errors import DamagedError, Note, RunError

if TYPE_CHECKING:
    from consingan.core.runs.folder import RunFolder


def find_damage(folder: Path, state: RunState) -> tuple[int, DamagedError] | None:
    """The lowest committed stage whose file is damaged or missing, and the error; or None.

    Raises RunError if a file cannot be read, since it may be undamaged.
    """
    for stage, saved in enumerate(state.stages):
        try:
            read_checked(folder, stage_file(stage), saved.sha256)
        except DamagedError as error:
            return stage, error
    return None


def drop_damaged(run: RunFolder) -> None:
    """Drop the lowest damaged stage, if there is one, and all stages above it, with a Note.

    Their files are moved aside, not deleted. Raises RunError if this run cannot train the stage
    again, or if the folder cannot be written.
    """
    damage = find_damage(run.path, run.state)
    if damage is None:
        return
    stage, error = damage
    if not _trains(run, stage):
        raise RunError(f"{error}, or {remedy(run, stage)}")
    aside = _set_aside(run.path, range(stage, run.stages_done))
    run.keep_stages(stage)
    reason = str(error).removesuffix(f"; {RESTORE}")
    advice = f"stage {stage + 1} and those above are trained again"
    warnings.warn(Note(f"{reason}; {advice}, what there was is in {str(aside)!r}"), stacklevel=2)


def remedy(run: RunFolder, stage: int) -> str:
    """Advice for a damaged stage file that has no copy, as part of a message."""
    if _trains(run, stage):
        good = f"; {stage} of {len(run.sizes)} stages are good" if stage else ""
        command = f"consingan resume {shlex.quote(str(run.path))}"
        return f"train from stage {stage + 1} on again with: {command}{good}"
    if run.config.parent is not None:
        again = "fine-tune" if run.config.fine_tuned else "refine"
        return f"{again} {run.config.parent!r} again"
    return "import the model again"


def _trains(run: RunFolder, stage: int) -> bool:
    """Whether this run trains the stage itself. A parent run or another program made the others."""
    if run.config.parent is not None:
        return stage == len(run.sizes) - 1
    return run.config.fixed_noise_sha256 is None


def _set_aside(folder: Path, stages: range) -> Path:
    """Move the files of the stages into a new folder beside them, and return its path."""
    try:
        aside = new_folder(folder / "stages", "replaced")
        for file in (folder / stage_file(stage) for stage in stages):
            if file.exists() or file.is_symlink():
                file.rename(aside / file.name)
    except OSError as error:
        raise RunError(f"cannot write to {str(folder)!r}: {error.strerror}") from None
    return aside
