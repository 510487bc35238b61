"""A window of anything equals the same window cut from the whole."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from consingan.core.networks import upsampling
from consingan.core.networks.critic import Critic
from consingan.core.networks.layers import Normalization
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.networks.stage_sizes import window_size
from consingan.core.networks.upsampling import support, upsample
from consingan.core.networks.window import Span, Window, tiles, whole
from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.core.training.loss_weights import known_weights
from consingan.core.training.losses import gradient_penalty, mean_score, reconstruction_loss
from consingan.core.training.window_sampling import SampledWindow, WindowSampler


def _resample(features: Tensor, target: Size, window: Window | None = None) -> Tensor:
    """A window of an enlargement, from just what it needs."""
    source, wanted = Size(*features.shape[-2:]), window or whole(target)
    given = Window(*(support(a, b, c) for a, b, c in zip(source, target, wanted, strict=True)))
    return upsample(given.cut(features), source, target, given, wanted)


@pytest.mark.parametrize("source", [(1, 1), (1, 5), (7, 2), (25, 38)])
@pytest.mark.parametrize("target", [(1, 1), (3, 1), (31, 47), (12, 90), (139, 300)])
def test_upsampling_equals_torchs_bicubic(source: tuple[int, int], target: tuple[int, int]) -> None:
    features = torch.randn(2, 5, *source)
    expected = functional.interpolate(features, target, mode="bicubic", align_corners=True)
    torch.testing.assert_close(_resample(features, Size(*target)), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("target", "tolerance"), [(Size(11, 13), 1e-5), (Size(11, 150), 1e-4), (Size(131, 161), 1e-4)]
)
def test_upsampling_has_torchs_gradient(target: Size, tolerance: float) -> None:
    features = torch.randn(1, 2, 6, 5, requires_grad=True)
    weight = torch.randn(1, 2, *target)
    (ours,) = torch.autograd.grad((_resample(features, target) * weight).sum(), features)
    theirs = functional.interpolate(features, target, mode="bicubic", align_corners=True)
    (expected,) = torch.autograd.grad((theirs * weight).sum(), features)
    torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance)


@st.composite
def _spans(draw: st.DrawFn, length: int) -> Span:
    start = draw(st.integers(0, length - 1))
    return Span(start, draw(st.integers(start + 1, length)))


@st.composite
def _windows(draw: st.DrawFn, size: Size) -> Window:
    return Window(draw(_spans(size.height)), draw(_spans(size.width)))


@given(st.data())
def test_a_window_of_an_enlargement(data: st.DataObject) -> None:
    sides = st.integers(1, 40)
    features = torch.randn(1, 2, data.draw(sides), data.draw(sides))
    target = Size(data.draw(sides), data.draw(sides))
    window = data.draw(_windows(target))
    expected = window.cut(_resample(features, target))
    torch.testing.assert_close(_resample(features, target, window), expected, rtol=0, atol=1e-5)


@given(st.data())
def test_a_window_of_an_enlargement_in_blocks(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upsampling, "DENSE", data.draw(st.integers(0, 5)))
        patch.setattr(upsampling, "BLOCK", data.draw(st.integers(1, 7)))
        upsampling._weights.cache_clear()
        sides = st.integers(1, 40)
        features = torch.randn(1, 2, data.draw(sides), data.draw(sides))
        target = Size(data.draw(sides), data.draw(sides))
        window = data.draw(_windows(target))
        whole = functional.interpolate(features, target, mode="bicubic", align_corners=True)
        made = _resample(features, target, window)
    torch.testing.assert_close(made, window.cut(whole), rtol=0, atol=1e-5)


def _model(sizes: list[Size], layers: int, padding: PaddingStyle, **options: Any) -> Model:
    """A model with weights so large that no part of a window's surroundings is without effect."""
    model = Model(TrainOptions(filters=4, layers=layers, **options), padding, sizes)
    for _ in sizes[1:]:
        model.grow()
        model.amplitudes[-1] = 1.0
    generator = torch.Generator().manual_seed(3)
    for parameter in model.generator.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    return model


