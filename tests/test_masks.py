from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from consingan.core.options.size import Size
from consingan.core.pictures.masks import blur, composite, dilate, feather, find_mask, load_mask
from consingan.core.pictures.tensors import to_image, to_tensor
from consingan.errors import PictureError
from tests.conftest import tiny_image

SIZE = Size(20, 30)


def _blank(value: float = 0.0, size: Size = SIZE) -> Tensor:
    return torch.full((1, 1, *size), value)


def _dots(*places: tuple[int, int], size: Size = SIZE) -> Tensor:
    mask = _blank(size=size)
    for row, column in places:
        mask[..., row, column] = 1
    return mask


def _squared_distance(mask: Tensor) -> Tensor:
    """From each pixel to the nearest changed one, by comparing all with all."""
    _, _, height, width = mask.shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    nearest = torch.full((height, width), 10**9)
    for row, column in mask[0, 0].nonzero().tolist():
        nearest = torch.minimum(nearest, (rows - row) ** 2 + (columns - column) ** 2)
    return nearest


def _gaussian(mask: Tensor, sigma: float) -> Tensor:
    """The weighted sum over a pixel's surroundings, as the formula has it."""
    values, reach = mask[0, 0].double().numpy(), int(4 * sigma)
    height, width = values.shape
    rows, columns = np.mgrid[0:height, 0:width]
    total, weights = np.zeros_like(values), 0.0
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            weight = math.exp(-(dy * dy + dx * dx) / (2 * sigma * sigma))
            near = values[(rows + dy).clip(0, height - 1), (columns + dx).clip(0, width - 1)]
            total, weights = total + weight * near, weights + weight
    return torch.from_numpy(total / weights)


def _files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("photo.png", "photo_mask.png"),
        ("photo.png", "photo_mask.jpg"),
        ("photo.jpg", "photo_mask.JPEG"),
        ("photo.tiff", "photo_mask.tif"),
        ("photo.xyz", "photo_mask.webp"),
        ("photo", "photo_mask.bmp"),
        ("a.b.c.jpeg", "a.b.c_mask.gif"),
        ("why [1]*?.png", "why [1]*?_mask.png"),
        ("photo_mask.png", "photo_mask_mask.png"),
    ],
)
def test_a_mask_is_found_by_its_name(tmp_path: Path, picture: str, mask: str) -> None:
    _files(tmp_path, picture, mask)
    assert find_mask(tmp_path / picture) == tmp_path / mask


@pytest.mark.parametrize(
    "other",
    ["photo_mask.txt", "photo_mask", "photo_mask.png.bak", "photo_mask2.png", "my photo_mask.png"],
)
def test_other_files_are_no_mask(tmp_path: Path, other: str) -> None:
    _files(tmp_path, "photo.png", other)
    assert find_mask(tmp_path / "photo.png") is None


def test_brackets_in_a_name_match_only_themselves(tmp_path: Path) -> None:
    _files(tmp_path, "photo[12].png", "photo1_mask.png")
    assert find_mask(tmp_path / "photo[12].png") is None


def test_a_picture_is_not_its_own_mask(tmp_path: Path) -> None:
    _files(tmp_path, "photo_mask.png", "_mask.png")
    assert find_mask(tmp_path / "photo_mask.png") is None
    assert find_mask(tmp_path / "_mask.png") is None


def test_of_several_masks_the_pictures_own_suffix_wins_then_the_alphabet(tmp_path: Path) -> None:
    _files(tmp_path, "photo_mask.webp", "photo_mask.bmp", "photo_mask.PNG")
    assert find_mask(tmp_path / "photo.png") == tmp_path / "photo_mask.PNG"
    assert find_mask(tmp_path / "photo.webp") == tmp_path / "photo_mask.webp"
    assert find_mask(tmp_path / "photo.gif") == tmp_path / "photo_mask.PNG"
    assert find_mask(tmp_path / "photo.jpg") == tmp_path / "photo_mask.PNG"


