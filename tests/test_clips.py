"""Animated pictures and videos: what other programs read in them, and what memory they take."""

from __future__ import annotations

import gc
import os
import struct
import subprocess
import sys
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from consingan.core.pictures import clips
from consingan.core.pictures.clips import CLIP_SUFFIXES, PICTURES, VIDEOS, check_clip, write_clip
from consingan.errors import OptionError

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 37, 23
"""Odd, and no multiple of the dither's 8 pixels."""


def moving(number: int, width: int = WIDTH, height: int = HEIGHT) -> Iterator[Image.Image]:
    """A still gradient on the left, one that moves on the right."""
    rows, columns = np.mgrid[0:height, 0:width]
    for index in range(number):
        shift = np.where(columns < width // 2, 0, 5 * index)
        values = [columns * 200 / width + shift, rows * 200 / height, 120 + 80 * np.sin(rows / 5)]
        yield Image.fromarray(np.stack(values, axis=-1).clip(0, 255).astype(np.uint8))


def read(path: Path) -> tuple[list[np.ndarray[Any, Any]], list[float], dict[str, Any]]:
    """Pixels (H, W, 3) and duration in ms of every frame of an animated picture, and its info."""
    pixels, durations = [], []
    file = iio.imopen(path, "r", plugin="pillow")
    with file:
        for index, frame in enumerate(file.iter(mode="RGB")):
            info = file.metadata(index)
            pixels.append(frame.astype(float))
            durations.append(info.get("duration", 0))  # a still has none
    return pixels, durations, info


def decode(path: Path) -> tuple[list[np.ndarray[Any, Any]], float]:
    """Pixels of every frame of a video, and the frames a second."""
    pytest.importorskip("av")
    frames = list(iio.imiter(path, plugin="pyav"))
    return frames, iio.immeta(path, plugin="pyav")["fps"]


def noisy(number: int, side: int = 100) -> Iterator[Image.Image]:
    """Frames that nothing compresses."""
    random = np.random.default_rng(0)
    for _ in range(number):
        yield Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))


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


