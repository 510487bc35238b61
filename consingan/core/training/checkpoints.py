"""Saves a run's training: each trained stage for good, and within a stage a checkpoint at times.

The run's state names the checkpoint that counts, by its checksum. It is written after the
checkpoint's file, and the file before that is deleted last. Whenever the process dies, one of the
two is whole.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from consingan.core.runs.records import SavedCheckpoint
from consingan.core.runs.tensor_files import (
    CHECKPOINTS,
    checkpoint_file,
    save_tensors,
    use_tensors,
)
from consingan.core.training.trainer_state import StageProgress, pack, unpack
from consingan.errors import Note, RunError

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.networks.model import Model
    from consingan.core.runs.folder import RunFolder
    from consingan.core.training.stage_trainer import StageTrainer


class RunCheckpoints:
    """Saves what `loop.train` does in a run folder, and restores it."""

    def __init__(self, run: RunFolder, model: Model, every: float) -> None:
        self._run, self._model, self._every = run, model, every
        self._saved_at = 0.0

    def restore(self, trainer: StageTrainer) -> StageProgress:
        """Restore the checkpoint of the trainer's stage; a damaged one is left out, with a Note."""
        saved = self._run.state.checkpoint
        self._saved_at = 0.0
        if saved is None or saved.stage != trainer.stage:
            return StageProgress(0, 0.0)
        name = checkpoint_file(saved.stage, saved.step)
        before = pack(trainer)
        try:
            use_tensors(
                self._run.path, name, saved.sha256, lambda tensors: unpack(trainer, tensors)
            )
        except RunError as error:
            unpack(trainer, before)
            message = f"{error}; stage {saved.stage + 1} starts over"
            warnings.warn(message, Note, stacklevel=2)
            return StageProgress(0, 0.0)
        self._saved_at = saved.seconds
        return StageProgress(saved.step, saved.seconds)

    def due(self, seconds: float) -> bool:
        """Whether the last checkpoint is `every` seconds of training old."""
        return seconds - self._saved_at >= self._every

    def save(self, stage: int, tensors: dict[str, Tensor], progress: StageProgress) -> None:
        """Write a checkpoint, then the state that names it, and delete the one before."""
        name = checkpoint_file(stage, progress.step)
        checksum = save_tensors(self._run.path, name, tensors, stage)
        self._run.set_checkpoint(
            SavedCheckpoint(
                stage=stage, step=progress.step, seconds=progress.seconds, sha256=checksum
            )
        )
        self._saved_at = progress.seconds
        self._delete_all_but(name)

    def commit(self, stage: int, seconds: float) -> None:
        """Save a trained stage; its checkpoints are of no more use."""
        self._run.commit(stage, self._model.stage_tensors(), seconds)
        self._delete_all_but(None)

    def _delete_all_but(self, kept: str | None) -> None:
        with suppress(OSError):  # one too many does no harm
            for file in (self._run.path / CHECKPOINTS).glob("*.safetensors"):
                if kept is None or file != self._run.path / kept:
                    file.unlink()