def test_a_mask_beside_a_relative_path_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(tmp_path, "photo_mask.png")
    monkeypatch.chdir(tmp_path)
    found = find_mask(Path("photo.png"))
    assert found is not None
    assert found.resolve() == (tmp_path / "photo_mask.png").resolve()


def test_a_folder_that_is_none_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="cannot look for a mask in") as error:
        find_mask(tmp_path / "nowhere" / "photo.png")
    assert "\n" not in str(error.value)


def test_a_mask_is_one_where_it_is_brighter_than_mid_grey(tmp_path: Path) -> None:
    grey = np.array([[0, 1, 100, 127, 128, 200, 255]], dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "mask.png")
    mask = load_mask(tmp_path / "mask.png", Size(1, 7))
    assert mask.dtype == torch.float32
    assert mask.tolist() == [[[[0, 0, 0, 0, 1, 1, 1]]]]


def test_a_mask_weighs_colours_by_their_luminance(tmp_path: Path) -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]]], dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "mask.png")
    assert load_mask(tmp_path / "mask.png", Size(1, 4)).tolist() == [[[[0, 1, 0, 1]]]]


def test_an_inverted_file_is_the_inverted_mask(tmp_path: Path) -> None:
    picture = tiny_image().convert("L")
    picture.save(tmp_path / "mask.png")
    picture.point(lambda value: 255 - value).save(tmp_path / "inverted.png")
    mask, inverted = (load_mask(tmp_path / f"{name}.png", SIZE) for name in ("mask", "inverted"))
    assert 0 < mask.mean() < 1
    assert torch.equal(inverted, 1 - mask)


def test_a_mask_of_the_same_aspect_ratio_is_resized(tmp_path: Path) -> None:
    small = np.zeros((10, 15), dtype=np.uint8)
    small[2:4, 5:9] = 255
    Image.fromarray(small).save(tmp_path / "mask.png")
    mask = load_mask(tmp_path / "mask.png", SIZE)
    expected = torch.from_numpy(small > 0).float().repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert torch.equal(mask[0, 0], expected)


@pytest.mark.parametrize(
    ("mask", "picture", "fits"),
    [
        (Size(100, 203), Size(200, 400), True),
        (Size(100, 205), Size(200, 400), False),
        (Size(100, 195), Size(200, 400), False),
        (Size(400, 200), Size(200, 400), False),
        # A panorama reduced to 250 pixels: 12.5 rows become 13.
        (Size(100, 2000), Size(13, 250), True),
    ],
)
def test_a_mask_of_another_aspect_ratio_is_an_error_with_both_sizes(
    tmp_path: Path, mask: Size, picture: Size, fits: bool
) -> None:
    path = tmp_path / "mask.png"
    Image.new("L", (mask.width, mask.height), 255).save(path)
    if fits:
        assert load_mask(path, picture).shape == (1, 1, *picture)
        return
    with pytest.raises(PictureError) as error:
        load_mask(path, picture)
    assert f"has {mask} pixels but its picture {picture};" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_mask_that_is_no_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_text("white")
    with pytest.raises(PictureError):
        load_mask(tmp_path / "mask.png", SIZE)


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 7, 20, 50, 2.5, 27.4])
def test_dilation_is_a_disk_exactly(radius: float) -> None:
    size = Size(37, 53)
    for mask in (
        _dots((0, 0), size=size),
        _dots((36, 20), (30, 21), (3, 52), size=size),
        _dots((18, 26), size=size),
        (torch.rand((1, 1, *size), generator=torch.Generator().manual_seed(0)) < 0.01).float(),
    ):
        expected = (_squared_distance(mask) <= radius**2).float()[None, None]
        assert torch.equal(dilate(mask, radius), expected)


