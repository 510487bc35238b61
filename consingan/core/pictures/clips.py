"""Clips: animated pictures and videos, written a frame at a time.

Pillow's own writers of animations hold all frames until the last one came. These hold one or two:
Pillow encodes each as a picture of its own, and only the containers are put together here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin

from consingan.core.system.atomic_files import write_atomically
from consingan.errors import OptionError

VIDEOS = {".mp4": ("libx264", {"crf": "18"}), ".webm": ("libvpx-vp9", {"crf": "24", "b": "0"})}
"""Suffix of a video: its codec, and that codec's options for a constant, high quality."""
CLIP_SUFFIXES: tuple[str, ...] = (".gif", ".webp", ".png", *VIDEOS)
SLOWEST, FASTEST, FASTEST_GIF = 0.1, 60, 50
"""Frames a second. Browsers show a GIF's frame of less than 1/50 s for 1/10 s instead."""
PALETTE_SAMPLES = 2**16
"""How many pixels a GIF's colours are chosen from at most."""


class _Clip(NamedTuple):
    frames: Iterator[Image.Image]
    size: tuple[int, int]
    rate: Fraction
    palette_frames: Sequence[Image.Image]


def check_clip(path: Path, fps: float) -> None:
    """Raise the OptionErrors of `write_clip` before any frame is made."""
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
    palette_frames: Sequence[Image.Image] = (),
) -> int:
    """Write RGB frames of one size as a clip, its format by the path's suffix; return their number.

    Animated pictures (.gif, .webp, .png) loop forever; whether videos (.mp4, .webm) do is up to the
    player. PNG is lossless. A GIF has 256 colours for all frames, chosen from `palette_frames` (RGB
    of any size) or, without them, from the first frame. Videos have an even width and height: the
    last column or row is repeated where needed. `frames` is iterated once, a frame at a time, and
    whatever it raises, `path` keeps its old content.

    `fps` is in frames a second, 0.1 to 60, or to 50 for GIF. Raises OptionError ("out") for an
    unknown suffix or a video without PyAV, OptionError ("fps") outside that range, ValueError if
    there are no frames or not all are RGB and of one size, OSError if the file cannot be written.
    """
    check_clip(path, fps)
    rest, number = iter(frames), 0
    first = next(rest, None)
    if first is None:
        raise ValueError("a clip needs at least one frame")

    def checked() -> Iterator[Image.Image]:
        nonlocal number
        for frame in chain([first], rest):
            if (frame.mode, frame.size) != ("RGB", first.size):
                raise ValueError(f"frame {number}: {frame.mode} {frame.size}, not RGB {first.size}")
            number += 1
            yield frame

    # 1001 keeps television's rates, such as 30000/1001, and both parts below 2**16 for APNG.
    rate = Fraction(fps).limit_denominator(1001)
    clip = _Clip(checked(), first.size, rate, palette_frames or [first])
    write_atomically(path, lambda file: _WRITERS[path.suffix.lower()](file, clip))
    return number


def _durations(rate: Fraction, units: int) -> Iterator[int]:
    """Of each frame, in 1/`units` s; so rounded that their sum is never wrong by more than 1/2."""
    for index in count():
        yield round((index + 1) * units / rate) - round(index * units / rate)


def _encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _write_gif(file: BinaryIO, clip: _Clip) -> None:
    """GIF89a: https://www.w3.org/Graphics/GIF/spec-gif89a.txt.

    Every frame is encoded as a GIF with the same colours, and thus has the same header, with the
    global colour table and the Netscape extension that loops: it is written once.
    """
    paint = _Palette(clip.palette_frames)
    options, header = {"optimize": False, "interlace": 0, "loop": 0}, 0
    for frame, duration in zip(clip.frames, _durations(clip.rate, 100), strict=False):
        content = _encode(paint(frame), "GIF", duration=10 * duration, **options)
        file.write(content[header:-1])
        # It ends at the graphic control extension, somewhere behind 13 bytes and 256 colours.
        header = content.index(b"\x21\xf9\x04", 13 + 3 * 256)
    file.write(b"\x3b")


