"""The sizes of the stages; no torch."""

from __future__ import annotations

import math

from consingan.core.config import Size

PAPER_SIZE, PAPER_STAGES = 250, 6
"""The longer side and the stages of the paper's pictures."""
GROWTH = 1.6
"""How much larger a stage is than the one below, beyond the paper's size."""


def fit(size: Size, max_size: int) -> Size:
    """`size` reduced so that its longer side is `max_size`, never enlarged.

    Rounds up as the published code does, on floats: now and then to one pixel more.
    """
    return _scaled(size, min(max_size / max(size), 1.0))


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
    base = _scaled(size, GROWTH**-steps)
    above = [_scaled(size, GROWTH**-step) for step in range(steps - 1, 0, -1)]
    return [*logarithmic_sizes(base, PAPER_STAGES, min_size), *above, *[size] * (steps > 0)]


def _stage_sizes(size: Size, min_size: int, exponents: list[float]) -> list[Size]:
    # A picture smaller than min_size is never enlarged: all of its stages have its own size.
    ratio = min(min_size / min(size), 1.0) ** (1 / len(exponents)) if exponents else 1.0
    return [*(_scaled(size, ratio**exponent) for exponent in exponents), size]


def _scaled(size: Size, scale: float) -> Size:
    return Size(math.ceil(size.height * scale), math.ceil(size.width * scale))