@torch.no_grad()
def _generate(model: Model, window: Window | None, whole_stages: int = 0) -> Tensor:
    planned = model.plan(None, window, whole_stages)
    channels = model.generator.noise_channels
    noise = Noise(1)
    drawn = [
        noise.sample(0, level, channels(level), part.noise)
        for level, part in enumerate(planned.stages)
    ]
    return model.generate(drawn, planned)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_window_equals_the_whole_picture_cut(data: st.DataObject) -> None:
    first, growth = st.integers(1, 9), st.integers(0, 9)
    sizes = [Size(data.draw(first), data.draw(first))]
    for _ in range(data.draw(st.integers(0, 4))):
        below = sizes[-1]
        sizes.append(Size(below.height + data.draw(growth), below.width + data.draw(growth)))
    padding: PaddingStyle = data.draw(st.sampled_from(["oversize", "zero"]))
    model = _model(sizes, data.draw(st.integers(1, 4)), padding)
    window, whole_stages = data.draw(_windows(sizes[-1])), data.draw(st.integers(0, len(sizes) - 1))
    expected = window.cut(_generate(model, None))
    ours = _generate(model, window, whole_stages)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("padding", ["oversize", "zero"])
def test_batch_norm_on_windows_has_the_whole_pictures_statistics(padding: PaddingStyle) -> None:
    sizes = [Size(8, 10), Size(13, 17), Size(20, 27), Size(40, 54)]
    model = _model(sizes, 2, padding, batch_norm=True, window=16)
    normalized = [
        any(isinstance(layer, Normalization) for layer in stage.modules())
        for stage in model.generator.body
    ]
    assert normalized == [True, True, False, False]
    window = Window(Span(3, 19), Span(30, 46))
    expected = window.cut(_generate(model, None))
    ours = _generate(model, window, model.normalized_stages)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)
    assert not torch.allclose(_generate(model, window), expected, rtol=0, atol=1e-2)


@pytest.mark.parametrize("padding", ["oversize", "zero"])
def test_every_corner_and_border_of_a_large_pyramid(padding: PaddingStyle) -> None:
    sizes = [Size(5, 7), Size(9, 12), Size(18, 25), Size(40, 50)]
    model = _model(sizes, 3, padding)
    expected = _generate(model, None)
    for window in tiles(sizes[-1], 7):
        ours = _generate(model, window)
        torch.testing.assert_close(ours, window.cut(expected), rtol=0, atol=1e-4)


def test_a_windows_plan_does_not_grow_with_the_picture() -> None:
    small = _model([Size(100, 100), Size(240, 240), Size(1000, 1000)], 3, "oversize")
    large = _model([Size(1000, 1000), Size(2400, 2400), Size(10000, 10000)], 3, "oversize")
    for a, b in zip(
        small.plan(window=Window(Span(390, 454), Span(390, 454))).stages,
        large.plan(window=Window(Span(3900, 3964), Span(3900, 3964))).stages,
        strict=True,
    ):
        for ours, theirs in zip(a.noise.size, b.noise.size, strict=True):
            assert abs(ours - theirs) <= 2


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 12))
def test_tiles_cover_each_pixel_once(height: int, width: int, tile: int) -> None:
    seen = torch.zeros(1, 1, height, width)
    for window in tiles(Size(height, width), tile):
        window.cut(seen).add_(1)
        assert max(window.size) <= tile
    assert seen.eq(1).all()


@given(st.integers(11, 300), st.integers(11, 300), st.integers(22, 80))
def test_a_window_never_has_more_pixels_than_its_square(height: int, width: int, side: int) -> None:
    window = window_size(Size(height, width), side)
    assert window.height <= height
    assert window.width <= width
    assert window.height * window.width <= side * side
    if height * width > side * side:
        assert window.height * window.width > 0.9 * side * side