class _Palette:
    """Turns RGB images into images of the same 256 colours, with an ordered dither.

    A pixel's colour depends only on its value and place, so what stands still does not flicker; it
    would with error diffusion.
    """

    def __init__(self, frames: Sequence[Image.Image]) -> None:
        random = np.random.default_rng(0)
        wanted = max(1, PALETTE_SAMPLES // len(frames))
        pixels = [np.asarray(frame.convert("RGB")).reshape(-1, 3) for frame in frames]
        samples = np.concatenate([random.permutation(each)[:wanted] for each in pixels])
        chosen = Image.fromarray(samples[None]).quantize(256, kmeans=100)  # after median cut
        colours = np.array(chosen.getpalette(), np.float32).reshape(-1, 3)
        self._colours = colours.astype(np.uint8).tobytes().ljust(3 * 256, b"\0")
        # The colour nearest to the centre of each cube of 4x4x4 RGB values: the argmin of
        # |colour|^2 / 2 - centre * colour. (Pillow takes the cubes' darkest corners: too dark.)
        axis = np.arange(64, dtype=np.float32) * 4 + 1.5
        green_blue = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
        distances = (colours**2).sum(axis=-1) / 2 - green_blue @ colours[:, 1:].T
        planes = [(distances - red * colours[:, 0]).argmin(axis=-1) for red in axis]
        self._nearest = np.stack(planes).astype(np.uint8)
        # Values rounded to steps of s have a root mean square error of s / sqrt(12), so this is
        # the step between colours; no dither where the palette has every colour of the frames.
        step = np.sqrt(12 * np.mean((colours[self._look_up(samples)] - samples) ** 2))
        self._dither = (step * _thresholds()).astype(np.float32)

    def __call__(self, image: Image.Image) -> Image.Image:
        repeats = (-(-image.height // 8), -(-image.width // 8), 1)
        dither = np.tile(self._dither, repeats)[: image.height, : image.width]
        dithered = (np.asarray(image) + dither).round().clip(0, 255).astype(np.uint8)
        result = Image.fromarray(self._look_up(dithered))
        result.putpalette(self._colours)
        return result

    def _look_up(self, pixels: Any) -> Any:
        red, green, blue = np.moveaxis(pixels >> 2, -1, 0)
        return self._nearest[red, green, blue]


def _thresholds() -> Any:
    """Bayer's matrix (1973) for each of red, green and blue: (8, 8, 3) values, evenly in +-1/2."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    matrix = (matrix + 0.5) / 64 - 0.5
    # Mirrored, so that hues are dithered too, and the pattern is less visible than in greys.
    return np.stack([matrix, matrix[:, ::-1], matrix[::-1]], axis=-1)


def _write_webp(file: BinaryIO, clip: _Clip) -> None:
    """Animated WebP: https://developers.google.com/speed/webp/docs/riff_container."""
    canvas = b"".join(_uint24(side - 1) for side in clip.size)
    animated, opaque, forever = b"\x02", b"\x02", b"\0\0"
    file.write(b"RIFF\0\0\0\0WEBP")
    file.write(_riff_chunk(b"VP8X", animated + bytes(3) + canvas))
    file.write(_riff_chunk(b"ANIM", bytes(4) + forever))
    for frame, duration in zip(clip.frames, _durations(clip.rate, 1000), strict=False):
        header = bytes(6) + canvas + _uint24(duration) + opaque
        picture = _encode(frame, "WEBP", quality=90)[len(b"RIFF....WEBP") :]
        file.write(_riff_chunk(b"ANMF", header + picture))
    size = file.tell() - len(b"RIFF....")
    file.seek(len(b"RIFF"))
    file.write(struct.pack("<I", size))


def _riff_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _write_png(file: BinaryIO, clip: _Clip) -> None:
    """APNG: https://www.w3.org/TR/png-3/#apng-frame-based-animation."""
    whole = struct.pack(">4I", *clip.size, 0, 0)
    duration = struct.pack(">2H", *(1 / clip.rate).as_integer_ratio())
    number, sequence, control, forever = 0, count(), 0, 0
    for number, frame in enumerate(clip.frames, start=1):
        chunks = PngImagePlugin.getchunks(frame)
        if number == 1:
            file.write(b"\x89PNG\r\n\x1a\n" + _png_chunk(*chunks[0][:2]))
            control = file.tell()
            file.write(_png_chunk(b"acTL", bytes(8)))
        order = struct.pack(">I", next(sequence))
        file.write(_png_chunk(b"fcTL", order + whole + duration + bytes(2)))
        pixels = b"".join(content for kind, content, _ in chunks if kind == b"IDAT")
        if number > 1:
            file.write(_png_chunk(b"fdAT", struct.pack(">I", next(sequence)) + pixels))
        else:  # readers that know no animations show this one
            file.write(_png_chunk(b"IDAT", pixels))
    file.write(_png_chunk(b"IEND", b""))
    file.seek(control)
    file.write(_png_chunk(b"acTL", struct.pack(">2I", number, forever)))


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def _write_video(suffix: str, file: BinaryIO, clip: _Clip) -> None:
    import av

    (codec, options), (width, height) = VIDEOS[suffix], clip.size
    odd = ((0, height % 2), (0, width % 2), (0, 0))
    with av.open(file, "w", format=suffix[1:]) as container:
        stream = container.add_stream(codec, rate=clip.rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        # All say BT.709 (1 in ITU-T H.273), in its limited range: players guess what is not said.
        stream.color_primaries = stream.color_trc = stream.colorspace = stream.color_range = 1
        for index, image in enumerate(clip.frames):
            pixels = np.pad(np.asarray(image), odd, mode="edge")
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


_WRITERS: dict[str, Callable[[BinaryIO, _Clip], None]] = {
    ".gif": _write_gif,
    ".webp": _write_webp,
    ".png": _write_png,
    **{suffix: partial(_write_video, suffix) for suffix in VIDEOS},
}
