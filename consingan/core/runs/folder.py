"""The run folder: what a training leaves behind, and all that resuming and applying need.

runs/<picture>/<YYYYmmdd-HHMMSS>-<mode>/
  config.json            what was asked for: mode, plugin, options
  state.json             how far it is: the commit point, always written last
  *.backup.json          the same as these two, in case they are damaged
  picture.png            the training pixels
  known.png              white where they are known, if the mode doesn't know all of them
  fixed_noise.safetensors  the fixed noise of an imported run; others have it by their seed
  stages/NN.safetensors  what stage NN added or changed
  metrics.jsonl          one object a logged step
  previews/NN.png        how each stage looked
  applied/               what was made from it
  .lock                  the process that trains it
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.core.runs.find import after_all, is_run
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

STAMP = "%Y%m%d-%H%M%S"


class RunFolder:
    """A run folder, opened: what was asked for and how far it is."""

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
        """The training options, as the run's mode types them."""
        self.padding = padding
        """How the run's generator treats borders."""

    @property
    def mode(self) -> str:
        """The name of the mode that trained it."""
        return self.config.mode

    @property
    def sizes(self) -> list[Size]:
        """The size of every stage, smallest first."""
        return [Size(*size) for size in self.state.sizes]

    @property
    def stages_done(self) -> int:
        """How many stages are committed."""
        return len(self.state.stages)

    @property
    def complete(self) -> bool:
        """Whether all stages are trained."""
        return self.stages_done == len(self.sizes)

    def commit(self, stage: int, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Save a trained stage: first its file, then the state that counts it."""
        checksum = save_tensors(self.path, stage_file(stage), tensors, stage)
        saved = SavedStage(sha256=checksum, seconds=seconds)
        self._write_state(stages=[*self.state.stages[:stage], saved], checkpoint=None)

    def set_checkpoint(self, checkpoint: SavedCheckpoint) -> None:
        """Record what was saved within a stage."""
        self._write_state(checkpoint=checkpoint)

    def set_status(self, status: Status) -> None:
        """Record whether the run is training, stopped, failed or complete."""
        self._write_state(status=status)

    def refresh(self) -> None:
        """Read the state again: another process may have trained the run since it was opened."""
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
    """Make a new run folder below `root`, with `files` by their names in it.

    Returns its path, and its `config` with the time at which it was made. Raises RunError if it
    cannot be written, and leaves nothing.
    """
    path = None
    try:
        config = config.model_copy(update={"created": after_all(root, config.created)})
        path = new_folder(root / config.picture, f"{config.created:{STAMP}}-{config.mode}")
        (path / "stages").mkdir()
        for name, content in files.items():
            write_bytes(path / name, content)
        write_record(path, config)
        write_record(path, state)
    except BaseException as error:
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)
        if isinstance(error, OSError):
            raise RunError(f"cannot create a run in {str(root)!r}: {error.strerror}") from None
        raise
    return path, config


def read_folder(path: Path) -> tuple[RunConfig, RunState]:
    """The records of a run folder. Raises RunNotFoundError if it is none, RunError if damaged.

    It may be of a stranger: nothing in it is run, and no link is followed out of it.
    """
    if not is_run(path):
        raise RunNotFoundError(f"{str(path)!r} is not a run folder: it has no config.json")
    check_entries(path)
    return read_record(RunConfig, path), read_record(RunState, path)
