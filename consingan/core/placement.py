"""Where a stage too large to train on whole puts its windows, fair to every pixel.

Windows lie inside the picture, so a pixel at the border is in fewer of them than one in the
middle. Positions next to the border are therefore likelier, and what is left of the difference is
weighed: the expectation of every loss over windows is the loss on the whole picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from consingan.core.config import Size, TrainOptions
from consingan.core.resampling import Span
from consingan.core.windows import Window

INNER_SHARE = 2 / 3
"""Side of the window that the gradient penalty is taken on, as a share of the training window's."""

Floats = NDArray[np.float64]


class Weights(NamedTuple):
    """What each value in a window counts for in the mean over the picture: rows times columns."""

    rows: Tensor
    columns: Tensor

    def mean(self, values: Tensor) -> Tensor:
        """The weighted sum of (..., h, w), whose expectation is the whole picture's mean."""
        return torch.einsum("...hw,h,w->...", values, self.rows, self.columns)


class Placement(NamedTuple):
    """A training window and what its values weigh."""

    window: Window
    inner: Window
    """The part that the gradient penalty is taken on, in the picture's coordinates."""
    sound: Window
    """The part of that whose gradients are what they are in the whole picture."""
    pixels: Weights
    scores: Weights
    penalty: Weights


class Placements:
    """Draws windows of one stage's picture."""

    def __init__(self, size: Size, window: Size, view: int, device: torch.device) -> None:
        self._rows = _Side(size.height, window.height, view, device)
        self._columns = _Side(size.width, window.width, view, device)

    def draw(self, generator: torch.Generator) -> Placement:
        """A random window; `generator` is on the CPU, so that no device has to be waited for."""
        rows, columns = self._rows.draw(generator), self._columns.draw(generator)
        window, inner, sound = map(Window, rows.spans, columns.spans)
        pixels, scores, penalty = map(Weights, rows.weights, columns.weights)
        return Placement(window, inner, sound, pixels, scores, penalty)


def training_window(size: Size, options: TrainOptions) -> Size:
    """The part of a stage's picture that an iteration sees: all of it unless it is too large."""
    if not options.window or size.height * size.width <= options.window**2:
        return size
    return window_size(size, options.window)


def normalized_stages(sizes: Sequence[Size], options: TrainOptions) -> int:
    """How many stages of `sizes`, from the lowest, have batch norm: those that are trained whole.

    On windows it would learn from their statistics, which are not those of the picture.
    """
    if not options.batch_norm:
        return 0
    return len(list(takewhile(lambda size: size == training_window(size, options), sizes)))


def window_size(size: Size, side: int) -> Size:
    """The training window on a picture: `side` x `side` pixels, or as many in a longer shape."""
    height = min(size.height, side)
    width = min(size.width, side * side // height)
    return Size(min(size.height, side * side // width), width)


class _Drawn(NamedTuple):
    spans: tuple[Span, Span, Span]
    weights: tuple[Tensor, Tensor, Tensor]


class _Side:
    """Placement along one side of a picture."""

    def __init__(self, length: int, window: int, view: int, device: torch.device) -> None:
        self._length, self._window, self._edge = length, window, view - 1
        self._inner = min(window, max(round(window * INNER_SHARE), 3 * view))
        self._starts, outer = _chances(length, window)
        self._inner_starts, inner = _chances(window, self._inner)
        sound = [self._sound(start) for start in range(length - self._inner + 1)]
        scores, scored = length - self._edge, window - self._edge
        self._pixels = _weights(length, [Span(s, s + window) for s in range(len(outer))], outer)
        self._scores = _weights(scores, [Span(s, s + scored) for s in range(len(outer))], outer)
        self._penalty = _weights(length, sound, np.convolve(outer, inner))
        self._pixels, self._scores, self._penalty = (
            weights.to(device) for weights in (self._pixels, self._scores, self._penalty)
        )

    def draw(self, generator: torch.Generator) -> _Drawn:
        start = self._starts.draw(generator)
        inner = start + self._inner_starts.draw(generator)
        sound, stop = self._sound(inner), start + self._window
        return _Drawn(
            (Span(start, stop), Span(inner, inner + self._inner), sound),
            (
                self._pixels[start:stop],
                self._scores[start : stop - self._edge],
                self._penalty[sound.start : sound.stop],
            ),
        )

    def _sound(self, start: int) -> Span:
        """Where the critic's gradient isn't cut off by the inner window that begins at `start`."""
        stop = start + self._inner
        return Span(
            start + self._edge if start > 0 else 0,
            stop - self._edge if stop < self._length else self._length,
        )


class _Starts(NamedTuple):
    """First positions: evenly from a range that reaches `beyond` the possible ones, clamped."""

    possible: int
    beyond: int

    def draw(self, generator: torch.Generator) -> int:
        reach = (-self.beyond, self.possible + self.beyond)
        drawn = int(torch.randint(*reach, (), generator=generator))
        return min(max(drawn, 0), self.possible - 1)


def _chances(length: int, window: int) -> tuple[_Starts, Floats]:
    """How a window's start is drawn, and how likely each is."""
    starts = _Starts(length - window + 1, window // 2 if window < length else 0)
    chances = np.ones(starts.possible)
    chances[0] += starts.beyond
    chances[-1] += starts.beyond
    return starts, chances / chances.sum()


def _weights(length: int, spans: list[Span], chances: Floats) -> Tensor:
    """1 / (length x how often a position is covered), so that expectations are plain means."""
    changes = np.zeros(length + 1)
    for span, chance in zip(spans, chances, strict=True):
        changes[span.start] += chance
        changes[span.stop] -= chance
    covered = np.cumsum(changes)[:-1]
    return torch.from_numpy(1 / (length * covered)).float()