def _every_window(windows: WindowSampler) -> list[tuple[float, SampledWindow]]:
    """All windows with their probabilities, by drawing each possible number once."""

    class Listed(torch.Generator):
        """Stands for a generator; `randint` is replaced."""

    sides = (windows._rows, windows._columns)
    found = []

    def draws(side: Any) -> list[tuple[float, Any]]:
        outer, inner = side._starts, side._penalty_starts
        numbers: list[int] = []
        result = []
        for a in range(-outer.beyond, outer.possible + outer.beyond):
            for b in range(-inner.beyond, inner.possible + inner.beyond):
                numbers[:] = [a, b]
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(torch, "randint", lambda *_, **__: numbers.pop(0))
                    result.append(side.draw(Listed()))
        return [(1 / len(result), drawn) for drawn in result]

    for p, rows in draws(sides[0]):
        for q, columns in draws(sides[1]):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sides[0], "draw", lambda _, rows=rows: rows)
                patch.setattr(sides[1], "draw", lambda _, columns=columns: columns)
                found.append((p * q, windows.draw(Listed())))
    return found


@pytest.mark.parametrize(
    ("size", "window"), [((17, 15), (14, 13)), ((13, 20), (13, 16)), ((15, 15), (13, 14))]
)
@pytest.mark.parametrize("hole", [0, 3])
def test_expected_losses_equal_those_on_the_whole_picture(
    size: tuple[int, int], window: tuple[int, int], hole: int
) -> None:
    options = TrainOptions(filters=3, layers=1)
    critic = Critic(options)
    for parameter in critic.parameters():
        parameter.data.normal_(0, 0.4, generator=torch.Generator().manual_seed(2))
    real, fake = torch.rand(2, 1, 3, *size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mixing = torch.tensor(0.4).view(1, 1, 1, 1)
    level = torch.ones(1, 1, *size)
    level[..., 8 : 8 + hole, 1 : 1 + hole] = 0
    known = known_weights(level, options.receptive_field) if hole else None
    windows = WindowSampler(
        Size(*size), Size(*window), options.receptive_field, torch.device("cpu")
    )
    sums = torch.zeros(4)
    with torch.no_grad():
        for chance, at in _every_window(windows):
            shown, made = at.window.cut(real), at.window.cut(fake)
            part = None if known is None else known.cut(at.window)
            sums += chance * torch.stack(
                [
                    mean_score(critic, shown, at, part),
                    gradient_penalty(critic, shown, made, mixing, at, part),
                    mean_score(critic, made, at),
                    reconstruction_loss(made, shown, at, part),
                ]
            )
        expected = torch.stack(
            [
                mean_score(critic, real, known=known),
                gradient_penalty(critic, real, fake, mixing, known=known),
                mean_score(critic, fake),
                reconstruction_loss(fake, real, known=known),
            ]
        )
    torch.testing.assert_close(sums, expected, rtol=1e-4, atol=1e-5)


def test_border_pixels_get_their_share_of_windows() -> None:
    size, side, rounds = Size(40, 60), 24, 4000
    windows = WindowSampler(size, Size(side, side), 5, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    share = torch.zeros(1, 1, *size)
    for _ in range(rounds):
        at = windows.draw(generator)
        weight = torch.outer(at.pixel_weights.rows, at.pixel_weights.columns)
        at.window.cut(share).add_(weight * size.height * size.width / rounds)
    assert share.mean().item() == pytest.approx(1, abs=0.05)
    corners = share[..., [0, 0, -1, -1], [0, -1, 0, -1]]
    assert 0.7 < corners.min() < corners.max() < 1.4


@given(st.integers(24, 1000), st.integers(24, 60))
@settings(max_examples=20, deadline=None)
def test_no_pixel_weighs_more_than_twice_its_share_of_a_window(length: int, side: int) -> None:
    """Not even one at the border, which is in fewer windows than others."""
    side = min(side, length)
    rows = WindowSampler(Size(length, 40), Size(side, 24), 5, torch.device("cpu"))._rows
    assert rows._pixel_weights.max() < 2 / side
    assert rows._score_weights.max() < 2 / (side - 4)


def test_spans_of_windows_lie_inside_the_picture() -> None:
    windows = WindowSampler(Size(50, 30), Size(24, 24), 5, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        at = windows.draw(generator)
        for outer, inner in pairwise(
            (whole(Size(50, 30)), at.window, at.penalty_window, at.penalty_interior)
        ):
            for large, small in zip(outer, inner, strict=True):
                assert large.start <= small.start < small.stop <= large.stop
