"""Writes clips in every format and says what that takes, and what another program reads in them.

    python -m benchmarks.clips [--suffixes .gif .webp .png .mp4 .webm] [--json]

A drawn landscape whose lower half moves a pixel a frame, at 24 frames a second, 100 frames of
250x188 and 30 of 640x480, each in a process of its own. Read back from the file: the total duration
in ms (4166.67 and 1250 are exact), how many colours all frames have together (256 or fewer are one
palette), the mean error, and the flicker: how much the upper half, which stands still, changes from
frame to frame. The last two are of 255 levels. Seconds are the processor's. MB is what the peak of
the process rises by while it writes, on Linux.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.shared import command_line
from benchmarks.shared import run as run_main
from consingan.console import print_table
from consingan.core.pictures.clips import CLIP_SUFFIXES, VIDEOS, write_clip

CLIPS = {"250x188": (250, 188, 100), "640x480": (640, 480, 30)}
"""Width, height and number of frames."""
FPS = 24
PALETTE_FRAMES = 8


def frames(still: NDArray[np.uint8], number: int, every: int = 1) -> Iterator[Image.Image]:
    """Every `every`-th frame of the clip that begins with `still`, (H, W, 3): RGB images."""
    height = len(still)
    for index in range(0, number, every):
        moved = np.roll(still[height // 2 :], index, axis=1)
        yield Image.fromarray(np.concatenate([still[: height // 2], moved]))


def read(path: Path) -> tuple[NDArray[np.uint8], float]:
    """All frames, (N, H, W, 3), and the total duration in ms."""
    if path.suffix in VIDEOS:
        import av

        with av.open(str(path)) as container:  # WebM has a duration of the whole file alone
            microseconds = container.duration or 0
        return iio.imread(path, plugin="pyav"), microseconds / 1000
    pixels, duration = [], 0.0
    file = iio.imopen(path, "r", plugin="pillow")
    with file:
        for index, frame in enumerate(file.iter(mode="RGB")):
            pixels.append(frame)
            duration += file.metadata(index)["duration"]
    return np.stack(pixels), duration


def measure(suffix: str, name: str, picture: str) -> dict[str, Any]:
    """What one clip of a picture file takes and is, in this process."""
    width, height, number = CLIPS[name]
    with Image.open(picture) as image:
        still = np.asarray(image.convert("RGB").resize((width, height)))
    palette = list(frames(still, number, number // PALETTE_FRAMES))
    with tempfile.TemporaryDirectory() as folder:
        # What is loaded and compiled once is no part of it.
        write_clip(Path(folder) / f"first{suffix}", frames(still[:16, :16], 2), FPS)
        path = Path(folder) / f"clip{suffix}"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        write_clip(path, frames(still, number), FPS, palette)
        seconds = time.process_time() - started
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pixels, duration = read(path)
        kilobytes = path.stat().st_size / 1000
    originals = np.stack([np.asarray(frame) for frame in frames(still, number)])
    upper = pixels[:, : height // 2].astype(float)
    return {
        "frames": len(pixels),
        "duration_ms": duration,
        "colours": len(np.unique(pixels @ np.array([1, 256, 256**2]))),
        "error": float(np.abs(pixels.astype(float) - originals).mean()),
        "flicker": float(np.abs(np.diff(upper, axis=0)).mean()),
        "kilobytes": kilobytes,
        "seconds": seconds,
        "peak_mb": after / 1024,
        "memory_mb": (after - before) / 1024,
    }


def main() -> int:
    """Measure each clip apart, print the table."""
    parser = command_line(__doc__)
    parser.add_argument("--suffixes", nargs="+", default=CLIP_SUFFIXES, choices=CLIP_SUFFIXES)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(*given.one)))
        return 0
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "consingan", "examples", folder], check=True, capture_output=True
        )
        for suffix, name in product(given.suffixes, CLIPS):
            picture = str(Path(folder) / "landscape.png")
            command = [sys.executable, "-m", "benchmarks.clips", "--one", suffix, name, picture]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows[f"{suffix} {name}"] = json.loads(done.stdout)
    if given.json:
        print(json.dumps(rows, indent=2))
        return 0
    header = ("clip", "frames", "ms", "colours", "error", "flicker", "KB", "s", "peak MB", "MB")
    print_table(
        header,
        [
            (
                clip,
                f"{row['frames']}",
                f"{row['duration_ms']:.2f}",
                f"{row['colours']}",
                f"{row['error']:.2f}",
                f"{row['flicker']:.3f}",
                f"{row['kilobytes']:.0f}",
                f"{row['seconds']:.2f}",
                f"{row['peak_mb']:.0f}",
                f"{row['memory_mb']:.1f}",
            )
            for clip, row in rows.items()
        ],
    )
    return 0


if __name__ == "__main__":
    run_main(main)
