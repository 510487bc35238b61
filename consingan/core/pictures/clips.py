"""Clips: animated pictures and videos, written through imageio.

Its Pillow plugin writes GIF, WebP and APNG, and holds all frames until the last one came; its PyAV
plugin writes videos a frame at a time.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from importlib.util import find_spec
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from consingan.core.pictures.palette import Palette
from consingan.core.system.atomic_files import Place, write_atomically
from consingan.core.system.memory import free_memory
from consingan.errors import OptionError


class Picture(NamedTuple):
    """How Pillow writes an animated picture."""

    unit: int
    """Of a frame's duration, in ms."""
    held: int
    """Bytes that a pixel of each frame takes until all are written; measured on frames of noise,
    rounded up."""
    options: dict[str, Any]


PICTURES = {
    ".gif": Picture(10, 3, {"interlace": 0}),
    # Its encoder lets pass what changes less than its loss: at 95 two levels of 255, at 90 three.
    ".webp": Picture(1, 8, {"quality": 95, "method": 4}),
    ".png": Picture(1, 9, {}),
}
VIDEOS = {".mp4": ("libx264", {"crf": "18"}), ".webm": ("libvpx-vp9", {"crf": "24", "b": "0"})}
"""Suffix of a video: its codec, and that codec's options for a constant, high quality."""
CLIP_SUFFIXES: tuple[str, ...] = (*PICTURES, *VIDEOS)
SLOWEST, FASTEST, FASTEST_GIF = 0.1, 60, 50
"""Frames a second. Browsers show a GIF's frame of less than 1/50 s for 1/10 s instead."""
YCBCR = ((0.2126, 0.7152, 0.0722), (-0.1146, -0.3854, 0.5), (0.5, -0.4542, -0.0458))
"""Luma and the differences of blue and red, from red, green and blue in [0, 1] (ITU-R BT.709)."""
YCBCR_SCALE, YCBCR_ZERO = (219, 224, 224), (16, 128, 128)
"""Their limited range in eight bits."""


def check_clip(path: Path, fps: float) -> None:
    """Raise the OptionErrors of `write_clip` that need no frame."""
    suffix = path.suffix.lower()
    if suffix not in CLIP_SUFFIXES:
        raise OptionError(f"{suffix!r} is no clip format; use {', '.join(CLIP_SUFFIXES)}", "out")
    if suffix in VIDEOS and find_spec("av") is None:
        raise OptionError(f"{suffix} needs PyAV: pip install 'consingan[video]'", "out")
    fastest = FASTEST_GIF if suffix == ".gif" else FASTEST
    if not SLOWEST <= fps <= fastest:
        raise OptionError(f"{suffix} clips play {SLOWEST} to {fastest} frames a second", "fps")


def write_clip(
    path: Path,
    frames: Iterable[Image.Image],
    fps: float,
    palette_frames: Iterable[Image.Image] = (),
    expected: int = 0,
    place: Place = os.replace,
) -> int:
    """Write RGB frames of one size as a clip, its format by the path's suffix; return their number.

    Animated pictures (.gif, .webp, .png) loop forever; whether videos (.mp4, .webm) do is up to the
    player. PNG is lossless. A GIF has 256 colours for all frames, chosen from `palette_frames` (RGB
    of any size) or, without them, from the first frame. Videos have an even width and height: the
    last column or row is repeated where needed. An MP4 starts to play before it is all there. An
    animated picture has equal frames in a row as one that stays for as long.

    `frames` is iterated once, and whatever it raises, `path` keeps its old content. A video holds a
    few frames at a time, an animated picture all of them: those that don't fit into the memory that
    this machine has left are refused, after the first one if `expected` says how many there will
    be, else when there are too many. `place` is as in `write_atomically`.

    `fps` is in frames a second, 0.1 to 60, or to 50 for GIF. Raises OptionError ("out") for an
    unknown suffix, a video without PyAV or more frames than fit, OptionError ("fps") outside that
    range, ValueError if there are no frames or not all are RGB and of one size, OSError if the file
    cannot be written.
    """
    check_clip(path, fps)
    suffix, free = path.suffix.lower(), free_memory()
    rest, number = iter(frames), 0
    first = next(rest, None)
    if first is None:
        raise ValueError("a clip needs at least one frame")
    _check_memory(suffix, first, expected, free)

    def checked() -> Iterator[Image.Image]:
        nonlocal number
        for frame in chain([first], rest):
            if (frame.mode, frame.size) != ("RGB", first.size):
                raise ValueError(f"frame {number}: {frame.mode} {frame.size}, not RGB {first.size}")
            number += 1
            _check_memory(suffix, first, number, free)
            yield frame

    # 1001 keeps television's rates, such as 30000/1001.
    rate = Fraction(fps).limit_denominator(1001)

    def write(file: BinaryIO) -> None:
        if suffix in VIDEOS:
            _write_video(file, suffix, checked(), rate)
        elif suffix == ".gif":
            paint = Palette(list(palette_frames) or [first])
            # Given a palette, Pillow chooses none: neither for the clip nor for a frame.
            _write_picture(file, suffix, map(paint, checked()), rate, palette=paint.colours)
        else:
            _write_picture(file, suffix, map(np.asarray, checked()), rate)

    write_atomically(path, write, place)
    return number


