from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from consingan.modes.shared.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    add_noise,
    augment,
    change_colour,
    cut_out,
    drop_channel,
    invert,
    shift_rectangles,
    shuffle_channels,
    tone_sepia,
)

EVERY = [*(change for change, _ in AUGMENTATIONS), augment, shift_rectangles]
SEEDS = range(40)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _picture(height: int = 40, width: int = 60) -> Tensor:
    """A picture no two pixels of which are the same."""
    return torch.rand((1, 3, height, width), generator=_seeded(1000)) * 1.8 - 0.9


def _box(inside: Tensor) -> tuple[slice, slice]:
    """The rows and columns that the true pixels of (H, W) span."""
    rows, columns = inside.any(1).nonzero(), inside.any(0).nonzero()
    return (
        slice(int(rows.min()), int(rows.max()) + 1),
        slice(int(columns.min()), int(columns.max()) + 1),
    )


@pytest.mark.parametrize("change", EVERY, ids=lambda change: change.__name__)
def test_every_change_is_seeded_and_leaves_its_input_alone(change: Augmentation) -> None:
    picture = _picture()
    first, again = (change(picture, _seeded(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(picture, _picture())
    assert first.shape == picture.shape
    assert first.dtype == picture.dtype
    assert not torch.equal(first, picture)
    others = [change(picture, _seeded(seed)) for seed in range(4, 12)]
    has_no_choice = change in (invert, tone_sepia)
    assert all(torch.equal(first, other) for other in others) == has_no_choice


@pytest.mark.parametrize("change", EVERY, ids=lambda change: change.__name__)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 2)])
def test_every_change_works_on_tiny_pictures(change: Augmentation, size: tuple[int, int]) -> None:
    for seed in range(5):
        changed = change(_picture(*size), _seeded(seed))
        assert changed.shape == (1, 3, *size)
        assert changed.isfinite().all()


