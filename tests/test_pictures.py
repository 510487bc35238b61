"""Picture files of every kind a user may have, and every way in which one can be broken."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageFile

from consingan.core.options.size import Size
from consingan.core.pictures import declared, jpeg, tensors
from consingan.core.pictures.reading import Picture, from_image, load_picture
from consingan.core.pictures.tensors import to_image, to_tensor
from consingan.errors import PictureError

Pixels = NDArray[np.uint8]

FRAMES = "only the first frame is used"
TURNED = "turned upright as its EXIF orientation says"
REDUCED = "16-bit values were reduced to 8"
CONVERTED = "colours were converted to sRGB"
COMPOSITED = "transparent parts were composited on white"

QUADRANTS: Pixels = np.full((16, 32, 3), 255, np.uint8)
"""Unlike itself under every turn and flip, and flat in every 8 x 8 block that JPEG codes."""
QUADRANTS[:8, :16] = (200, 30, 40)
QUADRANTS[:8, 16:] = (20, 180, 60)
QUADRANTS[8:, :16] = (30, 50, 210)
NOISE: Pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
"""Hardly compressible, so that a file cut short misses pixels."""


def encoded(pixels: Pixels, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(width: int, height: int, bits: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG file as the specification lays it out; `rows` include their filter bytes."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")


def grey_tiff(bits: int, photometric: int, row: bytes, width: int) -> bytes:
    """An uncompressed grey little-endian TIFF file of one row."""
    offset = 8 + 2 + 9 * 12 + 4
    tags = (
        (256, width), (257, 1), (258, bits), (259, 1), (262, photometric),
        (273, offset), (277, 1), (278, 1), (279, len(row)),
    )  # fmt: skip
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + row


def problem(path: Path) -> str:
    """The message with which a file is refused, after checking what every message must be."""
    with pytest.raises(PictureError) as caught:
        load_picture(path)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert len(message.splitlines()) == 1
    assert repr(str(path))[1:-1] in message
    return message


def assert_close(image: Image.Image, expected: ArrayLike, tolerance: int) -> None:
    assert image.mode == "RGB"
    actual, wanted = np.asarray(image).astype(int), np.asarray(expected).astype(int)
    assert actual.shape == wanted.shape
    assert np.abs(actual - wanted).max() <= tolerance


# Formats and names


@pytest.mark.parametrize(
    ("name", "kind", "options", "tolerance"),
    [
        ("a.jpg", "JPEG", {"quality": 95, "subsampling": 0}, 4),
        ("a.jpg", "JPEG", {"quality": 95, "progressive": True, "subsampling": 0}, 4),
        ("a.png", "PNG", {}, 0),
        ("a.webp", "WEBP", {"lossless": True}, 0),
        ("a.webp", "WEBP", {"quality": 95}, 12),
        ("a.tif", "TIFF", {}, 0),
        ("a.tiff", "TIFF", {"compression": "tiff_lzw"}, 0),
        ("a.bmp", "BMP", {}, 0),
        ("a.gif", "GIF", {}, 0),
        ("A.PNG", "PNG", {}, 0),
        ("A.JPEG", "JPEG", {"quality": 95, "subsampling": 0}, 4),
        ("wrong.jpg", "PNG", {}, 0),
        ("wrong.txt", "PNG", {}, 0),
        ("suffixless", "PNG", {}, 0),
    ],
)
def test_every_format_loads_whatever_its_suffix(
    tmp_path: Path, name: str, kind: str, options: dict[str, Any], tolerance: int
) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(QUADRANTS, kind, **options))
    picture = load_picture(path)
    # Chroma is subsampled in lossy WebP: only the middles of the quadrants are sure.
    inner = slice(None) if tolerance < 10 else np.s_[2:6, 4:12]
    assert_close(Image.fromarray(np.asarray(picture.image)[inner]), QUADRANTS[inner], tolerance)
    assert picture.size == Size(height=16, width=32)
    assert picture.notes == ()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.b.jpeg", "a.b"),
        ("Zürich 東京 🏰.png", "Zürich 東京 🏰"),
        ("two words.PNG", "two words"),
        (".hidden", ".hidden"),
        ("it's.png", "it's"),
        ("line\nbreak.png", "line\nbreak"),
    ],
)
def test_name_is_the_file_name_without_suffix(tmp_path: Path, file: str, name: str) -> None:
    path = tmp_path / file
    path.write_bytes(encoded(QUADRANTS, "PNG"))
    assert load_picture(path).name == name
    assert load_picture(str(path)).name == name
    path.write_bytes(b"no picture")
    problem(path)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_first_frame_is_used_and_it_says_so(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (9, 5), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / "moving"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], **options)
    picture = load_picture(path)
    assert_close(picture.image, np.asarray(frames[0]), 0)
    assert picture.notes == (FRAMES,)


# Modes


@pytest.mark.parametrize(
    ("mode", "value", "options", "expected", "notes"),
    [
        ("L", 77, {}, (77, 77, 77), ()),
        ("LA", (77, 255), {}, (77, 77, 77), ()),
        ("LA", (0, 128), {}, (127, 127, 127), (COMPOSITED,)),
        ("1", 1, {}, (255, 255, 255), ()),
        ("1", 0, {}, (0, 0, 0), ()),
        ("RGB", (1, 2, 3), {}, (1, 2, 3), ()),
        ("RGB", (1, 2, 3), {"transparency": (1, 2, 3)}, (255, 255, 255), (COMPOSITED,)),
        ("RGB", (1, 2, 3), {"transparency": (9, 9, 9)}, (1, 2, 3), ()),
        ("RGBA", (9, 8, 7, 255), {}, (9, 8, 7), ()),
        ("RGBA", (9, 8, 7, 0), {}, (255, 255, 255), (COMPOSITED,)),
        ("RGBA", (255, 0, 0, 128), {}, (255, 127, 127), (COMPOSITED,)),
        ("I;16", 257 * 90, {}, (90, 90, 90), (REDUCED,)),
    ],
)
def test_png_modes(
    tmp_path: Path,
    mode: str,
    value: Any,
    options: dict[str, Any],
    expected: tuple[int, int, int],
    notes: tuple[str, ...],
) -> None:
    path = tmp_path / "a.png"
    Image.new(mode, (4, 3), value).save(path, **options)
    picture = load_picture(path)
    assert_close(picture.image, np.full((3, 4, 3), expected), 0)
    assert picture.notes == notes


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF"])
def test_palette_is_looked_up(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "palette"
    image = Image.fromarray(QUADRANTS).quantize(4)
    assert image.mode == "P"
    image.save(path, kind)
    picture = load_picture(path)
    assert_close(picture.image, QUADRANTS, 0)
    assert picture.notes == ()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entry_becomes_white(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "palette"
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    image.save(path, kind, transparency=0)
    picture = load_picture(path)
    assert_close(picture.image, [[(255, 255, 255), (200, 100, 50)]], 0)
    assert picture.notes == (COMPOSITED,)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF"])
def test_transparency_outside_png(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "seen through"
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    image.save(path, kind, **({"lossless": True} if kind == "WEBP" else {}))
    picture = load_picture(path)
    assert_close(picture.image, [[(255, 0, 0), (255, 255, 255)]], 0)
    assert picture.notes == (COMPOSITED,)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "print"
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    Image.fromarray(QUADRANTS).convert("CMYK").save(path, kind, **options)
    with Image.open(path) as image:
        assert image.mode == "CMYK"
    picture = load_picture(path)
    assert_close(picture.image, QUADRANTS, 4 if kind == "JPEG" else 0)
    assert picture.notes == ()


def test_lab_tiff_keeps_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.frombytes("LAB", (2, 1), bytes([255, 0, 0, 138, 80, 67])).save(path)  # white and red
    assert_close(load_picture(path).image, [[(255, 255, 255), (254, 0, 0)]], 12)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2")])
def test_sixteen_bit_grey_maps_its_range_to_eight_bits(
    tmp_path: Path, kind: str, mode: str
) -> None:
    path = tmp_path / "deep"
    values = (np.arange(256, dtype=np.uint16) * 257)[None]
    Image.fromarray(values.astype(mode)).save(path, kind)
    with Image.open(path) as image:
        assert image.mode.startswith("I;16")
    picture = load_picture(path)
    assert_close(picture.image, np.repeat(np.arange(256)[None, :, None], 3, axis=2), 0)
    assert picture.notes == (REDUCED,)


def test_sixteen_bit_colour_png(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    values = np.array([(0, 257 * 100, 65535), (257, 514, 257 * 254)], ">u2")
    path.write_bytes(png(2, 1, 16, 2, b"\0" + values.tobytes()))
    assert_close(load_picture(path).image, [[(0, 100, 255), (1, 2, 254)]], 0)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(grey_tiff(12, 1, b"\xff\xff\xff", 2), id="12-bit"),
        pytest.param(grey_tiff(16, 0, bytes(4), 2), id="16-bit-white-is-zero"),
    ],
)
def test_unusual_white_tiff_is_white_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "white.tif"
    path.write_bytes(content)
    try:
        image = load_picture(path).image
    except PictureError:
        return
    assert_close(image, [[(255, 255, 255)] * 2], 0)


def test_sixteen_bit_grey_png_keeps_its_transparency(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    values = np.array([257 * 50, 257 * 60], ">u2").tobytes()
    path.write_bytes(png(2, 1, 16, 0, b"\0" + values, chunk(b"tRNS", values[:2])))
    picture = load_picture(path)
    assert_close(picture.image, [[(255, 255, 255), (60, 60, 60)]], 0)
    assert COMPOSITED in picture.notes


@pytest.mark.parametrize(
    "mode",
    [
        "1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA",
        "RGBX", "RGBa", "La", "I;16", "I;16L", "I;16B", "I;16N",
    ],
)  # fmt: skip
def test_every_pillow_mode_becomes_rgb_or_is_refused(mode: str) -> None:
    image = Image.new(mode, (3, 2))
    if mode in ("F", "La"):
        with pytest.raises(PictureError):
            from_image(image)
        return
    picture = from_image(image)
    assert picture.image.mode == "RGB"
    assert picture.size == Size(height=2, width=3)
    assert picture.name == "picture"


def test_premultiplied_alpha_is_divided_out() -> None:
    image = Image.new("RGBA", (1, 1), (200, 100, 50, 128)).convert("RGBa")
    assert_close(from_image(image).image, [[(227, 177, 152)]], 2)


# Orientation

STORED: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""EXIF orientation: how a camera that notes it has stored the upright picture."""


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_oriented_picture_is_turned_upright(tmp_path: Path, orientation: int, kind: str) -> None:
    path = tmp_path / "turned"
    stored = np.ascontiguousarray(STORED[orientation](QUADRANTS))
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    path.write_bytes(encoded(stored, kind, exif=oriented(orientation), **options))
    picture = load_picture(path)
    assert_close(picture.image, QUADRANTS, 4 if kind == "JPEG" else 0)
    if kind != "TIFF":  # Pillow itself turns those as it loads them, and then forgets that it did
        assert picture.notes == (TURNED,)


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_orientation_that_means_nothing_is_not_noted(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(QUADRANTS, "PNG", exif=oriented(orientation)))
    picture = load_picture(path)
    assert_close(picture.image, QUADRANTS, 0)
    assert picture.notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage, no TIFF", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"])
