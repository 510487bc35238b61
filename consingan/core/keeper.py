"""Makes training safe: stages for good, and within a stage a checkpoint now and then.

The state names the checkpoint that counts, by its checksum; it is written after the file, and the
file before it is deleted last. Whenever the process dies, one of the two is whole.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from consingan.core import checkpoint
from consingan.core.engine import Moment
from consingan.core.records import SavedCheckpoint
from consingan.core.stages import CHECKPOINTS, checkpoint_file, save_tensors, use_tensors
from consingan.errors import Note, RunError

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.model import Model
    from consingan.core.run import Run
    from consingan.core.stage import StageTrainer


class RunKeeper:
    """Keeps what `engine.train` does in a run folder."""

    def __init__(self, run: Run, model: Model, every: float) -> None:
        self._run, self._model, self._every = run, model, every
        self._saved_at = 0.0

    def restore(self, trainer: StageTrainer) -> Moment:
        """Put the checkpoint of the trainer's stage in place; one that is damaged is left out."""
        saved = self._run.state.checkpoint
        self._saved_at = 0.0
        if saved is None or saved.stage != trainer.stage:
            return Moment(0, 0.0)
        name = checkpoint_file(saved.stage, saved.step)
        before = checkpoint.pack(trainer)
        try:
            use_tensors(
                self._run.path,
                name,
                saved.sha256,
                lambda tensors: checkpoint.unpack(trainer, tensors),
            )
        except RunError as error:
            checkpoint.unpack(trainer, before)
            message = f"{error}; stage {saved.stage + 1} starts over"
            warnings.warn(message, Note, stacklevel=2)
            return Moment(0, 0.0)
        self._saved_at = saved.seconds
        return Moment(saved.step, saved.seconds)

    def due(self, seconds: float) -> bool:
        """Whether the last checkpoint is `every` seconds of training old."""
        return seconds - self._saved_at >= self._every

    def save(self, stage: int, tensors: dict[str, Tensor], at: Moment) -> None:
        """Write a checkpoint, then the state that names it, and delete the one before."""
        content = save_tensors(self._run.path, checkpoint_file(stage, at.step), tensors, stage)
        saved = SavedCheckpoint(stage=stage, step=at.step, seconds=at.seconds, sha256=content)
        self._run.set_checkpoint(saved)
        self._saved_at = at.seconds
        self._clear(keep=checkpoint_file(stage, at.step))

    def commit(self, stage: int, seconds: float) -> None:
        """Make a trained stage safe; its checkpoints are of no more use."""
        self._run.commit(stage, self._model.stage_tensors(), seconds)
        self._clear()

    def _clear(self, keep: str = "") -> None:
        with suppress(OSError):  # one too many does no harm
            for file in (self._run.path / CHECKPOINTS).glob("*.safetensors"):
                if file != self._run.path / keep:
                    file.unlink()
