"""Pictures that are grey, and clips and samples that are larger than the training picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

import consingan
from consingan import Run, Size, Window, load_picture, whole
from consingan.core.networks.window import Span
from consingan.core.pictures.declared import check_opened
from consingan.errors import OptionError, PictureError
from tests.conftest import TINY, image_size, tiny_image

OPTIONS = {**TINY, "train_stages": 2}


@pytest.fixture(scope="module")
def animated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of animation, which no test changes."""
    return consingan.train(tiny_image(), "animation", runs=tmp_path_factory.mktemp("a"), **OPTIONS)


@pytest.mark.parametrize(("grey", "expected"), [(True, True), (False, False)])
def test_grey_stays_grey_and_colours_stay(tmp_path: Path, grey: bool, expected: bool) -> None:
    image = tiny_image().convert("L") if grey else tiny_image()
    run = consingan.train(image, runs=tmp_path, **OPTIONS)
    sampler = run.sampler("cpu")
    sampler.tile = 32  # with bands too
    for picture in (sampler.sample(0), sampler.reconstruction(), sampler.sample(1, size=(60, 70))):
        channels = picture[0].unbind()
        assert all(channel.equal(channels[0]) for channel in channels) == expected
        assert picture.std() > 0


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (24, 16)),
        ({"width": 50}, (50, 16)),
        ({"scale_h": 0.5}, (24, 8)),
        ({"enlarge": 2}, (48, 32)),
        ({"width": 30, "enlarge": 1.5}, (45, 24)),
    ],
)
def test_clips_have_the_size_that_is_asked_for(
    animated: Run, tmp_path: Path, options: dict[str, float], size: tuple[int, int]
) -> None:
    (clip,) = animated.apply(tmp_path / "clip.png", frames=2, **options)
    assert image_size(clip) == size


def test_a_clip_that_is_too_large_is_refused(animated: Run, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="million pixels"):
        animated.apply(tmp_path / "new", frames=2, width=40_000, enlarge=64)


def test_the_fixed_input_goes_on_as_noise(animated: Run) -> None:
    sampler = animated.sampler("cpu")
    smallest = sampler.sizes[0]
    inside = sampler.fixed(0, whole(smallest))
    larger = Size(smallest.height + 5, 2 * smallest.width)
    beyond = sampler.fixed(0, whole(larger))
    assert beyond[..., : smallest.height, : smallest.width].equal(inside)
    part = Window(Span(3, larger.height), Span(smallest.width - 2, larger.width))
    assert sampler.fixed(0, part).equal(part.cut(beyond))
    assert beyond[..., smallest.width :].std() > 0.5
    outside = Window(Span(smallest.height, larger.height), Span(smallest.width, larger.width))
    assert sampler.fixed(0, outside).equal(outside.cut(beyond))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_read(tmp_path: Path) -> None:
    file = tmp_path / "photo.avif"
    tiny_image().save(file, quality=95)
    read = np.asarray(load_picture(file).image).astype(int)
    assert np.abs(read - np.asarray(tiny_image())).mean() < 12


def test_heic_is_read_upright(tmp_path: Path) -> None:
    """The file says itself how it is turned; its EXIF orientation does not turn it again."""
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    marked = Image.new("RGB", (90, 60), "blue")
    marked.paste("red", (0, 0, 30, 30))
    orientation = Image.Exif()
    orientation[0x0112] = 6
    photo = heif.from_pillow(marked)
    photo[0].info["exif"] = orientation.tobytes()
    file = tmp_path / "IMG_0001.HEIC"
    photo.save(file, quality=90)
    read = load_picture(file).image
    assert read.size == (60, 90)
    assert read.getpixel((45, 10))[0] > 200 > 60 > read.getpixel((10, 10))[0]
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(PictureError, match="damaged"):
        load_picture(file)


def test_heic_photos_of_48_megapixels_are_read() -> None:
    photo = Image.new("1", (8064, 6048))
    photo.format = "HEIF"
    check_opened(photo)
    photo.format = "AVIF"
    with pytest.raises(PictureError, match="more than 40 million"):
        check_opened(photo)


def test_heic_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    file = tmp_path / "IMG_0001.HEIC"
    file.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(PictureError, match=r"pip install 'consingan\[heic\]'"):
        load_picture(file)


def test_avif_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: False)
    file = tmp_path / "photo.avif"
    file.write_bytes(b"\0\0\0\x18ftypavif" + bytes(100))
    with pytest.raises(PictureError, match="AVIF picture"):
        load_picture(file)


def test_videos_are_no_pictures(tmp_path: Path) -> None:
    file = tmp_path / "clip.png"
    file.write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))
    with pytest.raises(PictureError, match="is none of JPEG"):
        load_picture(file)


def test_a_damaged_avif_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "photo.avif"
    Image.new("RGB", (40, 30)).save(file) if features.check("avif") else file.write_bytes(b"")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(PictureError) as caught:
        load_picture(file)
    assert "\n" not in str(caught.value)