def test_damaged_metadata_is_no_damaged_picture(tmp_path: Path, kind: str, exif: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(QUADRANTS, kind, exif=exif))
    picture = load_picture(path)
    assert picture.size == Size(height=16, width=32)
    assert picture.notes == ()


# Files that cannot be used


def test_missing_file(tmp_path: Path) -> None:
    assert "does not exist" in problem(tmp_path / "none.png")


def test_folder(tmp_path: Path) -> None:
    assert "is not a file" in problem(tmp_path)


def test_path_through_a_file(photo: Path) -> None:
    assert "does not exist" in problem(photo / "a.png")


def test_name_that_no_file_can_have(tmp_path: Path) -> None:
    assert "name too long" in problem(tmp_path / f"{'x' * 300}.png").lower()


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    assert "is empty" in problem(path)


@pytest.mark.parametrize("place", [8, 20, 0.3, 0.6, 0.9, -40])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_truncated_file(tmp_path: Path, kind: str, place: float) -> None:
    path = tmp_path / "cut"
    content = encoded(NOISE, kind)
    path.write_bytes(content[: int(place * len(content)) if 0 < place < 1 else int(place)])
    message = problem(path)
    if place == 0.6 and kind != "TIFF":
        assert "truncated" in message


@pytest.mark.parametrize(
    "content",
    [
        b"Not a picture, just words.\n" * 9,
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b"\0" * 500,
        np.random.default_rng(1).bytes(5000),
    ],
    ids=["text", "svg", "pdf", "zeros", "random"],
)
def test_no_picture_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    message = problem(path)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"):
        assert kind in message