class _NothingIsReadBack(TorchDispatchMode):
    """Fails where a GPU would have to be waited for: a number or a size depends on a tensor."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        assert func.overloadpacket.__name__ not in ("_local_scalar_dense", "nonzero", "equal")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("change", EVERY, ids=lambda change: change.__name__)
def test_no_change_waits_for_a_gpu(change: Augmentation) -> None:
    picture, generator = _picture(), _seeded(0)
    with _NothingIsReadBack():
        change(picture, generator)
        with pytest.raises(AssertionError):
            bool(picture[0, 0, 0, 0] > 0)


@pytest.mark.parametrize("extreme", [-1.0, 1.0])
def test_augmented_pictures_stay_in_range(extreme: float) -> None:
    generator = _seeded(0)
    picture = torch.full((1, 3, 12, 12), extreme)
    for _ in SEEDS:
        assert augment(picture, generator).abs().max() <= 1
    assert augment(_picture(), generator).abs().max() <= 1


def test_how_often_nothing_changes_is_as_documented() -> None:
    nothing = math.prod(1 - probability for _, probability in AUGMENTATIONS)
    assert f"In {nothing:.1%}".replace("%", " %") in " ".join((augment.__doc__ or "").split())
    picture, generator, calls = _picture(8, 8), _seeded(0), 1000
    same = sum(torch.equal(augment(picture, generator), picture) for _ in range(calls))
    assert abs(same - calls * nothing) < 4 * math.sqrt(calls * nothing)


def test_augmenting_is_the_listed_changes_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    always = ((invert, 1.0), (tone_sepia, 1.0), (change_colour, 0.0))
    monkeypatch.setattr("consingan.modes.shared.augmentation.AUGMENTATIONS", always)
    picture, unused = _picture(), _seeded(0)
    expected = tone_sepia(invert(picture, unused), unused).clamp(-1, 1)
    assert torch.equal(augment(picture, _seeded(0)), expected)


def test_a_colour_change_is_affine_and_moderate() -> None:
    greys = torch.linspace(-0.8, 0.8, 40).view(1, 1, 5, 8).expand(1, 3, 5, 8)
    shifts = []
    for seed in SEEDS:
        changed = change_colour(greys, _seeded(seed))
        slope = changed[0].flatten(1).diff() * 39 / 1.6
        torch.testing.assert_close(slope, slope[:1, :1].expand_as(slope), rtol=0, atol=1e-4)
        assert 0.499 < slope[0, 0] < 1.501
        shifts.append(changed.mean(dim=(2, 3)))
    shift = torch.cat(shifts)
    assert 0.2 < shift.abs().max() <= 0.45
    assert 0.05 < (shift.amax(1) - shift.amin(1)).mean() <= 0.4


def test_a_colour_change_scales_saturation() -> None:
    picture = _picture()
    spread = (picture[:, 0] - picture[:, 1]).std()
    ratios = []
    for seed in SEEDS:
        changed = change_colour(picture, _seeded(seed))
        ratios.append(float((changed[:, 0] - changed[:, 1]).std() / spread))
    assert 0.25 <= min(ratios) < 0.6
    assert 1.4 < max(ratios) <= 2.25


def test_noise_is_normal_independent_and_of_varying_strength() -> None:
    picture = _picture()
    strengths = []
    for seed in SEEDS:
        noise = add_noise(picture, _seeded(seed)) - picture
        strengths.append(float(noise.std()))
        assert abs(noise.mean()) < 4 * noise.std() / math.sqrt(noise.numel())
        channels = torch.corrcoef(noise[0].flatten(1)) - torch.eye(3)
        assert channels.abs().max() < 0.1
    assert min(strengths) < 0.03
    assert 0.17 < max(strengths) < 0.21


def test_sepia_is_brown_and_keeps_only_the_luminance() -> None:
    picture = _picture()
    red, green, blue = tone_sepia(picture, _seeded(0)).clamp(-1, 1).split(1, dim=1)
    assert (red >= green).all()
    assert (green >= blue).all()
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    luminance = (picture * weights).sum(1, keepdim=True)
    assert torch.corrcoef(torch.stack([green, luminance]).flatten(1)).min() > 0.9999
    black = torch.full((1, 3, 2, 2), -1.0)
    assert torch.equal(tone_sepia(black, _seeded(0)), black)


def test_inversion_is_exact_and_its_own_inverse() -> None:
    picture, unused = _picture(), _seeded(0)
    assert torch.equal(invert(picture, unused), -picture)
    assert torch.equal(invert(invert(picture, unused), unused), picture)


def test_dropping_flattens_exactly_one_channel() -> None:
    picture, dropped = _picture(), set()
    for seed in SEEDS:
        changed = drop_channel(picture, _seeded(seed))
        (channel,) = [c for c in range(3) if not torch.equal(changed[:, c], picture[:, c])]
        flat = picture[:, channel].mean().expand(1, 40, 60)
        torch.testing.assert_close(changed[:, channel], flat)
        dropped.add(channel)
    assert dropped == {0, 1, 2}


def test_shuffling_makes_every_other_order_and_never_the_same() -> None:
    picture, orders = _picture(), set()
    for seed in SEEDS:
        changed = shuffle_channels(picture, _seeded(seed))
        order = tuple(
            next(c for c in range(3) if torch.equal(picture[:, c], channel))
            for channel in changed.unbind(1)
        )
        assert sorted(order) == [0, 1, 2]
        orders.add(order)
    assert len(orders) == 5
    assert (0, 1, 2) not in orders


def test_cutting_out_fills_one_or_two_rectangles() -> None:
    picture, counts = _picture(), []
    for seed in SEEDS:
        changed = cut_out(picture, _seeded(seed))[0]
        cut = (changed != picture[0]).any(0)
        colours = changed[:, cut].unique(dim=1).unbind(1)
        counts.append(len(colours))
        filled = []
        for colour in colours:
            inside = (changed == colour[:, None, None]).all(0)
            rows, columns = _box(inside)
            filled.append(bool(inside[rows, columns].all()))
            assert 1 <= rows.stop - rows.start <= 16
            assert 1 <= columns.stop - columns.start <= 24
            assert colour.abs().max() <= 1
        assert any(filled)  # the later one may cover the earlier one's middle or corner
    assert set(counts) == {1, 2}


def test_cut_outs_come_everywhere() -> None:
    picture, generator = _picture(10, 10), _seeded(0)
    often = sum((cut_out(picture, generator) != picture).any(1)[0].long() for _ in range(300))
    assert often.min() > 0


def test_shifted_rectangles_show_the_picture_from_5_to_15_percent_away() -> None:
    picture = _picture()
    height, width = picture.shape[2:]
    source = picture[0, 0].flatten()
    counts = set()
    for seed in SEEDS:
        shifted = shift_rectangles(picture, _seeded(seed))
        moved = (shifted != picture)[0].any(0)
        rows, columns = moved.nonzero().unbind(1)
        # No two pixels are the same, so that a value tells where it is from.
        values = shifted[0, 0][moved]
        origin = (values[:, None] == source).long().argmax(1)
        assert torch.equal(picture[0].flatten(1)[:, origin], shifted[0][:, moved])
        downs, rights = rows - origin // width, columns - origin % width
        shifts = torch.stack([downs, rights], 1).unique(dim=0)
        counts.add(len(shifts))
        assert (shifts[:, 0].abs() >= 0.05 * height).all()
        assert (shifts[:, 0].abs() <= 0.15 * height).all()
        assert (shifts[:, 1].abs() >= 0.05 * width).all()
        assert (shifts[:, 1].abs() <= 0.15 * width).all()
        for shift in shifts:
            mine = (downs == shift[0]) & (rights == shift[1])
            inside = torch.zeros_like(moved)
            inside[rows[mine], columns[mine]] = True
            box = _box(inside)
            if len(shifts) == 1:
                assert inside[box].all()
                assert box[0].stop - box[0].start <= 0.4 * height
                assert box[1].stop - box[1].start <= 0.4 * width
    assert counts >= {1, 2, 3, 4, 5}


def test_shifts_go_all_ways_and_reach_every_place() -> None:
    picture, generator = _picture(20, 20), _seeded(0)
    often = sum(
        (shift_rectangles(picture, generator) != picture).any(1)[0].long() for _ in range(200)
    )
    assert often.min() > 0
    quarters = [often[:10, :10], often[:10, 10:], often[10:, :10], often[10:, 10:]]
    shares = torch.stack([quarter.sum() for quarter in quarters]) / often.sum()
    assert shares.min() > 0.2


def test_a_shift_nearly_always_changes_something() -> None:
    picture, generator = _picture(), _seeded(0)
    same = sum(torch.equal(shift_rectangles(picture, generator), picture) for _ in range(300))
    assert same <= 3
