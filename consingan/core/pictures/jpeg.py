"""Opening JPEG files: their scans are counted first, and photos over the limit are reduced."""

from __future__ import annotations

import math
import re
from pathlib import Path

from PIL.JpegImagePlugin import JpegImageFile

from consingan.core.pictures import declared
from consingan.errors import PictureError

START = b"\xff\xd8\xff"
MAX_REDUCED_PIXELS = 256_000_000
"""The largest photo that is read reduced; the largest cameras of phones have 200 million."""
MAX_KEPT_SAMPLES = 192_000_000
"""The most samples of a reduced photo in several scans: all are kept, in 2 bytes each."""
MAX_SCANS = 50
"""The most scans of a JPEG. Progressive ones have about 10. Each may take as long as a picture."""
MAX_SEGMENTS = 2000
"""The most segments of a JPEG. Those with large metadata have a few hundred."""
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
"""A marker of a segment, or of the end; not one of restarts, nor an escaped byte."""
_END, _SCAN = b"\xd9", b"\xda"


def open_jpeg(path: Path, reduced: bool) -> tuple[JpegImageFile, str | None]:
    """Open a JPEG file, and say how it will be reduced if it will be.

    With `reduced`, a photo over the limit is decoded at a half, a quarter or an eighth of its
    sides, if that brings it within. Only the first picture of an MPO file is read. Raises
    PictureError if it has too many scans or segments, and what Pillow raises if it is damaged.
    """
    scans, segments = count_segments(path.read_bytes())
    if scans > MAX_SCANS:
        raise PictureError("has too many scans; save it as an ordinary JPEG")
    if segments > MAX_SEGMENTS:
        raise PictureError("has too many segments; save it without its metadata")
    # Not by Image.open, whose own limit is below that of reduced photos.
    image = JpegImageFile(path)
    try:
        return image, _reduce(image, scans) if reduced else None
    except BaseException:
        image.close()
        raise


def count_segments(content: bytes) -> tuple[int, int]:
    """The numbers of scans and of all segments of the first picture in a JPEG file.

    What follows the picture's end doesn't count, nor what is inside of a segment. Counting ends
    beyond `MAX_SCANS` or `MAX_SEGMENTS`.
    """
    scans, segments, place = 0, 0, 2
    while scans <= MAX_SCANS and segments <= MAX_SEGMENTS:
        found = _MARKER.search(content, place)
        if found is None or found[1] == _END:
            break
        scans += found[1] == _SCAN
        segments += 1
        length = int.from_bytes(content[found.end() : found.end() + 2], "big")
        place = found.end() + max(2, length)
    return scans, segments


def _reduce(image: JpegImageFile, scans: int) -> str | None:
    width, height = image.size
    pixels = width * height
    if not declared.MAX_PIXELS < pixels <= MAX_REDUCED_PIXELS:
        return None
    if scans > 1 and _samples(image) > MAX_KEPT_SAMPLES:
        return None
    wanted = next((n for n in (2, 4, 8) if pixels <= n * n * declared.MAX_PIXELS), 8)
    image.draft(None, (width // wanted, height // wanted))
    return f"reduced from {width}x{height} to {image.width}x{image.height} pixels, to be read"


def _samples(image: JpegImageFile) -> float:
    """How many samples all channels have together."""
    across = [layer[1] for layer in image.layer]
    down = [layer[2] for layer in image.layer]
    each = sum(wide * high for wide, high in zip(across, down, strict=True))
    most = max(across, default=0) * max(down, default=0)
    return image.width * image.height * each / most if most else math.inf