def test_damaged_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    content = bytearray(encoded(NOISE, "PNG"))
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert "damaged" in problem(path)


@pytest.mark.parametrize("side", [60_000, 10_500])
def test_decompression_bomb_is_refused_unread(
    tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 8, 2, b""))
    loads: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", loads.append)
    start = time.perf_counter()
    message = problem(path)
    assert time.perf_counter() - start < 1
    assert "smaller" in message
    assert not loads


def test_a_picture_is_converted_strip_by_strip_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = Image.fromarray(NOISE)
    clear = noise.copy()
    clear.putalpha(noise.getchannel("R"))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.png"
    kinds: list[tuple[Image.Image, dict[str, Any]]] = [
        (clear, {"exif": exif}),
        (noise.convert("P"), {"transparency": 3}),
    ]
    for kind, options in kinds:
        kind.save(path, **options)
        whole = load_picture(path)
        with monkeypatch.context() as patched:
            patched.setattr(tensors, "STRIP_PIXELS", 3 * kind.width)
            strips = load_picture(path)
            tensor = to_tensor(strips.image)
        assert strips == Picture("a", strips.image, whole.notes)
        assert strips.image.tobytes() == whole.image.tobytes()
        assert tensor.equal(to_tensor(whole.image))


def test_limit_on_pixels_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(QUADRANTS, "PNG"))
    monkeypatch.setattr(declared, "MAX_PIXELS", 16 * 32)
    load_picture(path)
    monkeypatch.setattr(declared, "MAX_PIXELS", 16 * 32 - 1)
    assert "32x16" in problem(path)


