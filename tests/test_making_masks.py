"""Masks and naive pictures that are made without an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from consingan import Size, cli, load_mask
from consingan.core.pictures.making_masks import box_mask, brush_mask, changed_mask, paste, share_of
from consingan.core.pictures.masks import find_mask
from consingan.errors import PictureError
from tests.conftest import tiny_image

SIZE = Size(60, 90)


def marked(mask: Image.Image) -> np.ndarray[Any, Any]:
    values = np.asarray(mask)
    assert set(np.unique(values)) <= {0, 255}
    return values == 255


def test_boxes() -> None:
    expected = np.zeros(SIZE, bool)
    expected[10:20, 5:25] = expected[50:60, 80:90] = True
    made = box_mask(SIZE, [(5, 10, 20, 10), (80, 50, 30, 30)])
    assert (marked(made) == expected).all()
    with pytest.raises(PictureError, match="marks nothing"):
        box_mask(SIZE, [(5, 10, 0, 10)])


def test_strokes_are_as_wide_as_the_brush() -> None:
    made = marked(brush_mask(SIZE, [[(20, 30), (70, 30)], [(10, 10)]], 5))
    assert made[30, 16:75].all()
    assert made[26:35, 45].all()
    assert not made[22, 45]
    assert made[10, 6:15].all()
    assert not made[50].any()


@pytest.mark.parametrize("scale", [1, 3])
def test_changes_are_found_whatever_the_size(scale: int) -> None:
    original = tiny_image(*SIZE).resize((90, 60))
    edited = original.resize((90 * scale, 60 * scale), Image.Resampling.BICUBIC)
    left, top, right, bottom = (scale * side for side in (30, 20, 50, 40))
    edited.paste((255, 0, 255), (left, top, right, bottom))
    made = marked(changed_mask(edited, original))
    assert made.shape == (60 * scale, 90 * scale)
    assert made[top:bottom, left:right].all()
    spare = 8 * scale
    made[top - spare : bottom + spare, left - spare : right + spare] = False
    assert not made.any()


def test_compression_is_no_change(tmp_path: Path) -> None:
    image = tiny_image(*SIZE)
    image.save(tmp_path / "a.jpg", quality=90, subsampling=0)
    with Image.open(tmp_path / "a.jpg") as compressed:
        assert share_of(changed_mask(compressed.convert("RGB"), image)) == 0


def test_pictures_of_other_shapes_cannot_be_compared() -> None:
    with pytest.raises(PictureError, match="of one shape"):
        changed_mask(tiny_image(20, 30), tiny_image(30, 20))


def test_pasting() -> None:
    alpha = Image.new("L", (10, 10))
    alpha.paste(255, (0, 0, 5, 10))
    picture = Image.new("RGB", (90, 60), "white")
    naive, mask = paste(Image.new("RGB", (10, 10), "red"), alpha, picture, (80, 50), 2)
    red = (np.asarray(naive)[..., 1] < 128) & (np.asarray(naive)[..., 0] == 255)
    assert red[50:60, 80:89].all()
    assert (marked(mask) == red).all()
    assert picture.getpixel((85, 55)) == (255, 255, 255)
    with pytest.raises(PictureError, match="nothing would be white"):
        paste(Image.new("RGB", (10, 10)), alpha, picture, (200, 0))


@pytest.fixture
def here(photo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(photo.parent)
    return photo.parent


@pytest.mark.parametrize(
    ("options", "share"),
    [
        (["--box=3,4,10,10"], 100 / 600),
        (["--box=3,4,10,10", "--box=20,0,10,10"], 200 / 600),
        (["--brush=5,5 25,5", "--radius=2"], None),
        (["--changed-from=original.png"], None),
    ],
)
def test_masks_on_the_command_line(here: Path, options: list[str], share: float | None) -> None:
    edited = tiny_image()
    edited.save("original.png")
    edited.paste((255, 0, 255), (8, 4, 20, 16))
    edited.save("photo.png")
    assert cli.run(["mask", "photo.png", *options]) == 0
    file = find_mask(Path("photo.png"))
    assert file is not None
    made = load_mask(file, Size(20, 30))
    assert 0.05 < made.mean() < 0.6
    assert share is None or made.mean() == pytest.approx(share)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give one of"),
        (["--box=1,2,3,4", "--brush=1,1"], "give one of"),
        (["--box=1,2,3"], "--box: 4 numbers"),
        (["--box=1,2,x,4"], "--box: 4 numbers"),
        (["--brush=1,2 nan,1"], "--brush: 2 numbers"),
        (["--box=100,100,5,5"], "nothing would be white"),
        (["--changed-from=photo.png"], "nothing would be white"),
    ],
)
def test_wrong_masks_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert cli.run(["mask", "photo.png", *options]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert [file.name for file in here.iterdir()] == ["photo.png"]


def test_pasting_on_the_command_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thing = Image.new("RGBA", (8, 8), (255, 0, 0, 255))
    thing.putpixel((0, 0), (0, 0, 0, 0))
    thing.save("thing.png")
    command = ["paste", "thing.png", "--onto=photo.png", "--at=10,5"]
    assert cli.run(command) == 0
    assert "--naive photo_naive.png" in capsys.readouterr().out.splitlines()[-1]
    made = load_mask(Path("photo_naive_mask.png"), Size(20, 30))
    assert made.sum() == 63
    with Image.open("photo_naive.png") as naive, Image.open("photo.png") as photo:
        assert naive.getpixel((11, 6)) == (255, 0, 0)
        assert naive.getpixel((10, 5)) == photo.getpixel((10, 5))
    assert cli.run(command) == 2
    assert "exists already" in capsys.readouterr().err
