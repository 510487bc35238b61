"""Rectangles of pixels, in the coordinates of a whole picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from consingan.core.options.size import Size

if TYPE_CHECKING:
    from torch import Tensor


class Span(NamedTuple):
    """Rows or columns from `start` up to `stop`, which is excluded."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """The number of rows or columns."""
        return self.stop - self.start


class Window(NamedTuple):
    """A rectangle of pixels."""

    rows: Span
    columns: Span

    @property
    def size(self) -> Size:
        """Its height and width."""
        return Size(self.rows.length, self.columns.length)

    @property
    def origin(self) -> tuple[int, int]:
        """Its first row and column."""
        return self.rows.start, self.columns.start

    def cut(self, picture: Tensor, origin: tuple[int, int] = (0, 0)) -> Tensor:
        """This window of (..., H, W), as a view. `origin` is the row and column of its first pixel.

        It is (0, 0) for the whole picture.
        """
        top, left = origin
        rows = slice(self.rows.start - top, self.rows.stop - top)
        return picture[..., rows, self.columns.start - left : self.columns.stop - left]


def whole(size: Size) -> Window:
    """The window that covers a whole picture."""
    return Window(Span(0, size.height), Span(0, size.width))


def tiles(size: Size, tile: int) -> Iterator[Window]:
    """Windows of at most `tile` x `tile` pixels that cover a picture, row by row."""
    for top in range(0, size.height, tile):
        for left in range(0, size.width, tile):
            bottom, right = min(top + tile, size.height), min(left + tile, size.width)
            yield Window(Span(top, bottom), Span(left, right))
