"""What picture files declare about themselves, checked before a decoder believes it."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import ImageFile

from consingan.errors import PictureError

MAX_PIXELS = 64_000_000
"""The largest picture that is read. Decoders need up to 12 bytes a pixel, within 1 GB of memory."""
MAX_WEBP_PIXELS = 40_000_000
"""The largest WebP or AVIF picture. Their decoders need more memory a pixel than others."""
MAX_RLE_PIXELS = 10_000_000
"""The largest BMP with run lengths. Its decoder is slower than any other."""
MAX_TIFF_PIXELS = 80_000_000
"""The most pixels in the tiles of a TIFF, with those beyond the picture's border."""
MAX_TIFF_PARTS = 250_000
"""The most strips or tiles of a TIFF. As tiles of 16x16 they make the largest picture."""
MAX_LAYERS = 6
"""How often the parts of a TIFF may cover the picture: once for each of its channels."""
_TIFF_STARTS = {
    b"II*\0": ("<HHI", "<H", "<I"),
    b"MM\0*": (">HHI", ">H", ">I"),
    b"II+\0": ("<HHQ", "<Q", "<Q"),
    b"MM\0+": (">HHQ", ">Q", ">Q"),
}
"""The formats of a tag's number, type and count; of the number of tags; of an offset."""
_PARTS = (273, 279, 324, 325)
"""Tags with one value for each strip or tile: offsets and byte counts."""
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323


def check_pixels(width: int, height: int, limit: int) -> None:
    """Raise PictureError if a picture has more than `limit` pixels."""
    if width * height > limit:
        raise PictureError(
            f"has {width}x{height} pixels, more than {limit // 10**6} million; give a smaller one"
        )


def check_start(file: BinaryIO) -> None:
    """Check a file before Pillow opens it. Raises PictureError if it declares too much.

    Files of other formats, and damaged ones, are left to Pillow.
    """
    start = file.read(30)
    file.seek(0)
    if start[:4] in _TIFF_STARTS:
        try:
            counts = list(_tiff_counts(file, *_TIFF_STARTS[start[:4]]))
        except (struct.error, OSError, OverflowError):
            return
        if max(counts, default=0) > MAX_TIFF_PARTS:
            raise PictureError("has too many strips or tiles; save it with larger ones")
    elif start[8:16] == b"WEBPVP8X" and len(start) == 30:
        width, height = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
        check_pixels(width, height, MAX_WEBP_PIXELS)


def check_opened(image: ImageFile.ImageFile) -> None:
    """Check an opened picture before it is decoded. Raises PictureError if it declares too much."""
    compression = image.info.get("compression")
    heavy = image.format in ("WEBP", "AVIF")
    limit = MAX_WEBP_PIXELS if heavy else MAX_PIXELS
    if image.format == "BMP" and compression in (1, 2):
        limit = MAX_RLE_PIXELS
    check_pixels(image.width, image.height, limit)
    if image.format == "TIFF":
        _check_tiles(image)


def _tiff_counts(file: BinaryIO, tag: str, many: str, offset: str) -> Iterator[int]:
    """How many values there are in each of the first frame's tags on strips and tiles."""
    wide = struct.calcsize(offset)
    file.seek(4 if wide == 4 else 8)
    (first,) = struct.unpack(offset, file.read(wide))
    file.seek(first)
    (tags,) = struct.unpack(many, file.read(struct.calcsize(many)))
    for _ in range(tags):  # an absurd number ends with the file
        number, _, count = struct.unpack_from(tag, file.read(struct.calcsize(tag) + wide))
        if number in _PARTS:
            yield count


def _check_tiles(image: ImageFile.ImageFile) -> None:
    tags = getattr(image, "tag_v2", {})
    width, height = tags.get(_TILE_WIDTH), tags.get(_TILE_HEIGHT)
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        across, down = math.ceil(tags[_WIDTH] / width), math.ceil(tags[_HEIGHT] / height)
        if across * width * down * height > MAX_TIFF_PIXELS:
            raise PictureError(
                f"has tiles of {width}x{height} pixels, too large for it; save it with smaller ones"
            )
    boxes = (tile[1] or (0, 0, 0, 0) for tile in image.tile)
    covered = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
    if covered > MAX_LAYERS * image.width * image.height:
        raise PictureError("has more strips or tiles than it needs; save it anew")
