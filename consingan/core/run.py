"""The run folder: what a training leaves behind, and all that resuming and applying need.

runs/<picture>/<YYYYmmdd-HHMMSS>-<mode>/
  config.json            what was asked for: mode, plugin, options
  state.json             how far it is: the commit point, always written last
  picture.png            the training pixels
  stages/NN.safetensors  what stage NN added or changed
  metrics.jsonl          one object a logged step
  previews/NN.png        how each stage looked
  applied/               what was made from it
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from consingan.core.config import Size, TrainOptions, parse_options
from consingan.core.files import write_atomically, write_json
from consingan.core.outputs import Outputs, save_image
from consingan.core.pictures import Picture, load_picture, to_tensor
from consingan.core.pyramid import build_pyramid
from consingan.errors import RunError, RunNotFoundError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.hooks import Hooks
    from consingan.core.model import Model
    from consingan.core.sampler import Sampler

SCHEMA = 1
Status = Literal["training", "stopped", "failed", "complete"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)
    schema_version: int = SCHEMA


class Plugin(BaseModel):
    """Which installed package a mode came from."""

    model_config = ConfigDict(frozen=True)
    package: str
    version: str


class RunConfig(_Record):
    """config.json: what was asked for; never changes."""

    consingan: str
    """The version that made the run."""
    created: datetime
    mode: str
    plugin: Plugin
    preset: str
    options: dict[str, Any]
    picture: str
    """The picture's name without suffix."""
    notes: list[str] = []
    """What had to be done to read the picture."""


class SavedStage(BaseModel):
    """A committed stage: the checksum of its file, and what it took."""

    sha256: str
    seconds: float = Field(ge=0)