def test_picture_below_the_limit_loads_without_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(QUADRANTS, "PNG"))
    # Pillow warns from here on, which is below our own limit.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 32 - 1)
    assert load_picture(path).notes == ()
    assert not recwarn.list


def test_floating_point_tiff(tmp_path: Path) -> None:
    path = tmp_path / "hdr.tif"
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(path)
    assert "floating-point" in problem(path)


def test_unreadable_file(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(photo))

    monkeypatch.setattr(Image, "open", refuse)
    assert "permission" in problem(photo)


def test_file_in_an_unreadable_folder(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(photo))

    monkeypatch.setattr(Path, "stat", refuse)
    assert "permission" in problem(photo)


# JPEG files are walked, not counted


def test_what_follows_a_jpeg_or_is_inside_of_it_counts_as_no_scan(tmp_path: Path) -> None:
    plain = encoded(QUADRANTS, "JPEG", quality=95, subsampling=0)
    many = b"\xff\xda\0\x02" * 15_000
    thumbnail = b"\xff\xe1" + struct.pack(">H", len(many) + 2) + many
    path = tmp_path / "a.jpg"
    for content in (plain + many, plain + plain * 60, plain[:2] + thumbnail + plain[2:]):
        path.write_bytes(content)
        picture = load_picture(path)
        assert_close(picture.image, QUADRANTS, 4)
        assert picture.notes == ()


def test_restarts_and_escaped_bytes_are_no_segments() -> None:
    noise = Image.fromarray(NOISE)
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=100, restart_marker_blocks=1)
    content = buffer.getvalue()
    assert content.count(b"\xff\0") > 5
    assert content.count(b"\xff\xd1") > 1
    scans, segments = jpeg.count_segments(content)
    assert scans == 1
    assert segments < 20
    progressive = encoded(NOISE, "JPEG", progressive=True)
    assert jpeg.count_segments(progressive)[0] == progressive.count(b"\xff\xda") > 1
    padded = content.replace(b"\xff\xda", b"\xff" * 9 + b"\xda", 1)
    assert jpeg.count_segments(padded)[0] == 1


