"""The example pictures: the same on every call, worth learning from, and never in the way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from consingan.core.pictures.reading import load_picture
from consingan.examples import EDITS, EXAMPLES, write_examples
from consingan.examples.paintings import landscape

SIZES = {"landscape": (256, 171), "stone-wall": (256, 192), "lightning": (256, 192)}


@pytest.fixture(scope="module")
def examples() -> dict[str, Image.Image]:
    return {name: paint() for name, paint in EXAMPLES.items()}


def test_sizes(examples: dict[str, Image.Image]) -> None:
    assert {name: image.size for name, image in examples.items()} == SIZES
    assert {image.mode for image in examples.values()} == {"RGB"}


@pytest.mark.parametrize("name", SIZES)
def test_is_not_flat(examples: dict[str, Image.Image], name: str) -> None:
    pixels = np.asarray(examples[name]).astype(float)
    assert pixels.std(axis=(0, 1)).min() > 25
    # Not one smooth gradient either: neighbours differ, in every quarter of the picture.
    steps = np.abs(np.diff(pixels.mean(axis=2), axis=1))
    for rows in np.array_split(steps, 2):
        for quarter in np.array_split(rows, 2, axis=1):
            assert quarter.mean() > 1
    assert 20 < pixels.mean() < 235


def test_a_larger_landscape_has_more_detail_not_larger_pixels() -> None:
    large, small = landscape(512), landscape()
    assert large.size == (512, 342)
    steps, enlarged = (
        np.abs(np.diff(np.asarray(image).astype(float).mean(axis=2), axis=1)).mean()
        for image in (large, small.resize(large.size, Image.Resampling.BICUBIC))
    )
    assert steps > 1.3 * enlarged


def test_examples_differ(examples: dict[str, Image.Image]) -> None:
    assert len({image.tobytes() for image in examples.values()}) == len(examples)


def test_written_files_are_the_examples_whatever_the_global_seed(
    tmp_path: Path, examples: dict[str, Image.Image]
) -> None:
    np.random.seed(1)
    random.seed(1)
    state = np.random.get_state()[1]
    paths = write_examples(tmp_path / "new" / "examples")
    names = [*EXAMPLES, *EDITS]
    assert paths == [tmp_path / "new" / "examples" / f"{name}.png" for name in names]
    assert sorted(paths[0].parent.iterdir()) == sorted(paths)
    for path in paths[: len(EXAMPLES)]:
        picture = load_picture(path)
        assert picture.notes == ()
        assert picture.image.tobytes() == examples[path.stem].tobytes()
    assert np.array_equal(np.random.get_state()[1], state)


def test_files_that_exist_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[str] = []

    def paint(name: str) -> Image.Image:
        painted.append(name)
        return Image.new("RGB", (2, 2), "red")

    fakes = {name: lambda name=name: paint(name) for name in EXAMPLES}
    monkeypatch.setattr("consingan.examples.EXAMPLES", fakes)
    monkeypatch.setattr("consingan.examples.EDITS", {})
    mine = tmp_path / "landscape.png"
    mine.write_bytes(b"mine")
    expected = [tmp_path / f"{name}.png" for name in EXAMPLES]
    assert write_examples(tmp_path) == expected
    assert mine.read_bytes() == b"mine"
    assert painted == ["stone-wall", "lightning"]
    before = [path.read_bytes() for path in expected]
    assert write_examples(tmp_path) == expected
    assert [path.read_bytes() for path in expected] == before
    assert len(painted) == 2


def test_an_interrupted_example_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torn file would be kept as if it were the user's own."""
    image = Image.new("RGB", (2, 2))

    def tear(file: Any, *_: object, **__: object) -> None:
        if isinstance(file, str | Path):
            Path(file).write_bytes(b"half")
        else:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(image, "save", tear)
    monkeypatch.setattr("consingan.examples.EXAMPLES", {"landscape": lambda: image})
    with pytest.raises(KeyboardInterrupt):
        write_examples(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("edit", ["landscape_naive", "stone-wall_edit"])
def test_edits_change_their_picture_inside_the_mask_only(edit: str) -> None:
    before = np.asarray(EXAMPLES[edit.split("_")[0]]())
    changed = (np.asarray(EDITS[edit]()) != before).any(axis=2)
    mask = np.asarray(EDITS[f"{edit}_mask"]()) > 0
    assert changed.any()
    assert not changed[~mask].any()
    assert mask.mean() < 0.3
