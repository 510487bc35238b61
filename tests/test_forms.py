"""Options as data: what a form needs, and the command line that does the same."""

from __future__ import annotations

import enum
import shlex
from pathlib import Path
from typing import Literal

import pytest

import consingan
from consingan import Options, command_line, option, option_fields


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Everything(Options):
    a: int = option(3, "A.", "One", ge=1, lt=9)
    b: float = option(0.5, "B.", "One", gt=0, le=1, advanced=True)
    c: bool = option(True, "C.", "Two")
    d: Literal["x", "y"] = option("x", "D.", "Two")
    e: Path = option(..., "E.", "Two")
    f: int | None = option(None, "F.", "Two", ge=0)
    g: int = option(0, "G.", "Two", words={"auto": 0})
    h: Colour = option(Colour.RED, "H.", "Two")
    i: list[int] = option([1], "I.", "Two")
    j: str | None = option(None, "J.", "Two")


def test_a_form_knows_each_option() -> None:
    fields = {field.name: field for field in option_fields(Everything, {"a": 5})}
    kinds = {name: field.kind for name, field in fields.items()}
    assert list(kinds.values()) == [
        *("whole", "number", "switch", "choice", "file", "whole", "whole", "choice"),
        *("several", "text"),
    ]
    assert (fields["a"].default, fields["a"].low, fields["a"].high) == (5, 1, 8)
    assert (fields["b"].low, fields["b"].high, fields["b"].advanced) == (0, 1, True)
    assert [name for name, field in fields.items() if field.required] == ["e"]
    assert (fields["g"].default, fields["g"].choices) == ("auto", ("auto",))
    assert fields["h"].choices == ("red", "blue")
    assert (fields["f"].low, fields["f"].high, fields["f"].default) == (0, None, None)
    assert (fields["d"].help, fields["d"].panel) == ("D.", "Two")


@pytest.mark.parametrize("mode", consingan.installed_modes().values(), ids=lambda mode: mode.name)
def test_all_modes_can_be_shown(mode: consingan.Mode) -> None:
    for model in (mode.TrainOptions, mode.ApplyOptions):
        assert [field.name for field in option_fields(model)] == list(model.model_fields)


def test_the_command_line_is_written_as_it_is_typed() -> None:
    typed = command_line(
        *("editing", "train", Path("my photo.jpg")),
        niter=5,
        batch_norm=False,
        mask=None,
        sizes=["a", "b c"],
        span=(1, 2),
    )
    assert typed.startswith("consingan editing train 'my photo.jpg' --niter 5 --no-batch-norm")
    assert shlex.split(typed)[-7:] == ["--sizes", "a", "--sizes", "b c", "--span", "1", "2"]
