"""A picture's size, and the options that ask for one."""

from __future__ import annotations

import math
from typing import NamedTuple

from pydantic import model_validator

from consingan.core.options.fields import Options, flag, option
from consingan.errors import OptionError

SAME_ASPECT = 0.02
"""How far two aspect ratios may differ, relatively, and still count as the same."""
MAX_PIXELS = 100_000_000
"""No picture that is read or made has more; 8K is a third of it."""


class Size(NamedTuple):
    """A picture's size in pixels, in the order of a tensor's last two dimensions."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    def has_aspect_of(self, other: Size) -> bool:
        """Whether both have the same aspect ratio, within `SAME_ASPECT`."""
        ratio = (self.width * other.height) / (self.height * other.width)
        # A thin picture's ratio is coarser than that: its sides are whole pixels.
        return abs(ratio - 1) <= max(SAME_ASPECT, 1 / min(other))

    def scaled(self, factor: float) -> Size:
        """Both sides times `factor`, rounded up."""
        return Size(math.ceil(self.height * factor), math.ceil(self.width * factor))


class SizeOptions(Options):
    """The size of what a mode makes: as factors on the training size, or in pixels."""

    scale_w: float = option(1.0, "Width of the result, as a factor.", "Size", gt=0)
    scale_h: float = option(1.0, "Height of the result, as a factor.", "Size", gt=0)
    width: int | None = option(
        None, "Width of the result in pixels; the height stays unless it is given.", "Size", ge=1
    )
    height: int | None = option(
        None, "Height of the result in pixels; the width stays unless it is given.", "Size", ge=1
    )

    @model_validator(mode="after")
    def _one_way_a_side(self) -> SizeOptions:
        for factor, pixels in (("scale_w", "width"), ("scale_h", "height")):
            if {factor, pixels} <= self.model_fields_set and getattr(self, pixels) is not None:
                raise ValueError(f"{flag(factor)} and {flag(pixels)} exclude each other")
        return self

    def target(self, trained: Size) -> Size:
        """The size to make from a run trained at `trained`; a side not asked for stays.

        Raises OptionError if it is beyond `MAX_PIXELS`.
        """
        return check_size(
            Size(
                self.height or max(1, round(trained.height * self.scale_h)),
                self.width or max(1, round(trained.width * self.scale_w)),
            )
        )


def check_size(size: Size) -> Size:
    """`size` itself, or OptionError if it has more than `MAX_PIXELS`."""
    if size.height * size.width > MAX_PIXELS:
        raise OptionError(f"{size} is more than {MAX_PIXELS // 10**6} million pixels; ask for less")
    return size


def parse_size(text: str) -> Size:
    """`500x150` as a size, 500 wide and 150 high. Raises ValueError."""
    width, cross, height = text.strip().partition("x")
    if not (cross and width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ValueError(f"{text.strip()!r} is no size; write WIDTHxHEIGHT, such as 500x150")
    return Size(int(height), int(width))


def fit(size: Size, max_size: int) -> Size:
    """`size` reduced so that its longer side is `max_size`, never enlarged.

    Rounds up as the published code does, on floats: now and then to one pixel more.
    """
    return size.scaled(min(max_size / max(size), 1.0))