@pytest.mark.parametrize(
    "filler", [b"\xff", b"\xff\0", b"\xff\xd0", b"\xff\x02", b"\xff\xe5\0\x02", b"\0"]
)
def test_walking_a_jpeg_takes_linear_time(filler: bytes) -> None:
    content = encoded(QUADRANTS, "JPEG")[:-2] + filler * (4_000_000 // len(filler))
    start = time.process_time()
    jpeg.count_segments(content)
    assert time.process_time() - start < 2


def test_scans_behind_broken_restarts_count() -> None:
    plain = encoded(QUADRANTS, "JPEG")
    hidden = plain[:-2] + b"\xff\x02\xff\xff" + b"\xff\xda\0\x02" * 60
    assert jpeg.count_segments(hidden)[0] > jpeg.MAX_SCANS


def test_too_many_segments_are_refused(tmp_path: Path) -> None:
    plain = encoded(QUADRANTS, "JPEG")
    path = tmp_path / "a.jpg"
    path.write_bytes(plain[:2] + b"\xff\xe1\0\x0aExif\0\0ab" * 300_000 + plain[2:])
    start = time.process_time()
    assert "too many segments" in problem(path)
    assert time.process_time() - start < 2


def test_a_phones_motion_photo_loads(shared: Path) -> None:
    assert load_picture(shared / "inputs" / "trailing-video.jpg").size == Size(60, 80)


# Photos over the limit


def gradient(width: int, height: int) -> Pixels:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([255 * rows / height, 255 * columns / width, 0 * rows], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("limit", "size"),
    [
        (64 * 48, (64, 48)),
        (64 * 48 - 1, (32, 24)),
        (32 * 24 - 1, (16, 12)),
        (16 * 12 - 1, (8, 6)),
    ],
)
@pytest.mark.parametrize("progressive", [False, True])
def test_a_photo_over_the_limit_is_decoded_reduced(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    size: tuple[int, int],
    progressive: bool,
) -> None:
    path = tmp_path / "a.jpg"
    pixels = gradient(64, 48)
    path.write_bytes(encoded(pixels, "JPEG", quality=95, progressive=progressive))
    monkeypatch.setattr(declared, "MAX_PIXELS", limit)
    picture = load_picture(path, reduced=True)
    assert picture.image.size == size
    averaged = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
    assert_close(picture.image, np.asarray(averaged), 8)
    if size == (64, 48):
        assert picture.notes == ()
        return
    assert picture.notes == (f"reduced from 64x48 to {size[0]}x{size[1]} pixels, to be read",)
    assert "64x48" in problem(path)


def test_a_reduced_photo_has_limits_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(gradient(64, 48), "JPEG", progressive=True))
    monkeypatch.setattr(declared, "MAX_PIXELS", 8 * 6)
    load_picture(path, reduced=True)
    with monkeypatch.context() as patched:
        patched.setattr(jpeg, "MAX_KEPT_SAMPLES", 64 * 48 * 1.5 - 1)
        with pytest.raises(PictureError, match="64x48"):
            load_picture(path, reduced=True)
    monkeypatch.setattr(jpeg, "MAX_REDUCED_PIXELS", 64 * 48 - 1)
    with pytest.raises(PictureError, match="64x48"):
        load_picture(path, reduced=True)
    path.write_bytes(encoded(gradient(64, 48), "PNG"))
    with pytest.raises(PictureError, match="64x48"):
        load_picture(path, reduced=True)


# Colour profiles


