"""Odd values of options, names, and what hooks give back, for fuzzing."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import torch

from benchmarks.damage import NUMBERS, WORDS
from consingan import Mode, Options, Size, TrainOptions, hookimpl

SIZE = Size(12, 16)
TINY_PICTURE = torch.zeros(1, 3, *SIZE)


def any_value(random: Random) -> Any:
    """A value that an option may be given: a number of any size, a word, or a list."""
    return random.choice([*WORDS, *NUMBERS, 10**400, -(10**400), 1e308, float("nan"), "²", "٣"])


def any_name(random: Random) -> str:
    """A name of up to 300 characters of any kind."""
    ranges = [(32, 127), (0, 32), (0x300, 0x370), (0x900, 0xE80), (0x1F300, 0x1FAFF)]
    ranges += [(0, sys.maxunicode)]
    low, high = random.choice(ranges)
    name = "".join(chr(random.randrange(low, high)) for _ in range(random.randint(0, 300)))
    return name[: random.choice([1, 10, 300])]


def any_return(random: Random) -> Any:
    """What a hook may give back: a tensor of any kind, sizes, or neither."""
    wrong = random.choice([TINY_PICTURE, TINY_PICTURE[:, :1], TINY_PICTURE[..., :3]])
    tensors = [
        *(wrong, wrong.to_sparse(), wrong.to("meta"), wrong.to(torch.complex64), wrong.double()),
        *(wrong + float("nan"), wrong + float("inf"), wrong.bool(), wrong.requires_grad_(False)),
    ]
    sides = [0, -1, 11, 12.0, 12.5, 16, 10**6, 10**30, float("nan"), "12", None, [12], True]
    pair = (random.choice(sides), random.choice(sides))
    sizes = [pair] * random.choice([0, 1, 2, 65]) + [tuple(SIZE)] * random.randint(0, 2)
    return random.choice([random.choice(tensors), sizes, random.choice(WORDS)])


class OddMode(Mode[TrainOptions, Options]):
    """A mode all of whose hooks give back `given`."""

    name = "odd"
    summary = "Gives back anything."

    def __init__(self, given: Any) -> None:
        self.given = given

    @hookimpl
    def stage_sizes(self, size: Size, options: TrainOptions) -> Any:
        """Anything."""
        return self.given

    @hookimpl
    def known_pixels(self, size: Size, options: TrainOptions) -> Any:
        """Anything."""
        return self.given

    @hookimpl
    def fixed_input(self, pyramid: Any, options: TrainOptions, generator: torch.Generator) -> Any:
        """Anything."""
        return self.given
