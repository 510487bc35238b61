from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from consingan.core.networks.stage_sizes import automatic_sizes, geometric_sizes, logarithmic_sizes
from consingan.core.options.size import Size, fit
from consingan.core.pictures import tensors
from consingan.core.pictures.resizing import build_pyramid, resize, resize_image
from consingan.core.pictures.tensors import to_image, to_tensor
from tests.conftest import tiny_image


def test_reproduces_the_published_sizes(shared: Path) -> None:
    cases = json.loads((shared / "parity" / "pyramids.json").read_text())
    assert len(cases) == 47
    for case in cases:
        spacing = geometric_sizes if case["mode"] == "harmonization" else logarithmic_sizes
        size = fit(Size(case["height"], case["width"]), case["max_size"])
        sizes = spacing(size, case["train_stages"], case["min_size"])
        assert [list(size) for size in sizes] == case["sizes_hw"], case


def test_sizes_by_the_formula_at_250_pixels() -> None:
    sizes = logarithmic_sizes(Size(167, 250), 6, 25)
    assert sizes == [(25, 38), (31, 47), (41, 61), (60, 89), (115, 171), (167, 250)]
    assert geometric_sizes(Size(167, 250), 3, 120) == [(120, 180), (142, 212), (167, 250)]


@pytest.mark.parametrize("spacing", [logarithmic_sizes, geometric_sizes])
def test_one_and_two_stages_have_their_natural_limits(spacing: object) -> None:
    assert callable(spacing)
    assert spacing(Size(60, 90), 1, 25) == [(60, 90)]
    assert spacing(Size(60, 90), 2, 25) == [(25, 38), (60, 90)]


def test_two_stages_are_the_limit_of_the_formula() -> None:
    # (S-1)/ln(S) tends to 1 as S tends to 1, so the smallest stage has the scale r.
    near_one = 1.0 + 1e-9
    assert (near_one - 1) / np.log(near_one) == pytest.approx(1.0)


def test_a_picture_smaller_than_min_size_is_never_enlarged() -> None:
    assert logarithmic_sizes(Size(20, 30), 4, 25) == [(20, 30)] * 4
    assert geometric_sizes(Size(20, 30), 4, 25) == [(20, 30)] * 4


@given(st.integers(11, 5000), st.integers(11, 5000))
def test_automatic_stages_suit_any_size(height: int, width: int) -> None:
    size = Size(height, width)
    sizes = automatic_sizes(size, 25)
    assert sizes[-1] == size
    assert len(sizes) >= 6
    assert max(sizes[5]) <= 318
    for below, above in pairwise(sizes[5:]):
        assert max(above) / max(below) <= 1.62
        assert min(below) <= min(above)


def test_automatic_stages_are_the_papers_at_its_size() -> None:
    assert automatic_sizes(Size(167, 250), 25) == logarithmic_sizes(Size(167, 250), 6, 25)
    assert len(automatic_sizes(Size(1080, 1920), 25)) == 10
    assert geometric_sizes(Size(167, 250), 0, 120) == geometric_sizes(Size(167, 250), 3, 120)
    assert len(geometric_sizes(Size(1080, 1920), 0, 120)) == 6


@pytest.mark.parametrize("size", [Size(1, 1), Size(1, 500), Size(500, 1)])
def test_one_pixel_sides_stay_one_pixel(size: Size) -> None:
    assert fit(size, 50) == (min(size.height, 50), min(size.width, 50))
    assert all(min(stage) == 1 for stage in logarithmic_sizes(size, 5, 25))


def test_fit_rounds_up_and_never_enlarges() -> None:
    assert fit(Size(683, 1024), 250) == (167, 250)
    assert fit(Size(10, 20), 250) == (10, 20)


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 3000),
    width=st.integers(1, 3000),
    stages=st.integers(1, 20),
    min_size=st.integers(1, 400),
    max_size=st.integers(1, 4000),
)
def test_sizes_grow_to_the_picture(
    height: int, width: int, stages: int, min_size: int, max_size: int
) -> None:
    size = fit(Size(height, width), max_size)
    assert max(size) <= max_size + 1
    for spacing in (logarithmic_sizes, geometric_sizes):
        sizes = spacing(size, stages, min_size)
        assert len(sizes) == stages
        assert sizes[-1] == size
        assert sizes == sorted(sizes)
        assert sorted(size.width for size in sizes) == [size.width for size in sizes]
        assert min(sizes[0]) >= 1


def test_resizing_agrees_with_pillow() -> None:
    image = tiny_image(40, 60)
    ours = to_image(resize(to_tensor(image), Size(17, 23)))
    theirs = image.resize((23, 17), Image.Resampling.BICUBIC)
    difference = np.abs(np.asarray(ours).astype(int) - np.asarray(theirs).astype(int))
    assert difference.max() <= 1


def test_build_pyramid_keeps_the_full_picture_and_the_range() -> None:
    picture = torch.rand(1, 3, 20, 30) * 2 - 1
    pyramid = build_pyramid(picture, [Size(5, 7), Size(20, 30)])
    assert pyramid[0].shape == (1, 3, 5, 7)
    assert pyramid[1] is picture
    assert pyramid[0].abs().max() <= 1


@pytest.mark.parametrize("size", [Size(11, 16), Size(40, 60), Size(40, 59), Size(80, 100)])
def test_an_image_is_resized_strip_by_strip_to_the_same_bits(
    size: Size, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tiny_image(40, 60)
    whole = resize(to_tensor(image), size)
    monkeypatch.setattr(tensors, "STRIP_PIXELS", 7 * 60)
    assert torch.equal(resize_image(image, size), whole)