def test_blurring_is_the_gaussian_formula() -> None:
    mask = _dots((0, 0), (10, 12), (11, 13), (19, 29))
    mask[..., 4:9, 20:] = 1
    for sigma in (0.8, 1.5, 5.0):
        expected = _gaussian(mask, sigma).float()
        torch.testing.assert_close(blur(mask, sigma)[0, 0], expected, rtol=0, atol=1e-6)


def test_feathering_is_dilation_blur_and_scaling() -> None:
    mask = _dots((0, 3), (15, 25))
    distance = _squared_distance(mask)
    blurred = _gaussian((distance <= 9).float()[None, None], 1.5)
    blurred[distance > (3 + 4 * 1.5) ** 2] = 0
    expected = ((blurred - blurred.min()) / (blurred.max() - blurred.min())).float()
    torch.testing.assert_close(feather(mask, 3, 1.5)[0, 0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("radius", [0, 7, 20])
@pytest.mark.parametrize("place", [(0, 0), (0, 99), (59, 40), (30, 50)])
def test_feathering_fills_the_range_and_ends_where_it_says(
    radius: int, place: tuple[int, int]
) -> None:
    mask = _dots(place, size=Size(60, 100))
    soft = feather(mask, radius)
    distance = _squared_distance(mask)
    assert soft.min() == 0
    assert soft.max() == 1
    assert soft[0, 0][distance > (radius + 20) ** 2].count_nonzero() == 0
    assert soft[0, 0][distance <= radius**2].min() > 0.3
    assert soft[0, 0][distance < (radius + 19) ** 2].min() > 0


def test_a_wide_mask_is_one_deep_inside() -> None:
    mask = _blank(size=Size(60, 150))
    mask[..., :75] = 1
    soft = feather(mask, 7)
    torch.testing.assert_close(soft[..., : 75 + 7 - 20], _blank(1.0, Size(60, 62)))
    assert torch.equal(soft[..., 75 + 7 + 20 :], _blank(0.0, Size(60, 48)))
    assert (soft.diff(dim=-1) <= 1e-6).all()


@pytest.mark.parametrize("size", [Size(1, 1), Size(2, 1), SIZE])
@pytest.mark.parametrize("radius", [0, 7])
def test_a_mask_of_one_colour_stays_so(size: Size, radius: int) -> None:
    for value in (0.0, 1.0):
        mask = _blank(value, size)
        assert torch.equal(feather(mask, radius), mask)


def test_feathering_leaves_the_mask_alone() -> None:
    mask = _dots((3, 4))
    feather(mask, 7)
    assert torch.equal(mask, _dots((3, 4)))


def test_compositing_with_a_mask_of_one_colour_gives_either_picture() -> None:
    every_value = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    naive = Image.fromarray(every_value)
    made = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(0)) * 2 - 1
    for mask, expected in ((0.0, naive), (1.0, to_image(made))):
        result = composite(naive, made, _blank(mask, Size(16, 16)))
        assert result.tobytes() == expected.tobytes()


def test_compositing_keeps_the_naive_pixels_outside_bit_for_bit() -> None:
    naive, other = tiny_image(60, 90), to_tensor(tiny_image(60, 90, seed=1)).flip(2)
    soft = feather(_dots((20, 30), size=Size(60, 90)), 7)
    result, before = np.asarray(composite(naive, other, soft)), np.asarray(naive)
    outside, inside = soft[0, 0].numpy() == 0, soft[0, 0].numpy() == 1
    assert outside.sum() > 2000
    assert np.array_equal(result[outside], before[outside])
    assert np.array_equal(result[inside], np.asarray(to_image(other))[inside])
    assert not np.array_equal(result, before)


def test_compositing_mixes_in_between() -> None:
    made = torch.ones(1, 3, 2, 2)
    black = Image.new("RGB", (2, 2))
    for share in (0.2, 0.6):
        pixels = np.asarray(composite(black, made, _blank(share, Size(2, 2))))
        assert (pixels == round(255 * share)).all()


def test_the_papers_masks_are_found_and_fit(shared: Path) -> None:
    for picture in ("harmonization/scream_naive.jpg", "editing/stone_edit_1.png"):
        path = shared / "pictures" / picture
        mask = find_mask(path)
        assert mask is not None
        with Image.open(path) as image:
            changed = load_mask(mask, Size(image.height, image.width))
        assert 0.05 < changed.mean() < 0.2


def test_transparent_parts_of_a_mask_are_unchanged(tmp_path: Path) -> None:
    strokes = Image.new("RGBA", (6, 4), (255, 255, 255, 0))
    strokes.putpixel((2, 1), (255, 255, 255, 255))
    strokes.save(tmp_path / "mask.png")
    mask = load_mask(tmp_path / "mask.png", Size(4, 6))
    assert mask.nonzero().tolist() == [[0, 0, 1, 2]]


MARKED = np.zeros((8, 12), dtype=np.uint8)
MARKED[2:5, 3:9] = 1
DARK = {
    "labels": Image.fromarray(MARKED),
    "bilevel": Image.fromarray(MARKED * 255).convert("1"),
    "dark": Image.fromarray(MARKED * 60 + 20),
    "sixteen": Image.fromarray(MARKED.astype(np.uint16) * 300),
    "grey palette": Image.fromarray(MARKED).convert("P"),
    "colour palette": Image.fromarray(MARKED).convert("P"),
    "red": Image.merge("RGB", [Image.fromarray(MARKED * 255), *[Image.new("L", (12, 8))] * 2]),
    "black on clear": Image.merge("LA", [Image.new("L", (12, 8)), Image.fromarray(MARKED * 255)]),
    "blue on clear": Image.new("RGBA", (12, 8), (0, 0, 200, 0)),
    "labels and alpha": Image.merge("LA", [Image.fromarray(MARKED), Image.new("L", (12, 8), 255)]),
}
DARK["colour palette"].putpalette([0, 0, 0, 128, 0, 0])
DARK["blue on clear"].putalpha(Image.fromarray(MARKED * 255))


@pytest.mark.parametrize("name", DARK)
def test_labels_palettes_and_strokes_on_clear_mark_what_they_mean(
    name: str, tmp_path: Path
) -> None:
    DARK[name].save(tmp_path / "mask.png")
    mask = load_mask(tmp_path / "mask.png", Size(8, 12))
    assert torch.equal(mask[0, 0], torch.from_numpy(MARKED).float())


def test_labels_of_the_shared_mask(shared: Path) -> None:
    mask = load_mask(shared / "inputs" / "naive_mask-labels-0-1.png", Size(83, 120))
    assert mask.sum() == 247


@pytest.mark.parametrize(
    ("greys", "words"),
    [
        ([0], "marks nothing: its brightest grey is 0 of 255"),
        ([0, 1, 2], "marks nothing: its brightest grey is 2 of 255"),
        ([90], "marks nothing: its brightest grey is 90 of 255"),
    ],
)
def test_a_mask_that_marks_nothing_is_an_error(
    greys: list[int], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.resize(np.array(greys, dtype=np.uint8), (20, 30))).save(path)
    with pytest.raises(PictureError, match=words) as caught:
        load_mask(path, SIZE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("marked", [1, 7])
def test_a_mask_that_marks_next_to_nothing_is_an_error(marked: int, tmp_path: Path) -> None:
    image = Image.new("L", (200, 200))
    for column in range(marked):
        image.putpixel((column, 7), 255)
    image.save(tmp_path / "mask.png")
    with pytest.raises(PictureError, match="marks next to nothing; paint white"):
        load_mask(tmp_path / "mask.png", Size(200, 200))


def test_a_stroke_that_resizing_loses_is_an_error(tmp_path: Path) -> None:
    image = Image.new("L", (300, 200))
    image.paste(255, (0, 0, 300, 1))
    image.save(tmp_path / "mask.png")
    with pytest.raises(PictureError, match="marks nothing; paint white"):
        load_mask(tmp_path / "mask.png", SIZE)