class RunState(_Record):
    """state.json: how far the run is. Nothing that it doesn't list counts."""

    status: Status
    picture_sha256: str
    sizes: list[Size] = Field(min_length=1)
    stages: list[SavedStage] = []


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
        cls, root: Path, picture: Picture, sizes: list[Size], config: RunConfig, hooks: Hooks
    ) -> Run:
        """Make a new run folder below `root`; `picture` has the size of the last stage.

        Raises RunError if it cannot be written.
        """
        try:
            path = _new_folder(
                root / config.picture, f"{config.created:%Y%m%d-%H%M%S}", config.mode
            )
            (path / "stages").mkdir()
            save_image(path / "picture.png", picture.image)
            write_json(path / "config.json", config.model_dump(mode="json"))
        except OSError as error:
            raise RunError(f"cannot create a run in {str(root)!r}: {error.strerror}") from None
        checksum = _sha256((path / "picture.png").read_bytes())
        run = cls(
            path, config, RunState(status="training", picture_sha256=checksum, sizes=sizes), hooks
        )
        run._write_state(run.state)
        return run

    @classmethod
    def open(cls, path: Path, find_hooks: Callable[[RunConfig], Hooks]) -> Run:
        """Open a run folder. Raises RunNotFoundError if it is none, RunError if it is damaged."""
        if not (path / "config.json").is_file():
            raise RunNotFoundError(f"{str(path)!r} is not a run folder: it has no config.json")
        config = _read(RunConfig, path / "config.json")
        state = _read(RunState, path / "state.json")
        return cls(path, config, state, find_hooks(config))

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

    def pyramid(self, device: torch.device | str = "cpu") -> list[Tensor]:
        """The training picture at every stage, (1, 3, H, W) in [-1, 1]."""
        file = self.path / "picture.png"
        picture = load_picture(file)
        if picture.size != self.sizes[-1]:
            raise RunError(f"{str(file)!r} is not the run's picture: its size is {picture.size}")
        pyramid = build_pyramid(to_tensor(picture.image), self.sizes)
        return [level.to(device) for level in pyramid]

    def new_model(self, device: torch.device | str = "cpu") -> Model:
        """An untrained model of the run's shape."""
        from consingan.core.model import Model

        return Model(self.options, self.hooks.padding_style(self.options), self.sizes, device)

    def load_model(self, device: torch.device | str = "cpu") -> Model:
        """The model as of the last committed stage. Raises RunError if a file is damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        if not self.state.stages:
            raise RunError(f"{str(self.path)!r} has no trained stage yet; train it first")
        model = self.new_model(device)
        for stage, saved in enumerate(self.state.stages):
            file = self._stage_file(stage)
            if stage > 0:
                model.grow()
            try:
                content = file.read_bytes()
                if _sha256(content) != saved.sha256:
                    raise RunError("its checksum differs")
                model.load_stage(load(content))
            except (OSError, SafetensorError, RunError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                raise RunError(f"stage file {str(file)!r} is damaged: {reason}") from None
        return model

    def sampler(self, device: str = "auto") -> Sampler:
        """What makes pictures from the stages trained so far."""
        from consingan.core.devices import find_device
        from consingan.core.engine import make_sampler
        from consingan.core.noise import Noise

        place = find_device(device)
        model = self.load_model(place)
        noise = Noise(self.options.seed, place)
        return make_sampler(model, self.pyramid(place), self.hooks, noise)

    def apply(
        self, out: str | Path | None = None, device: str = "auto", **options: Any
    ) -> list[Path]:
        """Make the mode's pictures.

        Args:
            out: a folder, or a name whose suffix picks the format; see `Outputs`. By default a
                new folder in the run's `applied/`.
            device: `auto`, `cpu`, `cuda:N` or `mps`.
            options: the mode's apply options, by name.

        Returns:
            The pictures' paths, in the order in which they were made.

        Raises OptionError, RunError or ModeError; nothing that existed is ever overwritten.
        """
        parsed = parse_options(self.hooks.mode.ApplyOptions, options)
        sampler = self.sampler(device)
        if out is None:
            time = f"{datetime.now(timezone.utc).astimezone():%Y%m%d-%H%M%S}"
            try:
                out = _new_folder(self.path / "applied", time, self.mode)
            except OSError as error:
                raise RunError(f"cannot write to {str(self.path)!r}: {error.strerror}") from None
        outputs = Outputs(Path(out))
        self.hooks.apply(sampler, parsed, outputs)
        outputs.save_record({"run": str(self.path), "options": parsed.model_dump(mode="json")})
        return outputs.files

    def commit(self, stage: int, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Make a trained stage safe: first its file, then the state that counts it."""
        from safetensors.torch import save

        content = save(dict(tensors))
        try:
            write_atomically(self._stage_file(stage), lambda file: file.write(content))
        except OSError as error:
            raise RunError(f"cannot save stage {stage}: {error.strerror}") from None
        saved = SavedStage(sha256=_sha256(content), seconds=seconds)
        self._write_state(
            self.state.model_copy(update={"stages": [*self.state.stages[:stage], saved]})
        )

    def set_status(self, status: Status) -> None:
        """Record whether the run is training, stopped, failed or complete."""
        self._write_state(self.state.model_copy(update={"status": status}))

    def _stage_file(self, stage: int) -> Path:
        return self.path / "stages" / f"{stage:02}.safetensors"

    def _write_state(self, state: RunState) -> None:
        try:
            write_json(self.path / "state.json", state.model_dump(mode="json"))
        except OSError as error:
            raise RunError(f"cannot write to {str(self.path)!r}: {error.strerror}") from None
        self.state = state


RecordT = TypeVar("RecordT", bound=_Record)


def _read(model: type[RecordT], file: Path) -> RecordT:
    try:
        record = model.model_validate_json(file.read_bytes())
    except OSError as error:
        raise RunError(f"cannot read {str(file)!r}: {error.strerror}") from None
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RunError(f"{str(file)!r} is damaged: {place or 'content'}: {first['msg']}") from None
    if record.schema_version > SCHEMA:
        raise RunError(f"{str(file)!r} is of a newer consingan; upgrade to open it")
    return record


def _new_folder(parent: Path, time: str, mode: str) -> Path:
    for number in count(1):
        tail = f"-{number}" if number > 1 else ""
        path = parent / f"{time}-{mode}{tail}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not parent.is_dir():
                raise
            continue
        return path
    raise AssertionError("count() does not end")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
