"""The run folder: everything that a training saves, and that resuming and applying need.

runs/<picture>/<YYYYmmdd-HHMMSS>-<mode>/
  config.json            the settings: mode, plugin, options
  state.json             the progress: which stages are committed; always written last
  *.backup.json          copies of these two, in case they are damaged
  picture.png            the training picture
  known.png              white where the picture is known, if not all of it is
  naive.png              the naive picture of --naive, reduced, if there is one
  fixed_noise.safetensors  the fixed noise of an imported run; other runs draw it from their seed
  start.safetensors      the model that fine-tuning starts from, if the run is fine-tuned
  stages/NN.safetensors  the tensors that stage NN added or changed
  checkpoints/           the training state within a stage
  metrics.jsonl          one JSON object for each logged step
  previews/NN.png        a contact sheet of pictures after each stage
  applied/               pictures made from the run
  .lock                  the process that trains the run
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.core.runs.find import TIME_FORMAT, after_all, is_run
from consingan.core.runs.records import (
    RunConfig,
    RunState,
    SavedCheckpoint,
    SavedStage,
    Status,
    read_record,
    write_record,
)
from consingan.core.runs.tensor_files import save_tensors, stage_file
from consingan.core.system.atomic_files import check_entries, new_folder, write_bytes
from consingan.errors import RunError, RunNotFoundError

if TYPE_CHECKING:
    from torch import Tensor


class RunFolder:
    """An open run folder: its settings and its progress."""

    def __init__(
        self,
        path: Path,
        config: RunConfig,
        state: RunState,
        options: TrainOptions,
        padding: PaddingStyle,
    ) -> None:
        self.path = path
        self.config = config
        self.state = state
        self.options = options
        """The training options, of the mode's own type."""
        self.padding = padding
        """The generator's padding style."""

    @property
    def mode(self) -> str:
        """The name of the mode that trains the run."""
        return self.config.mode

    @property
    def sizes(self) -> list[Size]:
        """The size of every stage, smallest first."""
        return [Size(*size) for size in self.state.sizes]

    @property
    def stages_done(self) -> int:
        """The number of committed stages."""
        return len(self.state.stages)

    @property
    def complete(self) -> bool:
        """Whether all stages are committed."""
        return self.stages_done == len(self.sizes)

    def commit(self, stage: int, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Save a trained stage: first its file, then the state that lists it."""
        checksum = save_tensors(self.path, stage_file(stage), tensors, stage)
        saved = SavedStage(sha256=checksum, seconds=seconds)
        self._write_state(stages=[*self.state.stages[:stage], saved], checkpoint=None)

    def set_checkpoint(self, checkpoint: SavedCheckpoint) -> None:
        """Record a checkpoint, which was saved before."""
        self._write_state(checkpoint=checkpoint)

    def set_status(self, status: Status) -> None:
        """Record whether the run is training, stopped, failed or complete."""
        self._write_state(status=status)

    def refresh(self) -> None:
        """Read the state again, since another process may have changed it."""
        self.state = read_record(RunState, self.path)

    def keep_stages(self, number: int) -> None:
        """Count only the lowest `number` stages as committed."""
        self._write_state(stages=self.state.stages[:number], checkpoint=None)

    def _write_state(self, **changes: Any) -> None:
        state = self.state.model_copy(update=changes)
        try:
            write_record(self.path, state)
        except OSError as error:
            raise RunError(f"cannot write to {str(self.path)!r}: {error.strerror}") from None
        self.state = state


def create_folder(
    root: Path, config: RunConfig, state: RunState, files: Mapping[str, bytes]
) -> tuple[Path, RunConfig]:
    """Create a run folder below `root` with the given files, by name.

    Returns its path, and `config` with the creation time. If the folder cannot be written, it is
    removed and RunError is raised.
    """
    path = None
    try:
        config = config.model_copy(update={"created": after_all(root, config.created)})
        path = new_folder(root / config.picture, f"{config.created:{TIME_FORMAT}}-{config.mode}")
        (path / "stages").mkdir()
        for name, content in files.items():
            write_bytes(path / name, content)
        write_record(path, state)
        write_record(path, config)  # which makes it a run
    except BaseException as error:
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, OSError | ValueError):  # ValueError: a NUL in the name
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"cannot create a run in {str(root)!r}: {reason}") from None
        raise
    return path, config


def read_folder(path: Path) -> tuple[RunConfig, RunState]:
    """The records of a run folder. Raises RunNotFoundError if it is none, RunError if damaged.

    The folder may be untrusted: nothing in it is executed, and no link out of it is followed.
    """
    if not is_run(path):
        raise RunNotFoundError(
            f"{str(path)!r} is not a run folder: it has no config.json or no state.json"
        )
    check_entries(path)
    return read_record(RunConfig, path), read_record(RunState, path)
