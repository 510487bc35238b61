"""Animated pictures and videos: what other programs read in them, and that they are streamed."""

from __future__ import annotations

import struct
import tracemalloc
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from consingan.core.pictures import clips
from consingan.core.pictures.clips import CLIP_SUFFIXES, check_clip, write_clip
from consingan.errors import OptionError

PICTURES = (".gif", ".webp", ".png")
VIDEOS = (".mp4", ".webm")
WIDTH, HEIGHT = 37, 23
"""Odd, and no multiple of the dither's 8 pixels."""


def moving(number: int, width: int = WIDTH, height: int = HEIGHT) -> Iterator[Image.Image]:
    """A still gradient on the left, one that moves on the right."""
    rows, columns = np.mgrid[0:height, 0:width]
    for index in range(number):
        shift = np.where(columns < width // 2, 0, 5 * index)
        values = [columns * 200 / width + shift, rows * 200 / height, 120 + 80 * np.sin(rows / 5)]
        yield Image.fromarray(np.stack(values, axis=-1).clip(0, 255).astype(np.uint8))


def read(path: Path) -> tuple[list[np.ndarray[Any, Any]], list[float], dict[Any, Any]]:
    """Pixels (H, W, 3) and duration in ms of every frame of an animated picture, and its info."""
    pixels, durations = [], []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            pixels.append(np.asarray(image.convert("RGB")).astype(float))
            durations.append(image.info["duration"])
        return pixels, durations, dict(image.info)


def decode(path: Path) -> tuple[list[np.ndarray[Any, Any]], Any]:
    """Pixels of every frame of a video, and the frames a second."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return frames, container.streams.video[0].average_rate


def difference(pixels: np.ndarray[Any, Any], image: Image.Image) -> float:
    return float(np.abs(pixels - np.asarray(image).astype(float)).mean())


@pytest.mark.parametrize(("suffix", "near"), [(".gif", 6), (".webp", 4), (".png", 0)])
def test_an_animated_picture_shows_the_frames_and_loops(
    tmp_path: Path, suffix: str, near: float
) -> None:
    path = tmp_path / f"clip{suffix}"
    assert write_clip(path, moving(12), 24, list(moving(12))) == 12
    pixels, durations, info = read(path)
    assert len(pixels) == 12
    assert pixels[0].shape == (HEIGHT, WIDTH, 3)
    assert all(difference(a, b) <= near for a, b in zip(pixels, moving(12), strict=True))
    assert info["loop"] == 0
    assert sum(durations) == pytest.approx(500, abs=0.5)
    assert max(durations) - min(durations) <= (10 if suffix == ".gif" else 1)


@pytest.mark.parametrize("fps", [0.1, 7, 30000 / 1001, 50])
@pytest.mark.parametrize("suffix", PICTURES)
def test_durations_add_up(tmp_path: Path, suffix: str, fps: float) -> None:
    path = tmp_path / f"clip{suffix}"
    write_clip(path, moving(10, 8, 8), fps)
    _, durations, _ = read(path)
    unit = 10 if suffix == ".gif" else 1
    assert sum(durations) == pytest.approx(10_000 / fps, abs=unit / 2)


@pytest.mark.parametrize("suffix", VIDEOS)
@pytest.mark.parametrize("size", [(64, 48), (WIDTH, HEIGHT), (65, 48), (64, 49)])
def test_a_video_shows_the_frames(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    pytest.importorskip("av")
    path = tmp_path / f"clip{suffix}"
    assert write_clip(path, moving(9, *size), 30000 / 1001) == 9
    frames, rate = decode(path)
    width, height = size
    assert len(frames) == 9
    assert frames[0].shape == (height + height % 2, width + width % 2, 3)
    assert float(rate) == pytest.approx(29.97, abs=0.05)
    originals = moving(9, *size)
    assert all(
        difference(frame[:height, :width], original) < 6
        for frame, original in zip(frames, originals, strict=True)
    )


@pytest.mark.parametrize("suffix", VIDEOS)
def test_a_video_says_how_its_colours_are_meant(tmp_path: Path, suffix: str) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / f"clip{suffix}"
    colours = [(200, 30, 40), (40, 190, 60), (30, 60, 210)]
    write_clip(path, (Image.new("RGB", (32, 32), colour) for colour in colours), 2)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_range) == (1, 1)
    for frame, colour in zip(decode(path)[0], colours, strict=True):
        assert np.abs(frame.mean(axis=(0, 1)) - colour).max() < 5


@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
@pytest.mark.parametrize("size", [(1, 1), (WIDTH, HEIGHT)])
def test_one_frame_is_a_clip(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    if suffix in VIDEOS:
        pytest.importorskip("av")
    path = tmp_path / f"clip{suffix.upper()}"
    (frame,) = moving(1, *size)
    assert write_clip(path, [frame], 10) == 1
    frames = decode(path)[0] if suffix in VIDEOS else read(path)[0]
    assert len(frames) == 1
    assert difference(frames[0][: size[1], : size[0]], frame) < 6


def gif_blocks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The blocks of a GIF file, by its specification."""
    assert content[:6] == b"GIF89a"
    flags, start = content[10], 13
    if flags & 0x80:
        size = 3 << (flags & 7) + 1
        yield "global colours", content[start : start + size]
        start += size
    while content[start] != 0x3B:
        if content[start] == 0x21:
            kind, first = f"extension {content[start + 1]:x}", start + 2
        else:
            assert content[start] == 0x2C
            kind, flags, first = "image", content[start + 9], start + 11
            if flags & 0x80:
                yield "local colours", b""
                first += 3 << (flags & 7) + 1
        end = first
        while content[end]:
            end += content[end] + 1
        yield kind, content[first:end]
        start = end + 1
    assert start == len(content) - 1


def test_a_gif_has_one_palette(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    write_clip(path, moving(5), 10, list(moving(5)))
    kinds = [kind for kind, _ in gif_blocks(path.read_bytes())]
    # f9 is a frame's graphic control, ff the application's extension, which loops
    assert kinds == ["global colours", "extension ff", *(["extension f9", "image"] * 5)]


def test_what_stands_still_in_a_gif_does_not_flicker(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    write_clip(path, moving(8), 10, list(moving(8)))
    pixels, _, _ = read(path)
    still = [frame[:, : WIDTH // 2] for frame in pixels]
    assert all((frame == still[0]).all() for frame in still)
    assert (pixels[0] != pixels[7]).any()


def test_a_gif_of_few_colours_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    colours = [(255, 255, 255), (0, 0, 0), (250, 20, 10), (8, 120, 240), (127, 127, 127)]
    frames = [Image.new("RGB", (9, 9), colour) for colour in colours]
    write_clip(path, frames, 10, frames)
    assert [tuple(frame[4, 4]) for frame in read(path)[0]] == colours


def test_a_gif_takes_its_colours_from_the_frames_it_is_told(tmp_path: Path) -> None:
    red, blue = Image.new("RGB", (9, 9), (200, 0, 0)), Image.new("RGB", (9, 9), (0, 0, 200))
    path = tmp_path / "clip.gif"
    write_clip(path, [red, blue], 10)
    assert difference(read(path)[0][1], blue) > 50
    write_clip(path, [red, blue], 10, [Image.new("RGB", (3, 50), (0, 0, 200)), red])
    assert difference(read(path)[0][1], blue) == 0


def test_dithering_makes_a_gradient_smooth(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:240, 0:240]
    values = np.stack([columns, rows, 255 - (rows + columns) / 2], axis=-1)
    gradient = Image.fromarray(values.astype(np.uint8))
    path = tmp_path / "clip.gif"
    write_clip(path, [gradient], 10)
    (dithered,) = read(path)[0]
    banded = gradient.quantize(256, Image.Quantize.MEDIANCUT, 100, dither=Image.Dither.NONE)

    def error(pixels: np.ndarray[Any, Any]) -> float:
        """What is left when the eye averages 8x8 pixels."""
        means = (pixels - np.asarray(gradient)).reshape(30, 8, 30, 8, 3).mean(axis=(1, 3))
        return float(np.sqrt((means**2).mean()))

    assert error(dithered) < 0.6 * error(np.asarray(banded.convert("RGB")).astype(float))


def test_an_animated_png_numbers_its_chunks(tmp_path: Path) -> None:
    path = tmp_path / "clip.png"
    write_clip(path, moving(3), 10)
    content, start, chunks = path.read_bytes(), 8, []
    while start < len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        end = start + 8 + length
        chunks.append((kind, content[start + 8 : end]))
        assert struct.unpack_from(">I", content, end)[0] == zlib.crc32(content[start + 4 : end])
        start += length + 12
    kinds = b" ".join(kind for kind, _ in chunks)
    assert kinds == b"IHDR acTL fcTL IDAT fcTL fdAT fcTL fdAT IEND"
    in_order = [data for kind, data in chunks if kind in (b"fcTL", b"fdAT")]
    assert [struct.unpack_from(">I", data)[0] for data in in_order] == [0, 1, 2, 3, 4]
    assert chunks[1] == (b"acTL", struct.pack(">2I", 3, 0))


@pytest.mark.parametrize("suffix", PICTURES)
def test_memory_does_not_grow_with_the_clip(tmp_path: Path, suffix: str) -> None:
    def peak(number: int) -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        write_clip(tmp_path / f"clip{suffix}", noisy(number), 25)
        return tracemalloc.get_traced_memory()[1] - before

    def noisy(number: int) -> Iterator[Image.Image]:
        random = np.random.default_rng(0)
        for _ in range(number):
            yield Image.fromarray(random.integers(0, 64, (200, 200, 3), dtype=np.uint8))

    tracemalloc.start()
    try:
        peak(2)
        few, many = peak(20), peak(300)
    finally:
        tracemalloc.stop()
    assert many < 1.5 * few


@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
def test_frames_are_let_go(tmp_path: Path, suffix: str) -> None:
    # tracemalloc does not see Pillow's own memory.
    if suffix in VIDEOS:
        pytest.importorskip("av")
    made: list[weakref.ref[Image.Image]] = []
    most = 0

    def watched() -> Iterator[Image.Image]:
        nonlocal most
        for frame in moving(30):
            made.append(weakref.ref(frame))
            most = max(most, sum(reference() is not None for reference in made))
            yield frame

    write_clip(tmp_path / f"clip{suffix}", watched(), 25)
    assert most <= 3  # the first, whose size the others must have, the last, and the next


@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
def test_a_failure_midway_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    if suffix in VIDEOS:
        pytest.importorskip("av")
    path = tmp_path / f"clip{suffix}"

    def failing() -> Iterator[Image.Image]:
        yield from moving(3)
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        write_clip(path, failing(), 10)
    assert list(tmp_path.iterdir()) == []
    path.write_text("old")
    with pytest.raises(RuntimeError, match="out of memory"):
        write_clip(path, failing(), 10)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


@pytest.mark.parametrize("suffix", PICTURES)
def test_frames_that_make_no_clip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    with pytest.raises(ValueError, match="at least one frame"):
        write_clip(path, [], 10)
    with pytest.raises(ValueError, match="frame 2"):
        write_clip(path, [*moving(2), *moving(1, 5, 5)], 10)
    with pytest.raises(ValueError, match="RGBA"):
        write_clip(path, [Image.new("RGBA", (4, 4))], 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "fps", "option"),
    [
        ("clip.bmp", 10, "out"),
        ("clip", 10, "out"),
        ("clip.gif", 60, "fps"),
        ("clip.png", 0, "fps"),
        ("clip.webp", float("nan"), "fps"),
        ("clip.png", 61, "fps"),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, name: str, fps: float, option: str) -> None:
    asked = []

    def frames() -> Iterator[Image.Image]:
        asked.append(1)
        yield from moving(1)

    with pytest.raises(OptionError) as caught:
        write_clip(tmp_path / name, frames(), fps)
    assert caught.value.option == option
    assert not asked
    assert list(tmp_path.iterdir()) == []


def test_without_pyav_videos_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'consingan\[video\]'") as caught:
        check_clip(Path("clip.mp4"), 25)
    assert caught.value.option == "out"
    check_clip(Path("clip.gif"), 25)
