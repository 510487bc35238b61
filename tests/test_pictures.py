"""Picture files of every kind a user may have, and every way in which one can be broken."""

from __future__ import annotations

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
from consingan.core.pictures import reading, tensors
from consingan.core.pictures.reading import Picture, from_image, load_picture
from consingan.core.pictures.tensors import to_image, to_tensor
from consingan.errors import PictureError

Pixels = NDArray[np.uint8]

FRAMES = "only the first frame is used"
TURNED = "turned upright as its EXIF orientation says"
REDUCED = "16-bit values were reduced to 8"
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
    monkeypatch.setattr(reading, "MAX_PIXELS", 16 * 32)
    load_picture(path)
    monkeypatch.setattr(reading, "MAX_PIXELS", 16 * 32 - 1)
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
        (float("inf"), 255),
        (float("-inf"), 0),
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