def linear_profile(space: bytes, name: bytes, curve: bytes = b"\0\0\0\0") -> bytes:
    """An ICC profile, of linear values unless `curve` says otherwise, of sRGB's primaries."""

    def tag(kind: bytes, content: bytes) -> bytes:
        content = kind + bytes(4) + content
        return content + bytes(-len(content) % 4)

    def xyz(*values: float) -> bytes:
        return tag(b"XYZ ", struct.pack(">3i", *(round(value * 65536) for value in values)))

    described = tag(b"desc", struct.pack(">I", len(name) + 1) + name + bytes(79))
    tags = [(b"desc", described), (b"wtpt", xyz(0.9642, 1, 0.8249)), (b"cprt", tag(b"text", b"-"))]
    if space == b"GRAY":
        tags.append((b"kTRC", tag(b"curv", curve)))
    else:
        primaries = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708),
                     (0.14307, 0.06061, 0.7141))  # fmt: skip
        for letter, primary in zip(b"rgb", primaries, strict=True):
            tags.append((bytes([letter]) + b"XYZ", xyz(*primary)))
            tags.append((bytes([letter]) + b"TRC", tag(b"curv", curve)))
    place, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for number, content in tags:
        table += number + struct.pack(">II", place + len(body), len(content))
        body += content
    size, date = place + len(body), struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    kind = (b"lcms", 0x02400000, b"mntr", space, b"XYZ ", date, b"acsp")
    start = struct.pack(">I4sI4s4s4s12s4s28x", size, *kind)
    return (start + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0") + table + body


def srgb_curve() -> bytes:
    values = np.linspace(0, 1, 1024)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    values = (linear * 65535).round().astype(">u2")
    return struct.pack(">I", 1024) + bytes(values.tobytes())


def shown(linear: ArrayLike) -> NDArray[np.float64]:
    """The sRGB levels of linear values in [0, 1]."""
    values = np.asarray(linear, float)
    return 255 * np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("name", [b"sRGB", b"GIMP built-in Linear sRGB", b"other"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "I;16"])
def test_a_profile_counts_whatever_its_name(tmp_path: Path, mode: str, name: bytes) -> None:
    path = tmp_path / "a.png"
    grey = np.linspace(0, 255, 256).astype(np.uint8)[None]
    opaque = np.full_like(grey, 255)
    kinds: dict[str, Image.Image] = {
        "L": Image.fromarray(grey),
        "I;16": Image.fromarray(grey.astype(np.uint16) * 257),
        "RGB": Image.fromarray(np.stack([grey, grey, grey], -1)),
        "RGBA": Image.fromarray(np.stack([grey, grey, grey, opaque], -1)),
        "LA": Image.merge("LA", [Image.fromarray(grey), Image.fromarray(opaque)]),
        "P": Image.fromarray(grey),
    }
    kinds["P"].putpalette(np.repeat(grey[0], 3).tobytes())
    space = b"GRAY" if mode in ("L", "LA", "I;16") else b"RGB "
    image = kinds[mode]
    assert image.mode == mode
    image.save(path, icc_profile=linear_profile(space, name))
    picture = load_picture(path)
    assert_close(picture.image, np.stack([shown(grey / 255).round()] * 3, -1), 1)
    assert CONVERTED in picture.notes
    image.save(path, icc_profile=linear_profile(space, name, srgb_curve()))
    picture = load_picture(path)
    assert_close(picture.image, np.stack([grey] * 3, -1), 0)
    assert CONVERTED not in picture.notes


def test_dark_sixteen_bit_greys_are_converted_before_they_are_reduced(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    deep = np.array([[0, 100, 300, 1000, 65535]], np.uint16)
    Image.fromarray(deep).save(path, icc_profile=linear_profile(b"GRAY", b"grey"))
    wanted = np.stack([shown(deep / 65535)] * 3, -1)
    assert_close(load_picture(path).image, wanted.round(), 1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_kept_by_a_conversion(tmp_path: Path, mode: str, kind: str) -> None:
    if (kind, mode) == ("WEBP", "LA"):
        pytest.skip("WebP has no grey")
    path = tmp_path / "a"
    profile = linear_profile(b"GRAY" if mode == "LA" else b"RGB ", b"x")
    colour = (0,) * (len(mode) - 1)
    image = Image.new(mode, (2, 1), (*colour, 255))
    image.putpixel((1, 0), (*colour, 128))
    image.save(path, kind, icc_profile=profile, **({"lossless": True} if kind == "WEBP" else {}))
    picture = load_picture(path)
    assert_close(picture.image, [[(0, 0, 0), (127, 127, 127)]], 0)
    assert picture.notes == (CONVERTED, COMPOSITED)


def test_a_transparent_colour_is_found_before_colours_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((0, 0), (51, 51, 51))
    image.save(path, transparency=(1, 2, 3), icc_profile=linear_profile(b"RGB ", b"x"))
    level = round(float(shown(0.2)))
    assert_close(load_picture(path).image, [[(level,) * 3, (255,) * 3]], 1)


@pytest.mark.parametrize(
    ("mode", "profile", "reason"),
    [
        ("RGB", b"no profile", "damaged"),
        ("L", linear_profile(b"GRAY", b"x")[:150], "damaged"),
        ("RGB", linear_profile(b"RGB ", b"x")[:-100], "damaged"),
        ("RGB", linear_profile(b"GRAY", b"x"), "it is for GRAY"),
        ("L", linear_profile(b"RGB ", b"x"), "it is for RGB"),
        ("CMYK", linear_profile(b"RGB ", b"x"), "it is for RGB"),
    ],
)
def test_unusable_profile_is_ignored_and_it_says_so(
    tmp_path: Path, mode: str, profile: bytes, reason: str
) -> None:
    path = tmp_path / "a.tif"
    image = Image.fromarray(QUADRANTS).convert(mode)
    image.save(path, icc_profile=profile)
    picture = load_picture(path)
    assert_close(picture.image, np.asarray(image.convert("RGB")), 0)
    assert len(picture.notes) == 1
    assert "profile was ignored" in picture.notes[0]
    assert reason in picture.notes[0]


def test_profiles_under_other_names(shared: Path) -> None:
    inputs = shared / "inputs"
    named, other = (load_picture(inputs / f"linear-{n}.png") for n in ("named-srgb", "other-name"))
    assert named.image.tobytes() == other.image.tobytes()
    grey, right = (load_picture(inputs / f"{n}.png") for n in ("grey-linear", "grey-linear-right"))
    # The picture beside it was converted by an approximated curve: linear 1 is 17 there, not 13.
    assert_close(grey.image, np.asarray(right.image), 4)


# Files that declare too much


def tiff(width: int, height: int, bits: int, tags: dict[int, tuple[int, bytes]]) -> bytes:
    """A little-endian grey TIFF file; `tags` are more tags: the type, and the values."""
    sizes = {1: 1, 3: 2, 4: 4}
    plain = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 277: 1}
    every = {number: (4, struct.pack("<I", value)) for number, value in plain.items()} | tags
    place, entries, body = 8 + 2 + 12 * len(every) + 4, b"", b""
    for number, (kind, values) in sorted(every.items()):
        entries += struct.pack("<HHI", number, kind, len(values) // sizes[kind])
        if len(values) > 4:
            entries += struct.pack("<I", place + len(body))
            body += values
        else:
            entries += values.ljust(4, b"\0")
    return struct.pack("<2sHIH", b"II", 42, 8, len(every)) + entries + bytes(4) + body


def longs(*values: int) -> tuple[int, bytes]:
    return 4, struct.pack(f"<{len(values)}I", *values)


def bmp(width: int, height: int, compression: int, data: bytes, offset: int = 1078) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 0, 0, 0, 0)
    start = b"BM" + struct.pack("<IHHI", 0, 0, 0, offset) + header
    return start + bytes(range(256)) * 4 + data


def gif(screen: int, frame: int) -> bytes:
    start = b"GIF89a" + struct.pack("<HHBBB", screen, screen, 0x80, 0, 0) + bytes(6)
    return start + b"," + struct.pack("<HHHHB", 0, 0, frame, frame, 0) + b"\x02\x02\x44\1\0;"


def webp(side: int) -> bytes:
    sides = struct.pack("<I", side - 1)[:3] * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + sides + b"ANIM" + bytes(10)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def resized_jpeg(side: int) -> bytes:
    content = bytearray(encoded(QUADRANTS, "JPEG"))
    place = content.index(b"\xff\xc0")
    content[place + 5 : place + 9] = struct.pack(">HH", side, side)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            tiff(100, 100, 8, {322: longs(26000), 323: longs(26000), 324: longs(8), 325: longs(9)}),
            id="tiff-tile",
        ),
        pytest.param(
            tiff(1, 10**6, 8, {322: longs(8192), 323: longs(16), 324: longs(8), 325: longs(9)}),
            id="tiff-thin",
        ),
        pytest.param(
            tiff(1, 6 * 10**7, 8, {278: longs(30), 273: (3, b"\x08\0" * 10**6)}), id="tiff-strips"
        ),
        pytest.param(
            tiff(1, 6 * 10**7, 8, {278: longs(30), 273: (1, b"\x08" * 10**6)}), id="tiff-bytes"
        ),
        pytest.param(
            tiff(8000, 8000, 1, {278: longs(7999), 273: (3, b"\x08\0" * 1000)}) + bytes(8 * 10**6),
            id="tiff-again-and-again",
        ),
        pytest.param(bmp(63_999_999, 1, 1, b"\1\1\0\0\0\1"), id="bmp-wide"),
        pytest.param(bmp(3000, 4000, 2, b""), id="bmp-run-lengths"),
        pytest.param(bmp(-5, 5, 0, b""), id="bmp-negative"),
        pytest.param(bmp(8, 8, 0, b"", 2**32 - 1), id="bmp-offset"),
        pytest.param(gif(65535, 1), id="gif-screen"),
        pytest.param(gif(1, 65535), id="gif-frame"),
        pytest.param(gif(8001, 1), id="gif-little-over"),
        pytest.param(webp(12_000), id="webp-canvas"),
        pytest.param(webp(2**24), id="webp-absurd"),
        pytest.param(resized_jpeg(65535), id="jpeg"),
        pytest.param(resized_jpeg(8001), id="jpeg-little-over"),
    ],
)
def test_a_file_that_declares_too_much_is_refused_undecoded(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "absurd"
    path.write_bytes(content)
    loads: list[object] = []
    if content[:2] != b"BM":  # the truncated ones are found when they are read
        monkeypatch.setattr(ImageFile.ImageFile, "load", loads.append)
    start = time.process_time()
    problem(path)
    assert time.process_time() - start < 1
    assert not loads


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_ordinary_strips_are_within_the_limits(
    tmp_path: Path, compression: str | None, rows: int
) -> None:
    path = tmp_path / "a.tif"
    tall = np.tile(QUADRANTS, (20, 2, 1))
    path.write_bytes(encoded(tall, "TIFF", compression=compression, tiffinfo={278: rows}))
    assert_close(load_picture(path).image, tall, 0)


def test_a_small_picture_in_one_large_tile(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tags = {322: longs(512), 323: longs(512), 324: longs(8), 325: longs(512 * 512)}
    path.write_bytes(tiff(100, 90, 8, tags) + bytes(512 * 512))
    assert load_picture(path).size == Size(90, 100)


def test_libraries_write_nothing_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tif"
    bilevel = Image.fromarray(NOISE).convert("1")
    for compression in ("group3", "group4", "jpeg", "tiff_lzw", "tiff_adobe_deflate"):
        buffer = io.BytesIO()
        image = bilevel if compression.startswith("group") else Image.fromarray(NOISE)
        image.save(buffer, "TIFF", compression=compression)
        content = bytearray(buffer.getvalue())
        for place in range(10, len(content), 97):
            content[place] ^= 0x5A
            path.write_bytes(content)
            with contextlib.suppress(PictureError):
                load_picture(path)
            content[place] ^= 0x5A
    path.write_bytes(tiff(4, 4, 8, {277: longs(60_000), 273: longs(8)}))
    problem(path)
    assert capfd.readouterr() == ("", "")


# Tensors


def test_round_trip_is_exact_for_all_values() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pixels = np.stack([values, values[::-1], values.T], axis=-1)
    tensor = to_tensor(Image.fromarray(pixels))
    assert np.array_equal(np.asarray(to_image(tensor)), pixels)
    assert torch.equal(to_tensor(to_image(tensor)), tensor)


def test_tensor_layout_and_range() -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[1, 2] = (255, 51, 0)
    tensor = to_tensor(Image.fromarray(pixels))
    assert tensor.shape == (1, 3, 2, 3)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    assert tensor[0, :, 1, 2].tolist() == pytest.approx([1, -0.6, -1])
    assert (tensor.min(), tensor.max()) == (-1, 1)


def test_tensor_does_not_share_the_picture() -> None:
    image = Image.new("RGB", (2, 2), "white")
    to_tensor(image).zero_()
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_grey_image_as_tensor() -> None:
    assert to_tensor(Image.new("L", (2, 2), 255)).shape == (1, 3, 2, 2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-7.0, 0),
        (-1.001, 0),
        (1.001, 255),
        (1e9, 255),
        (100.4 / 127.5 - 1, 100),
        (100.6 / 127.5 - 1, 101),
        (0.4 / 127.5 - 1, 0),
        (254.6 / 127.5 - 1, 255),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_image_values_are_clipped_and_rounded(
    value: float, expected: int, dtype: torch.dtype
) -> None:
    tensor = torch.full((1, 3, 2, 5), value, dtype=dtype)
    assert_close(to_image(tensor), np.full((2, 5, 3), expected), 0)


def test_image_of_a_tensor_that_learns_and_is_not_contiguous() -> None:
    tensor = to_tensor(Image.fromarray(QUADRANTS)).requires_grad_()
    turned = tensor.detach().transpose(2, 3)
    assert_close(to_image(turned), QUADRANTS.swapaxes(0, 1), 0)
