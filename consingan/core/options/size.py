"""Picture sizes, and the options that set one."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from pydantic import model_validator

from consingan.core.options.fields import Options, flag, option
from consingan.errors import OptionError

ASPECT_TOLERANCE = 0.02
"""Relative difference up to which two aspect ratios count as the same."""
MAX_PIXELS = 100_000_000
"""The largest picture that can be made. 8K UHD is a third of it."""


class Size(NamedTuple):
    """A picture's size in pixels, in the order of a tensor's last two dimensions."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    def has_aspect_of(self, other: Size) -> bool:
        """Whether both have the same aspect ratio, within `ASPECT_TOLERANCE`."""
        ratio = (self.width * other.height) / (self.height * other.width)
        # Rounding to whole pixels changes a narrow picture's ratio by more than the tolerance.
        return abs(ratio - 1) <= max(ASPECT_TOLERANCE, 1 / min(other))

    def scaled(self, factor: float) -> Size:
        """Both sides times `factor`, rounded up."""
        return Size(math.ceil(self.height * factor), math.ceil(self.width * factor))


class SizeOptions(Options):
    """The size of a mode's result, as factors on the training size or in pixels."""

    scale_w: float = option(
        1.0, "Width of the result, as a factor on the training picture's.", "Size", gt=0
    )
    scale_h: float = option(
        1.0, "Height of the result, as a factor on the training picture's.", "Size", gt=0
    )
    width: int | None = option(
        None,
        "Width of the result in pixels. The height is the training picture's unless it is set too.",
        "Size",
        ge=1,
    )
    height: int | None = option(
        None,
        "Height of the result in pixels. The width is the training picture's unless it is set too.",
        "Size",
        ge=1,
    )

    @model_validator(mode="after")
    def _either_factor_or_pixels(self) -> SizeOptions:
        for factor, pixels in (("scale_w", "width"), ("scale_h", "height")):
            if {factor, pixels} <= self.model_fields_set and getattr(self, pixels) is not None:
                raise ValueError(f"{flag(factor)} and {flag(pixels)} exclude each other")
        return self

    def target(self, trained: Size) -> Size:
        """The result's size for a run trained at `trained`. A side that isn't set keeps its length.

        Raises OptionError if it has more than `MAX_PIXELS`.
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
        limit = f"{MAX_PIXELS // 10**6} million pixels"
        raise OptionError(f"{size} is more than {limit}; use a smaller size")
    return size


def parse_size(text: str) -> Size:
    """Parse `WIDTHxHEIGHT`, such as `500x150`. Raises ValueError."""
    found = re.fullmatch("([0-9]{1,9})x([0-9]{1,9})", text.strip())
    size = Size(int(found[2]), int(found[1])) if found else Size(0, 0)
    if 0 in size:
        raise ValueError(f"{text.strip()[:40]!r} is no size; write WIDTHxHEIGHT, such as 500x150")
    return size


def fit(size: Size, max_size: int) -> Size:
    """`size` reduced so that its longer side is `max_size`. A smaller size stays as it is.

    Sides are rounded up in floating point, as in the published code. The result is sometimes one
    pixel longer than exact arithmetic gives.
    """
    return size.scaled(min(max_size / max(size), 1.0))
