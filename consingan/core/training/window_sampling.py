"""Random windows of a stage that is too large to train on whole, with importance weights.

Windows lie inside the picture, so that a pixel near the border is in fewer of them than one in the
middle. Positions at the border are therefore drawn more often, and importance weights make up for
the rest: the expectation of each loss over windows is the loss on the whole picture.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from consingan.core.networks.window import Span, Window
from consingan.core.options.size import Size

PENALTY_SHARE = 2 / 3
"""Side of the window that the gradient penalty is taken on, as a share of the whole window's."""

Floats = NDArray[np.float64]


class ImportanceWeights(NamedTuple):
    """The weight of each value in a window, as a product of row and column weights."""

    rows: Tensor
    columns: Tensor

    def mean(self, values: Tensor) -> Tensor:
        """The weighted sum of (..., h, w), whose expectation is the whole picture's mean."""
        return torch.einsum("...hw,h,w->...", values, self.rows, self.columns)


class SampledWindow(NamedTuple):
    """A window drawn for one iteration; all windows are in the whole picture's coordinates."""

    window: Window
    penalty_window: Window
    """The part of it that the gradient penalty is taken on."""
    penalty_interior: Window
    """The part of that where the critic's gradient is the same as in the whole picture."""
    pixel_weights: ImportanceWeights
    score_weights: ImportanceWeights
    penalty_weights: ImportanceWeights


class WindowSampler:
    """Draws windows of one size from one stage's picture."""

    def __init__(
        self, size: Size, window: Size, receptive_field: int, device: torch.device
    ) -> None:
        self._rows = _SideSampler(size.height, window.height, receptive_field, device)
        self._columns = _SideSampler(size.width, window.width, receptive_field, device)

    def draw(self, generator: torch.Generator) -> SampledWindow:
        """A random window; `generator` is on the CPU, so that no device has to be waited for."""
        rows, columns = self._rows.draw(generator), self._columns.draw(generator)
        window, penalty, interior = map(Window, rows.spans, columns.spans)
        pixels, scores, penalties = map(ImportanceWeights, rows.weights, columns.weights)
        return SampledWindow(window, penalty, interior, pixels, scores, penalties)


class _SampledSide(NamedTuple):
    """One side of a `SampledWindow`."""

    spans: tuple[Span, Span, Span]
    weights: tuple[Tensor, Tensor, Tensor]


class _SideSampler:
    """Draws a window's rows or columns."""

    def __init__(
        self, length: int, window: int, receptive_field: int, device: torch.device
    ) -> None:
        self._length, self._window, self._edge = length, window, receptive_field - 1
        self._penalty_length = min(window, max(round(window * PENALTY_SHARE), 3 * receptive_field))
        self._starts, probabilities = _starts(length, window)
        self._penalty_starts, within = _starts(window, self._penalty_length)
        interiors = [self._interior(start) for start in range(length - self._penalty_length + 1)]
        positions = range(len(probabilities))
        pixels = [Span(start, start + window) for start in positions]
        scores = [Span(start, start + window - self._edge) for start in positions]
        self._pixel_weights, self._score_weights, self._penalty_weights = (
            weights.to(device)
            for weights in (
                _importance_weights(length, pixels, probabilities),
                _importance_weights(length - self._edge, scores, probabilities),
                _importance_weights(length, interiors, np.convolve(probabilities, within)),
            )
        )

    def draw(self, generator: torch.Generator) -> _SampledSide:
        start = self._starts.draw(generator)
        penalty_start = start + self._penalty_starts.draw(generator)
        interior, stop = self._interior(penalty_start), start + self._window
        penalty = Span(penalty_start, penalty_start + self._penalty_length)
        return _SampledSide(
            (Span(start, stop), penalty, interior),
            (
                self._pixel_weights[start:stop],
                self._score_weights[start : stop - self._edge],
                self._penalty_weights[interior.start : interior.stop],
            ),
        )

    def _interior(self, start: int) -> Span:
        """Where the critic's gradient isn't cut off by a penalty window that begins at `start`."""
        stop = start + self._penalty_length
        return Span(
            start + self._edge if start > 0 else 0,
            stop - self._edge if stop < self._length else self._length,
        )


class _Starts(NamedTuple):
    """Start positions: uniform over a range that reaches `beyond` the possible ones, clamped."""

    possible: int
    beyond: int

    def draw(self, generator: torch.Generator) -> int:
        limits = (-self.beyond, self.possible + self.beyond)
        drawn = int(torch.randint(*limits, (), generator=generator))
        return min(max(drawn, 0), self.possible - 1)


def _starts(length: int, window: int) -> tuple[_Starts, Floats]:
    """How a window's start is drawn, and the probability of each start."""
    starts = _Starts(length - window + 1, window // 2 if window < length else 0)
    counts = np.ones(starts.possible)
    counts[0] += starts.beyond
    counts[-1] += starts.beyond
    return starts, counts / counts.sum()


def _importance_weights(length: int, spans: list[Span], probabilities: Floats) -> Tensor:
    """1 / (length x the probability that a position is covered)."""
    changes = np.zeros(length + 1)
    for span, probability in zip(spans, probabilities, strict=True):
        changes[span.start] += probability
        changes[span.stop] -= probability
    covered = np.cumsum(changes)[:-1]
    return torch.from_numpy(1 / (length * covered)).float()
