"""The JSON files of a run folder: their models, and reading them from untrusted folders."""

from __future__ import annotations

import math
import warnings
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from consingan.core.options.size import MAX_PIXELS, Size
from consingan.core.system.atomic_files import read_file, write_json
from consingan.core.system.names import folder_name
from consingan.errors import DamagedError, Note, RunError

SCHEMA = 1
"""The version of the records' format."""
MAX_BYTES = 10**6
"""The largest record file that is read."""
MAX_STAGES = 64
"""The limit of the option train_stages."""
MAX_SIDE = 10**6
"""The longest side of a stage that a record may have, in pixels."""
RESTORE = "restore it from a copy"
"""The advice in messages about damaged files."""
Status = Literal["training", "stopped", "failed", "complete"]


def _folder_name(name: str) -> str:
    if name != folder_name(name):  # runs are created in a folder of this name
        raise ValueError("not a valid folder name")
    return name


FolderName = Annotated[str, AfterValidator(_folder_name)]
Checksum = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)
    file: ClassVar[str]
    """The file's name in the run folder."""
    schema_version: int = SCHEMA


class Plugin(BaseModel):
    """The installed package that provides a mode."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    package: str = Field(pattern=r"^[\w.-]+$")
    version: str = Field(pattern=r"^[\w.!+-]+$")


class RunConfig(_Record):
    """config.json: the settings of a run. They never change."""

    file = "config.json"
    consingan: str
    """The version of consingan that created the run."""
    created: datetime
    mode: str
    plugin: Plugin
    preset: str
    options: dict[str, Any]
    picture: FolderName
    """The picture's name without suffix."""
    notes: list[str] = []
    """Conversions of the picture, and other facts worth knowing."""
    file_sha256: Checksum | None = None
    """The checksum of the picture's file, by which a batch knows what is trained already."""
    parent: str | None = None
    """The run folder that this one starts from, if it fine-tunes or refines one."""
    refines: bool = False
    """Whether it trains its parent's last stage further, on the same picture."""
    start_sha256: Checksum | None = None
    """The checksum of the stage file that it starts from."""
    fixed_noise_sha256: Checksum | None = None
    """The checksum of the fixed noise, if it is stored and not drawn from the seed."""

    @property
    def fine_tuned(self) -> bool:
        """Whether the run is fine-tuned on its naive picture."""
        return self.parent is not None and not self.refines


class SavedStage(BaseModel):
    """A committed stage: the checksum of its file, and its training time."""

    sha256: Checksum
    seconds: float = Field(ge=0, allow_inf_nan=False)


class SavedCheckpoint(BaseModel):
    """A checkpoint within a stage: its steps and seconds so far, and its file's checksum."""

    stage: int = Field(ge=0, lt=MAX_STAGES)
    step: int = Field(ge=1)
    seconds: float = Field(ge=0, allow_inf_nan=False)
    sha256: Checksum


class RunState(_Record):
    """state.json: the progress of a run. Only the stages and checkpoint listed here count."""

    file = "state.json"
    status: Status
    picture_sha256: Checksum
    known_sha256: Checksum | None = None
    """The checksum of the mask of known pixels, if not all are known."""
    sizes: list[Size] = Field(min_length=1, max_length=MAX_STAGES)
    stages: list[SavedStage] = []
    checkpoint: SavedCheckpoint | None = None

    @model_validator(mode="after")
    def _sizes_grow(self) -> RunState:
        sizes = [Size(*size) for size in self.sizes]
        grow = all(a.height <= b.height and a.width <= b.width for a, b in pairwise(sizes))
        if not grow or min(sizes[0]) < 1 or max(sizes[-1]) > MAX_SIDE:
            raise ValueError("the stages' sizes don't grow")
        if sum(map(math.prod, sizes)) > MAX_PIXELS:
            raise ValueError("the stages have too many pixels")
        if len(self.stages) > len(sizes):
            raise ValueError("there are more stages than sizes")
        return self


RecordT = TypeVar("RecordT", bound=_Record)


def write_record(folder: Path, record: _Record) -> None:
    """Write a record's backup, and then its file. Raises OSError."""
    content = record.model_dump(mode="json")
    write_json(folder / _backup(record), content)
    write_json(folder / record.file, content)


def read_record(model: type[RecordT], folder: Path) -> RecordT:
    """Read a record of a run folder, or its backup, with a Note, if the file is damaged or missing.

    Raises RunError if both are damaged, or if the record has a newer schema.
    """
    file, backup = folder / model.file, folder / _backup(model)
    try:
        return parse_record(model, folder, model.file)
    except DamagedError as error:
        try:
            record = parse_record(model, folder, backup.name)
        except RunError:
            raise error from None
    warnings.warn(Note(f"{str(file)!r} is damaged or missing; its backup is used"), stacklevel=2)
    return record


def parse_record(model: type[RecordT], folder: Path, name: str) -> RecordT:
    """Read a record from one file.

    Raises DamagedError, or another RunError if the file cannot be read or has a newer schema.
    """
    content = read_file(folder, name, MAX_BYTES, RESTORE)
    try:
        record = model.model_validate_json(content)
    except pydantic.ValidationError as error:
        first, shown = error.errors(include_input=False)[0], repr(str(folder / name))
        if _version(content) > SCHEMA:
            raise _newer(shown) from None
        place = ".".join(map(str, first["loc"]))[:80]
        reason = f"{place or 'content'}: {first['msg'][:200]}"
        raise DamagedError(f"{shown} is damaged: {reason}; {RESTORE}") from None
    if record.schema_version > SCHEMA:
        raise _newer(repr(str(folder / name)))
    return record


def _version(content: bytes) -> int:
    """The schema version of an otherwise invalid record; 0 if it has none."""
    try:
        return _Record.model_validate_json(content).schema_version
    except pydantic.ValidationError:
        return 0


def _newer(shown: str) -> RunError:
    return RunError(f"{shown} is of a newer consingan; upgrade to open it")


def _backup(record: _Record | type[_Record]) -> str:
    return record.file.replace(".json", ".backup.json")
