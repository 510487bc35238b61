"""What several modes make: the reconstruction and numbered samples, on a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from consingan.core.config import Size

if TYPE_CHECKING:
    from consingan.core.outputs import Outputs
    from consingan.core.sampler import Sampler


def save_samples(
    sampler: Sampler, outputs: Outputs, sizes: Sequence[Size], count: int, seed: int
) -> None:
    """Save the reconstruction, `count` samples of each size, and a sheet of them all.

    With one size, sample 7 is called `sample-007`; with several, `sample-500x150-007`.
    """
    outputs.save("reconstruction", sampler.reconstruction())
    for size in sizes:
        name = "sample" if len(sizes) == 1 else f"sample-{size}"
        for index in range(count):
            bands = sampler.bands(sampler.noise_of(index, seed), sampler.scaled_sizes(size))
            outputs.save_bands(f"{name}-{index:03}", size, bands)
    outputs.save_sheet()