def _check_memory(suffix: str, frame: Image.Image, number: int, free: int | None) -> None:
    """Raise OptionError if so many frames take more than the bytes that are free, if known."""
    if suffix not in PICTURES or free is None:
        return
    each = PICTURES[suffix].held * frame.width * frame.height
    if number * each > free:
        raise OptionError(
            f"{number} frames of {frame.width}x{frame.height} take {number * each / 1e9:.1f} GB of "
            f"memory as {suffix}, and {free // each} fit; ask for fewer, or for .mp4, which holds "
            "only a few",
            "out",
        )


def _write_picture(
    file: BinaryIO,
    suffix: str,
    frames: Iterator[NDArray[np.uint8]],
    rate: Fraction,
    **options: Any,
) -> None:
    """Write frames as an animated picture: RGB (H, W, 3), or indices (H, W) of a palette."""
    import imageio.v3 as iio

    picture = PICTURES[suffix]
    options |= {**picture.options, "save_all": True, "loop": 0}
    durations: list[int] = []
    options["duration"] = durations  # Pillow reads it when all frames are there
    writer = iio.imopen(file, "w", plugin="pillow", extension=suffix)
    try:
        for frame, units in zip(frames, _durations(rate, 1000 // picture.unit), strict=False):
            durations.append(units * picture.unit)
            writer.write(frame, is_batch=False, **options)
        try:
            writer.close()
        except (OverflowError, struct.error):  # Pillow 13 raises the one, 12 the other
            reason = f"equal frames last longer than a {suffix} can say; use a higher fps, or .webp"
            raise ValueError(reason) from None
    finally:
        writer.images_to_write.clear()  # or it writes them after all when it is thrown away


def _durations(rate: Fraction, units: int) -> Iterator[int]:
    """Of each frame, in 1/`units` s; so rounded that their sum is never wrong by more than 1/2."""
    for index in count():
        yield round((index + 1) * units / rate) - round(index * units / rate)


def _write_video(
    file: BinaryIO, suffix: str, frames: Iterator[Image.Image], rate: Fraction
) -> None:
    import imageio.v3 as iio
    from av.error import FFmpegError
    from imageio.plugins.pyav import PyAVPlugin

    def reopen(path: str, flags: int, options: dict[str, str]) -> BinaryIO:
        # An MP4's index gets its place before the frames by reading them again.
        file.flush()
        return Path(path).open("rb")

    writer = iio.imopen(
        file,
        "w",
        plugin=PyAVPlugin,
        extension=suffix,
        container=suffix[1:],
        container_options={"movflags": "faststart"} if suffix == ".mp4" else {},
        io_open=reopen,
    )
    codec, options = VIDEOS[suffix]
    try:
        writer.init_video_stream(codec, fps=float(rate), pixel_format="yuv420p")
        # imageio passes a codec no options, and cannot say how the colours are meant.
        stream: Any = writer._video_stream
        context = stream.codec_context
        context.options = options
        # All say BT.709 (1 in ITU-T H.273), in its limited range: players guess what is not said.
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
        for frame in frames:
            odd = ((0, frame.height % 2), (0, frame.width % 2), (0, 0))
            pixels = np.pad(np.asarray(frame), odd, mode="edge")
            writer.write_frame(_ycbcr(pixels), pixel_format="yuv444p")
        writer.close()
    except FFmpegError as error:
        raise OSError(f"FFmpeg says {error.strerror}") from error
    finally:
        writer._video_stream = None  # or it goes on encoding when it is thrown away


def _ycbcr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB (H, W, 3) as Y, Cb and Cr (3, H, W); imageio would have it converted by BT.601."""
    matrix = np.array(YCBCR, np.float32) * np.array(YCBCR_SCALE, np.float32)[:, None] / 255
    planes = matrix @ pixels.reshape(-1, 3).T + np.array(YCBCR_ZERO, np.float32)[:, None]
    rounded: NDArray[np.uint8] = planes.round().astype(np.uint8)
    return rounded.reshape(3, *pixels.shape[:2])
