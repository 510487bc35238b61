"""Measures how visible the seams of a run's tiles are on average, and those of the photo.

python -m benchmarks.measure_seams RUN [TILES]
"""

from __future__ import annotations

import sys
from statistics import fmean, stdev

from consingan_tile.seam import seam
from consingan_tile.torus import periodic_sample

from consingan import open_run


def main(run: str, count: int) -> None:
    """Print, for each axis, mean and standard deviation over `count` tiles of the run's size."""
    sampler = open_run(run).sampler("cpu")
    tiles = [periodic_sample(sampler, sampler.size, index=index) for index in range(count)]
    for axis in "xy":
        seams = [seam(tile, axis) for tile in tiles]
        photo = seam(sampler.picture, axis)
        print(f"{axis}: {fmean(seams):.3f} +- {stdev(seams):.3f} a tile; the photo {photo:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 32)
