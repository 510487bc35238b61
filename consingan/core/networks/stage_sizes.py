"""The sizes of the stages, and of the windows that they train on. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile

from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions

PAPER_SIZE, PAPER_STAGES = 250, 6
"""The longer side of the paper's pictures in pixels, and their number of stages."""
STAGE_GROWTH = 1.6
"""Beyond the paper's size, each stage's sides are this factor times those of the stage below."""


def default_sizes(size: Size, options: TrainOptions) -> list[Size]:
    """The stage sizes that a mode gets by default, smallest first; the last is `size`.

    They have the paper's logarithmic spacing. If `train_stages` is 0 (auto), see `automatic_sizes`.
    """
    if options.train_stages == 0:
        return automatic_sizes(size, options.min_size)
    return logarithmic_sizes(size, options.train_stages, options.min_size)


def logarithmic_sizes(size: Size, stages: int, min_size: int) -> list[Size]:
    """Stage sizes with many large stages and few small ones (ConSinGAN, section 3.2).

    With S = stages - 1 and r = (min_size / shorter side)^(1/S), stage i < S has the scale
    r^((S-1)/ln(S) * ln(S-i) + 1); the last is `size` itself. Two stages, the formula's limit for
    S -> 1, are min_size and `size`. One stage is `size` alone.
    """
    last = stages - 1
    stretch = (last - 1) / math.log(last) if last > 1 else 1.0
    exponents = [stretch * math.log(last - stage) + 1 for stage in range(last)]
    return _stage_sizes(size, min_size, exponents)


def geometric_sizes(size: Size, stages: int, min_size: int) -> list[Size]:
    """Stage sizes with one constant ratio: scales r^(S-i), in the symbols of `logarithmic_sizes`.

    0 stages means automatic: three, or more if the ratio would exceed `STAGE_GROWTH`.
    """
    if stages == 0:
        growth = max(1.0, min(size) / min_size)
        stages = 1 + max(2, math.ceil(math.log(growth) / math.log(STAGE_GROWTH)))
    last = stages - 1
    return _stage_sizes(size, min_size, [float(last - stage) for stage in range(last)])


def automatic_sizes(size: Size, min_size: int) -> list[Size]:
    """Stage sizes whose number depends on `size`.

    Up to about 250 pixels they are the paper's six, with logarithmic spacing. Above, each stage is
    `STAGE_GROWTH` times as large as the one below, so that no stage has to add more detail than the
    paper's do.
    """
    steps = max(0, round(math.log(max(size) / PAPER_SIZE) / math.log(STAGE_GROWTH)))
    base = size.scaled(STAGE_GROWTH**-steps)
    above = [size.scaled(STAGE_GROWTH**-step) for step in range(steps - 1, 0, -1)]
    return [*logarithmic_sizes(base, PAPER_STAGES, min_size), *above, *[size] * (steps > 0)]


def _stage_sizes(size: Size, min_size: int, exponents: list[float]) -> list[Size]:
    # A picture smaller than min_size is never enlarged: all of its stages have its own size.
    ratio = min(min_size / min(size), 1.0) ** (1 / len(exponents)) if exponents else 1.0
    return [*(size.scaled(ratio**exponent) for exponent in exponents), size]


def training_window(size: Size, options: TrainOptions) -> Size:
    """The size that an iteration trains on: the whole stage, or a window if it is larger."""
    if not options.window or size.height * size.width <= options.window**2:
        return size
    return window_size(size, options.window)


def normalized_stages(sizes: Sequence[Size], options: TrainOptions) -> int:
    """How many stages have batch norm, counted from the lowest: those that train on the whole.

    Stages that train on windows have none, as a window's statistics are not the picture's.
    """
    if not options.batch_norm:
        return 0
    return len(list(takewhile(lambda size: size == training_window(size, options), sizes)))


def window_size(size: Size, side: int) -> Size:
    """The window's size: `side` x `side`, or longer with as many pixels on a narrow picture."""
    height = min(size.height, side)
    width = min(size.width, side * side // height)
    return Size(min(size.height, side * side // width), width)
