"""The JSON files of a run folder: what they hold, and reading them with suspicion."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from consingan.core.config import Size
from consingan.errors import RunError

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
    parent: str | None = None
    """The run folder that this one was fine-tuned from."""
    start_sha256: str | None = None
    """The checksum of the stage file that fine-tuning starts from."""
    fixed_noise_sha256: str | None = None
    """The checksum of the fixed noise, if it is kept by value and not by the seed."""


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


RecordT = TypeVar("RecordT", bound=_Record)


def read_record(model: type[RecordT], file: Path) -> RecordT:
    """The record in `file`. Raises RunError if it is damaged or of a newer schema."""
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
