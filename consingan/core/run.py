"""The run folder: what a training leaves behind, and all that resuming and applying need.

runs/<picture>/<YYYYmmdd-HHMMSS>-<mode>/
  config.json            what was asked for: mode, plugin, options
  state.json             how far it is: the commit point, always written last
  *.backup.json          the same as these two, in case that they are damaged
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
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan.core.catalog import after_all, is_run
from consingan.core.config import Size, TrainOptions
from consingan.core.files import check_entries, new_folder, write_bytes
from consingan.core.inputs import read_known, read_naive, read_noise, read_pyramid
from consingan.core.options import parse_options
from consingan.core.outputs import Outputs
from consingan.core.records import (
    RESTORE,
    RunConfig,
    RunState,
    SavedCheckpoint,
    SavedStage,
    Status,
    read_record,
    write_record,
)
from consingan.core.recovery import remedy
from consingan.core.stages import (
    START,
    check_networks,
    read_checked,
    save_tensors,
    stage_file,
    use_tensors,
)
from consingan.errors import DamagedError, OptionError, RunError, RunNotFoundError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.hooks import Hooks
    from consingan.core.model import Model
    from consingan.core.sampler import Sampler

MIN_TILE = 32
"""Smaller tiles would be all margin."""
STAMP = "%Y%m%d-%H%M%S"


class Run:
    """A run folder, opened: its options, its state, and what can be made from it."""

    def __init__(self, path: Path, config: RunConfig, state: RunState, hooks: Hooks) -> None:
        self.path = path
        self.config = config
        self.state = state
        self.hooks = hooks
        self.options: TrainOptions = parse_options(hooks.mode.TrainOptions, config.options)

    @classmethod
    def create(
        cls,
        root: Path,
        config: RunConfig,
        state: RunState,
        files: Mapping[str, bytes],
        hooks: Hooks,
    ) -> Run:
        """Make a new run folder below `root`, with `files` by their names in it.

        Raises RunError if it cannot be written, and leaves nothing.
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
        return cls(path, config, state, hooks)

    @classmethod
    def open(cls, path: Path, find_hooks: Callable[[RunConfig], Hooks]) -> Run:
        """Open a run folder. Raises RunNotFoundError if it is none, RunError if it is damaged.

        It may be of a stranger: nothing in it is run, and no link is followed out of it.
        """
        if not is_run(path):
            raise RunNotFoundError(f"{str(path)!r} is not a run folder: it has no config.json")
        check_entries(path)
        config = read_record(RunConfig, path)
        state = read_record(RunState, path)
        hooks = find_hooks(config)
        try:
            run = cls(path, config, state, hooks)
        except OptionError as error:
            file, reason = str(path / config.file), str(error)[:200]
            raise RunError(f"{file!r} has unusable options: {reason}") from None
        if min(run.sizes[0]) < run.options.receptive_field:
            raise RunError(f"{str(path / state.file)!r} does not fit the run's options; {RESTORE}")
        return run

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

    def load_model(self, device: torch.device | str = "cpu") -> Model:
        """The model as of the last committed stage; untrained if there is none.

        Raises RunError, which says how to go on, if a stage file is damaged.
        """
        from consingan.core.model import Model

        padding = self.hooks.padding_style(self.options)
        stage = 0
        try:
            check_networks(self.options, padding, self._bytes_of_first_stage())
            model = Model(self.options, padding, self.sizes, device)
            for stage, saved in enumerate(self.state.stages):
                if stage > 0:
                    model.grow()
                if self.config.parent is not None and stage == len(self.sizes) - 1:
                    self._load(model, START, self.config.start_sha256)
                self._load(model, stage_file(stage), saved.sha256)
        except DamagedError as error:
            raise RunError(f"{error}, or {remedy(self, stage)}") from None
        return model

    def load_start(self, model: Model) -> None:
        """Give a fine-tuned run's model the stage that fine-tuning starts from."""
        if self.stages_done:
            model.grow()
        self._load(model, START, self.config.start_sha256)

    def sampler(self, device: str = "auto") -> Sampler:
        """What makes pictures from the stages trained so far. Raises RunError if there are none."""
        import torch

        from consingan.core.devices import faster_precision, find_device

        if not self.state.stages:
            raise RunError(f"{str(self.path)!r} has no trained stage yet; train it first")
        model = self.load_model(find_device(device))
        if faster_precision(model.device) == "float32":
            model.dtype = torch.float32  # trained on a machine that is faster in bfloat16
        return self.sampler_of(model)

    def sampler_of(self, model: Model) -> Sampler:
        """What makes pictures with `model`, on its device. Raises RunError if a file is damaged."""
        from consingan.core.sampler import make_sampler

        device, tuning = model.device, self.config.parent is not None
        pyramid, known = read_pyramid(self, device), read_known(self, device)
        noise, naive = read_noise(self, device), read_naive(self)
        return make_sampler(model, pyramid, self.hooks, noise, naive, tuning, known)

    def apply(
        self,
        out: str | Path | None = None,
        device: str = "auto",
        tile: int | None = None,
        on_tile: Callable[[int, int], None] | None = None,
        **options: Any,
    ) -> list[Path]:
        """Make the mode's pictures.

        Args:
            out: a folder, or a name whose suffix picks the format; see `Outputs`. By default a
                new folder in the run's `applied/`.
            device: `auto`, `cpu`, `cuda:N` or `mps`.
            tile: side, in pixels, of the square beyond which pictures are made in parts; it bounds
                the memory. By default 512.
            on_tile: told how many parts of a picture are done, of how many.
            options: the mode's apply options, by name.

        Returns:
            The pictures' paths, in the order in which they were made.

        Raises OptionError, RunError or ModeError; nothing that existed is ever overwritten.
        """
        parsed = parse_options(self.hooks.mode.ApplyOptions, options)
        if tile is not None and tile < MIN_TILE:
            raise OptionError(f"a tile has at least {MIN_TILE} pixels a side", "tile")
        sampler = self.sampler(device)
        sampler.tile = tile or sampler.tile
        sampler.on_tile = on_tile or sampler.on_tile
        fresh = out is None
        if out is None:
            try:
                now = datetime.now(timezone.utc).astimezone()
                out = new_folder(self.path / "applied", f"{now:{STAMP}}-{self.mode}")
            except OSError as error:
                raise RunError(f"cannot write to {str(self.path)!r}: {error.strerror}") from None
        outputs = Outputs(Path(out), fresh)
        try:
            self.hooks.apply(sampler, parsed, outputs)
        except BaseException:
            outputs.discard()
            raise
        outputs.save_record({"run": str(self.path), "options": parsed.model_dump(mode="json")})
        return outputs.files

    def commit(self, stage: int, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Make a trained stage safe: first its file, then the state that counts it."""
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

    def _bytes_of_first_stage(self) -> int | None:
        if not self.stages_done:
            return None
        return len(read_checked(self.path, stage_file(0), self.state.stages[0].sha256))

    def _load(self, model: Model, name: str, checksum: str | None) -> None:
        use_tensors(self.path, name, checksum, model.load_stage)

    def _write_state(self, **changes: Any) -> None:
        state = self.state.model_copy(update=changes)
        try:
            write_record(self.path, state)
        except OSError as error:
            raise RunError(f"cannot write to {str(self.path)!r}: {error.strerror}") from None
        self.state = state
