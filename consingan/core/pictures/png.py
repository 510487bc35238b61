"""PNG files written from top to bottom, for pictures that are too large to hold."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from consingan.core.options.size import Size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
EIGHT_BIT_RGB = (8, 2, 0, 0, 0)
"""Bit depth, colour type, compression, filter method and interlacing of the header."""
UP = b"\x02"
"""The filter that stores each row as its difference from the row above (PNG specification, 9.2)."""


def write_png(file: BinaryIO, size: Size, bands: Iterable[NDArray[np.uint8]]) -> None:
    """Write an RGB picture of `size` whose rows come as (h, W, 3) bands, from the top.

    Raises ValueError if the bands are not as many rows as `size` says; OSError.
    """
    file.write(SIGNATURE)
    _chunk(file, b"IHDR", struct.pack(">II5B", size.width, size.height, *EIGHT_BIT_RGB))
    for content in _compressed(size, bands):
        _chunk(file, b"IDAT", content)
    _chunk(file, b"IEND", b"")


def _compressed(size: Size, bands: Iterable[NDArray[np.uint8]]) -> Iterator[bytes]:
    packer = zlib.compressobj()
    above, rows = np.zeros((1, size.width * 3), np.uint8), 0
    for band in bands:
        flat = band.reshape(len(band), size.width * 3)
        rows += len(flat)
        difference = flat - np.concatenate([above, flat[:-1]])  # modulo 256
        above = flat[-1:]
        if content := packer.compress(b"".join(UP + row.tobytes() for row in difference)):
            yield content
    if rows != size.height:
        raise ValueError(f"{rows} rows, not {size.height}")
    yield packer.flush()


def _chunk(file: BinaryIO, kind: bytes, content: bytes) -> None:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum))
