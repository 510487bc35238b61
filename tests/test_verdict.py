"""The verdict of `evaluate`: samples that are spoiled on purpose, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from PIL import Image
from torch import Tensor

from consingan import TrainOptions, to_tensor
from consingan.core.metrics.scores import Scorer
from consingan.core.metrics.verdict import Verdict, judge
from consingan.core.options.presets import train_options
from consingan.core.pictures.filters import gaussian_blur
from consingan.examples.paintings import landscape, stone_wall


@pytest.fixture(scope="module")
def picture() -> Tensor:
    """A picture with a layout, (1, 3, 128, 192) in [0, 1]."""
    return (to_tensor(landscape().resize((192, 128), Image.Resampling.BOX)) + 1) / 2


Spoil = Callable[[Tensor, int], Tensor]


def rearranged(picture: Tensor, number: int) -> Tensor:
    """Large pieces of the picture elsewhere, as in a good sample."""
    return picture.roll(16 + 8 * number, 3)


def judged(
    picture: Tensor, spoil: Spoil, preset: str = "default", count: int = 4
) -> tuple[Verdict, TrainOptions]:
    scorer = Scorer(picture, None, diverse=True, progress=None)
    scores = scorer.score("samples", (spoil(picture, n) for n in range(count)), count)
    options = train_options(TrainOptions, preset, {})
    return judge(scores, scorer.facts(), options, preset), options


def noise(picture: Tensor, number: int) -> Tensor:
    generator = torch.Generator().manual_seed(number)
    return torch.rand(picture.shape, generator=generator)


def blurred(picture: Tensor, number: int) -> Tensor:
    padded = torch.nn.functional.pad(rearranged(picture, number), (3, 3, 3, 3), mode="replicate")
    return gaussian_blur(padded.transpose(0, 1), 1.0, 3).transpose(0, 1)


def scattered(picture: Tensor, number: int) -> Tensor:
    """Pieces of 64 x 64 pixels, anywhere."""
    generator = torch.Generator().manual_seed(number)
    pieces = [p for row in picture.split(64, 2) for p in row.split(64, 3)]
    order = torch.randperm(len(pieces), generator=generator).tolist()
    placed = [pieces[n] for n in order]
    return torch.cat([torch.cat(placed[n : n + 3], 3) for n in (0, 3)], 2)


@pytest.mark.parametrize(
    ("spoil", "finding", "changed"),
    [
        (rearranged, "good texture", set()),
        (noise, "undertrained", {"niter"}),
        (lambda picture, n: picture.roll(40, 3), "collapsed", {"noise_amplitude"}),
        (lambda picture, n: picture.roll(n % 2, 3), "copies", {"lr_scale"}),
        (lambda picture, n: rearranged(picture, n) * 0.8, "colours off", {"color_weight"}),
        (blurred, "too smooth", {"last_share", "niter"}),
    ],
)
def test_what_is_wrong_is_named(
    picture: Tensor, spoil: Spoil, finding: str, changed: set[str]
) -> None:
    verdict, options = judged(picture, spoil)
    assert verdict.finding == finding
    assert verdict.options.keys() == changed
    assert bool(verdict.cause) == bool(changed)
    for name, value in verdict.options.items():
        assert value != getattr(options, name)
    train_options(TrainOptions, "default", verdict.options)  # the advice is valid


def test_wild_samples(picture: Tensor) -> None:
    verdict, options = judged(picture, scattered)
    assert verdict.finding == "too wild"
    assert verdict.options == {"min_size": round(1.5 * options.min_size)}


def test_textures_cannot_be_wild() -> None:
    wall = (to_tensor(stone_wall().resize((192, 128), Image.Resampling.BOX)) + 1) / 2
    assert judged(wall, rearranged)[0].finding == "good texture"


def test_darker_colours_are_called_darker(picture: Tensor) -> None:
    assert "darker" in judged(picture, lambda p, n: rearranged(p, n) * 0.8)[0].words
    assert "brighter" in judged(picture, lambda p, n: rearranged(p, n) * 0.7 + 0.3)[0].words


def test_a_draft_is_to_be_trained_under_the_default_preset(picture: Tensor) -> None:
    assert judged(picture, noise, "draft")[0].options == {"preset": "default"}


@pytest.mark.parametrize(
    ("factor", "shift", "finding"),
    [(0.02, 0.5, "picture too smooth"), (0.17, 0.0, "picture too dark")],
)
def test_a_picture_with_little_to_learn(
    picture: Tensor, factor: float, shift: float, finding: str
) -> None:
    verdict, _ = judged(picture * factor + shift, noise)
    assert (verdict.finding, verdict.options) == (finding, {})


def test_a_dark_picture_that_was_learned_well_is_good(picture: Tensor) -> None:
    assert judged(picture * 0.17, rearranged)[0].finding == "good texture"
