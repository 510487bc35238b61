"""The sizes of the stages, and of the windows that they train on; no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile

from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions

PAPER_SIZE, PAPER_STAGES = 250, 6
"""The longer side and the stages of the paper's pictures."""
GROWTH = 1.6
"""How much larger a stage is than the one below, beyond the paper's size."""


def default_sizes(size: Size, options: TrainOptions) -> list[Size]:
    """The stage sizes that a mode gets unless it decides: `size` last, smallest first.

    The paper's logarithmic spacing, or with `train_stages` 0 as many stages as `size` asks for.
    """
    if options.train_stages == 0:
        return automatic_sizes(size, options.min_size)
    return logarithmic_sizes(size, options.train_stages, options.min_size)


def logarithmic_sizes(size: Size, stages: int, min_size: int) -> list[Size]:
    """Stage sizes with many large stages and few small ones (ConSinGAN, section 3.2).

    With S = stages - 1 and r = (min_size / shorter side)^(1/S), stage i < S has the scale
    r^((S-1)/ln(S) * ln(S-i) + 1); the last is `size` itself. For two stages the formula's limit
    (S -> 1) is min_size and the picture; for one, the picture alone.
    """
    last = stages - 1
    stretch = (last - 1) / math.log(last) if last > 1 else 1.0
    exponents = [stretch * math.log(last - stage) + 1 for stage in range(last)]
    return _stage_sizes(size, min_size, exponents)


def geometric_sizes(size: Size, stages: int, min_size: int) -> list[Size]:
    """Stage sizes with one constant ratio, r^(S-i): see `logarithmic_sizes` for the letters.

    0 stages means as many as the size asks for: three, or more if the ratio would pass `GROWTH`.
    """
    if stages == 0:
        growth = max(1.0, min(size) / min_size)
        stages = 1 + max(2, math.ceil(math.log(growth) / math.log(GROWTH)))
    last = stages - 1
    return _stage_sizes(size, min_size, [float(last - stage) for stage in range(last)])


def automatic_sizes(size: Size, min_size: int) -> list[Size]:
    """As many stages as `size` asks for.

    Up to about 250 pixels the paper's six, logarithmic; above, each is `GROWTH` times as large as
    the one below, so that none has to invent more than the paper's stages do.
    """
    steps = max(0, round(math.log(max(size) / PAPER_SIZE) / math.log(GROWTH)))
    base = size.scaled(GROWTH**-steps)
    above = [size.scaled(GROWTH**-step) for step in range(steps - 1, 0, -1)]
    return [*logarithmic_sizes(base, PAPER_STAGES, min_size), *above, *[size] * (steps > 0)]


def _stage_sizes(size: Size, min_size: int, exponents: list[float]) -> list[Size]:
    # A picture smaller than min_size is never enlarged: all of its stages have its own size.
    ratio = min(min_size / min(size), 1.0) ** (1 / len(exponents)) if exponents else 1.0
    return [*(size.scaled(ratio**exponent) for exponent in exponents), size]


def training_window(size: Size, options: TrainOptions) -> Size:
    """The part of a stage's picture that an iteration sees: all of it unless it is too large."""
    if not options.window or size.height * size.width <= options.window**2:
        return size
    return window_size(size, options.window)


def normalized_stages(sizes: Sequence[Size], options: TrainOptions) -> int:
    """How many stages of `sizes`, from the lowest, have batch norm: those that are trained whole.

    On windows it would learn from their statistics, which are not those of the picture.
    """
    if not options.batch_norm:
        return 0
    return len(list(takewhile(lambda size: size == training_window(size, options), sizes)))


def window_size(size: Size, side: int) -> Size:
    """The training window on a picture: `side` x `side` pixels, or as many in a longer shape."""
    height = min(size.height, side)
    width = min(size.width, side * side // height)
    return Size(min(size.height, side * side // width), width)