@pytest.mark.parametrize("suffix", PICTURES)
def test_equal_frames_stay_as_long_as_they_are(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    first, second = moving(2)
    assert write_clip(path, [first] * 3 + [second] * 2 + [first], 7) == 6
    pixels, durations, info = read(path)
    unit = 10 if suffix == ".gif" else 1
    assert len(pixels) == len(durations) == 3
    assert np.cumsum(durations) == pytest.approx([3000 / 7, 5000 / 7, 6000 / 7], abs=unit / 2)
    assert info["loop"] == 0


@pytest.mark.parametrize("suffix", PICTURES)
def test_slow_changes_are_shown(tmp_path: Path, suffix: str) -> None:
    path, still = tmp_path / f"clip{suffix}", np.asarray(next(moving(1, 64, 48)))
    frames = [Image.fromarray((still // 2 + 3 * step).astype(np.uint8)) for step in range(12)]
    write_clip(path, frames, 10, frames)
    pixels, _, _ = read(path)
    assert len(pixels) == 12
    means = [frame.mean() for frame in pixels]
    assert np.diff(means) == pytest.approx(3, abs=1)


def test_equal_frames_that_stay_longer_than_a_gif_can_say(tmp_path: Path) -> None:
    frame = next(moving(1))
    with pytest.raises(ValueError, match=r"equal frames last longer than a \.gif can say"):
        write_clip(tmp_path / "clip.gif", [frame] * 70, 0.1)
    assert list(tmp_path.iterdir()) == []
    write_clip(tmp_path / "clip.webp", [frame] * 70, 0.1)


@pytest.mark.parametrize("suffix", VIDEOS)
@pytest.mark.parametrize("fps", [0.1, 7, 30000 / 1001, 60])
def test_a_video_lasts_as_long_as_it_is(tmp_path: Path, suffix: str, fps: float) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / f"clip{suffix}"
    write_clip(path, moving(10), fps)
    with av.open(str(path)) as container:
        seconds = container.duration / 1e6
    # WebM's times are whole milliseconds: of the last frame, and of how long it stays.
    assert seconds == pytest.approx(10 / fps, abs=1e-6 if suffix == ".mp4" else 1e-3)


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
    assert rate == pytest.approx(29.97, abs=0.05)
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
        names = ("color_primaries", "color_trc", "colorspace", "color_range")
        assert [getattr(context, name) for name in names] == [1, 1, 1, 1]
        assert context.pix_fmt == "yuv420p"
    for frame, colour in zip(decode(path)[0], colours, strict=True):
        assert np.abs(frame.mean(axis=(0, 1)) - colour).max() < 5


@pytest.mark.parametrize(("suffix", "near"), [(".mp4", 2.2), (".webm", 1.5)])
def test_a_video_keeps_texture(tmp_path: Path, suffix: str, near: float) -> None:
    # With the codecs' own settings it is 2.8 and 1.8.
    pytest.importorskip("av")
    grain = np.random.default_rng(0).normal(128, 25, (120, 160)).clip(0, 255).astype(np.uint8)
    frames = [Image.fromarray(np.roll(grain, i, axis=1)).convert("RGB") for i in range(12)]
    path = tmp_path / f"clip{suffix}"
    write_clip(path, frames, 25)
    pairs = zip(decode(path)[0], frames, strict=True)
    assert np.mean([difference(pixels, frame) for pixels, frame in pairs]) < near


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such names")
@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
def test_a_name_that_looks_like_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    if suffix in VIDEOS:
        pytest.importorskip("av")
    monkeypatch.chdir(tmp_path)
    assert write_clip(Path(f"http:%d{suffix}"), moving(3), 10) == 3
    assert [file.name for file in tmp_path.iterdir()] == [f"http:%d{suffix}"]


def test_an_mp4_starts_before_it_is_all_there(tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    write_clip(path, noisy(30), 25)
    content, start, boxes = path.read_bytes(), 0, []
    assert len(content) > 150_000  # more than buffers hold
    while start < len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        boxes.append(kind.decode())
        start += length
    assert start == len(content)
    assert [box for box in boxes if box != "free"] == ["ftyp", "moov", "mdat"]
    frames = decode(path)[0]
    assert len(frames) == 30
    # Noise is hard to encode, but what is read is this noise.
    pairs = zip(frames, noisy(30), strict=True)
    assert all(np.corrcoef(a.ravel(), np.asarray(b).ravel())[0, 1] > 0.5 for a, b in pairs)
    played = tmp_path / "played.mp4"
    played.write_bytes(content[: len(content) // 2])
    some = list(zip(range(10), iio.imiter(played, plugin="pyav"), strict=False))
    assert len(some) == 10


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
    assert difference(read(path)[0][-1], blue) > 50
    write_clip(path, [red, blue], 10, [Image.new("RGB", (3, 50), (0, 0, 200)), red])
    assert difference(read(path)[0][-1], blue) == 0


@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
def test_only_a_gif_asks_for_frames_to_take_colours_from(tmp_path: Path, suffix: str) -> None:
    if suffix in VIDEOS:
        pytest.importorskip("av")
    asked = []

    def palette() -> Iterator[Image.Image]:
        asked.append(1)
        yield from moving(1)

    write_clip(tmp_path / f"clip{suffix}", moving(2), 10, palette())
    assert asked == ([1] if suffix == ".gif" else [])


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


@pytest.mark.parametrize("suffix", VIDEOS)
def test_a_video_lets_frames_go(tmp_path: Path, suffix: str) -> None:
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


GROWTH = """
import sys
from pathlib import Path
from consingan.core.pictures.clips import write_clip
from tests.test_clips import noisy

peaks = []
for number in (20, 60):
    write_clip(Path(sys.argv[1]), noisy(number, 400), 25)
    status = Path("/proc/self/status").read_text()
    peaks.append(1024 * int(status.split("VmHWM:")[1].split()[0]))
print((peaks[1] - peaks[0]) / (40 * 400 * 400))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory it took")
@pytest.mark.parametrize("suffix", PICTURES)
def test_what_a_frame_takes_is_known(tmp_path: Path, suffix: str) -> None:
    command = [sys.executable, "-c", GROWTH, str(tmp_path / f"clip{suffix}")]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert 0.5 * PICTURES[suffix].held < float(run.stdout) <= PICTURES[suffix].held


@pytest.mark.parametrize("suffix", PICTURES)
@pytest.mark.parametrize("told", [True, False])
def test_more_frames_than_fit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, told: bool
) -> None:
    path, asked = tmp_path / f"clip{suffix}", []

    def frames(number: int) -> Iterator[Image.Image]:
        for frame in moving(number):
            asked.append(1)
            yield frame

    def palette() -> Iterator[Image.Image]:
        assert not told, "made for nothing"
        yield from moving(1)

    enough_for_five = 5 * PICTURES[suffix].held * WIDTH * HEIGHT
    monkeypatch.setattr(clips, "free_memory", lambda: enough_for_five)
    with pytest.raises(OptionError, match=r"and 5 fit; ask for fewer, or for \.mp4") as caught:
        write_clip(path, frames(8), 10, palette(), 8 if told else 0)
    assert f"{8 if told else 6} frames of {WIDTH}x{HEIGHT}" in str(caught.value)
    assert caught.value.option == "out"
    assert len(asked) == (1 if told else 6)
    assert list(tmp_path.iterdir()) == []
    assert write_clip(path, frames(5), 10, (), 5) == 5
    monkeypatch.setattr(clips, "free_memory", lambda: None)
    assert write_clip(path, frames(8), 10, (), 8) == 8


def test_videos_of_any_length_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(clips, "free_memory", lambda: 0)
    assert write_clip(tmp_path / "clip.mp4", moving(8), 10, (), 8) == 8


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
def test_frames_before_a_failure_are_not_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    saved = []
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: saved.append(1))

    def failing() -> Iterator[Image.Image]:
        yield from moving(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(tmp_path / f"clip{suffix}", failing(), 10)
    gc.collect()
    assert saved == []


FULL = """
import gc, resource, sys
from pathlib import Path
from consingan.core.pictures.clips import write_clip
from tests.test_clips import noisy

for limit in (10, 1000, 40_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_clip(Path(sys.argv[1]), noisy(20), 10)
    except OSError as error:
        print(error)
    gc.collect()
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows limits no file")
@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    if suffix in VIDEOS:
        pytest.importorskip("av")
    path = tmp_path / f"clip{suffix}"
    path.write_text("old")
    command = [sys.executable, "-c", FULL, str(path)]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    messages = run.stdout.splitlines()
    assert len(messages) == 3
    assert all("File too large" in line or "FFmpeg says" in line for line in messages)
    assert "Exception ignored" not in run.stderr  # nothing tries again when it is thrown away
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


@pytest.mark.parametrize("suffix", CLIP_SUFFIXES)
def test_frames_that_make_no_clip(tmp_path: Path, suffix: str) -> None:
    if suffix in VIDEOS:
        pytest.importorskip("av")
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
