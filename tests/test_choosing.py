"""Choosing among samples: by number, by score, and making the chosen ones larger."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import consingan
from consingan import Run, Sampler, Size, resize
from consingan.core.metrics.patches import PatchDistance
from consingan.core.metrics.pixels import rmse
from consingan.core.options.training import FINE
from consingan.core.sampling import sampler as sampler_module
from consingan.errors import OptionError
from tests.conftest import TINY, image_size, tiny_image


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of generation, which no test changes."""
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("runs"), **TINY)


@pytest.fixture(scope="module")
def sampler(run: Run) -> Sampler:
    return run.sampler("cpu")


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_chosen_samples_are_the_same_pictures(run: Run, tmp_path: Path) -> None:
    every = {file.name: file.read_bytes() for file in run.apply(tmp_path / "all", num_samples=4)}
    chosen = run.apply(tmp_path / "some", index="3, 1")
    assert [file.stem for file in chosen] == ["reconstruction", "sample-003", "sample-001", "sheet"]
    for file in chosen[:-1]:
        assert file.read_bytes() == every[file.name]


@pytest.mark.parametrize("index", [3, [3], (3,), "3", "3,3"])
def test_numbers_may_come_from_python(run: Run, tmp_path: Path, index: Any) -> None:
    assert [file.name for file in run.apply(tmp_path / "one.png", index=index)] == ["one.png"]


@pytest.mark.parametrize("index", ["", "a", "1,", "-1", "1.5", "²"])
def test_what_is_no_number_is_an_error(run: Run, tmp_path: Path, index: str) -> None:
    with pytest.raises(OptionError, match="12,37"):
        run.apply(tmp_path / "new", index=index)


@pytest.mark.parametrize("other", [{"num_samples": 3}, {"best": 1}])
def test_numbers_leave_nothing_to_choose(run: Run, tmp_path: Path, other: dict[str, int]) -> None:
    with pytest.raises(OptionError, match="--index"):
        run.apply(tmp_path / "new", index="1", **other)


def test_a_single_sample_takes_the_name_that_is_given(run: Run, tmp_path: Path) -> None:
    for number, options in enumerate([{"num_samples": 1}, {"num_samples": 3, "best": 1}]):
        folder = tmp_path / str(number)
        assert run.apply(folder / "one.jpg", **options) == [folder / "one.jpg"]
        assert names(folder) == ["one-options.json", "one.jpg"]


def test_the_best_have_the_smallest_patch_distance(
    run: Run, sampler: Sampler, tmp_path: Path
) -> None:
    distance = PatchDistance((sampler.picture + 1) / 2)
    scores = [distance((sampler.sample(index) + 1) / 2) for index in range(6)]
    best = sorted(range(6), key=lambda index: scores[index])[:3]
    files = run.apply(tmp_path, num_samples=6, best=3)
    assert [file.stem for file in files[1:-1]] == [f"sample-{index:03}" for index in best]


def test_a_larger_sample_keeps_its_layout(
    sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages of layout see the same noise at the same size, so they make the same features."""
    monkeypatch.setattr(sampler_module, "FINE", 15)  # the last two of three stages make texture
    model, noise = sampler.model, sampler.noise_of(3)
    features = []
    for enlarge in (1.0, 3.0):
        plan = model.plan(sampler.scaled_sizes(enlarge=enlarge))
        drawn = [noise(level, part.noise) for level, part in enumerate(plan.stages)]
        features.append(model.features(drawn, plan, stop=1))
    first, second = features
    assert first.equal(second)
    made = sampler.sample(3, enlarge=3)
    assert made.shape[2:] == (48, 72)
    reduced = resize(made, sampler.size)
    others = [rmse(reduced, sampler.sample(index)) for index in range(6)]
    assert min(range(6), key=lambda index: others[index]) == 3


def test_which_stages_are_enlarged(sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    small, middle, _ = sampler.sizes
    assert sampler.scaled_sizes(enlarge=2) == [small, middle, Size(32, 48)]
    monkeypatch.setattr(sampler_module, "FINE", 15)
    assert middle.height * middle.width > 15**2 > small.height * small.width
    assert sampler.scaled_sizes(enlarge=2) == [small, Size(*(2 * s for s in middle)), Size(32, 48)]
    assert sampler.scaled_sizes() == sampler.sizes
    wide = sampler.scaled_sizes((16, 48), enlarge=2)
    assert wide[0].width == 2 * small.width
    assert wide[-1] == (32, 96)
    assert all(a.height <= b.height and a.width <= b.width for a, b in pairwise(wide))
    assert FINE == 96  # what the help says


def test_enlarged_pictures_have_the_size_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    made = run.apply(tmp_path / "a.png", index="2", width=40, enlarge=2.5)
    assert image_size(made[0]) == (100, 40)
    with pytest.raises(OptionError, match="million pixels"):
        run.apply(tmp_path / "b.png", index="2", width=40_000, enlarge=64)


def test_the_training_picture_comes_first_on_the_sheet(run: Run, tmp_path: Path) -> None:
    made = run.outputs(tmp_path, num_samples=2)
    assert made.gallery is not None
    html = made.gallery.read_text()
    captions = ["picture", "reconstruction", "sample-000", "sample-001"]
    places = [html.index(f"<figcaption>{caption}<") for caption in captions]
    assert places == sorted(places)
    assert html.count("<figure>") == 4
