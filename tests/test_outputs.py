"""Where pictures go: nothing is overwritten, nothing is left half written."""

from __future__ import annotations

import json
import os
import re
import stat
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from consingan.core.pictures import outputs as outputs_module
from consingan.core.pictures.contact_sheet import CELL, PICTURES, WIDTH, Thumbnails
from consingan.core.pictures.outputs import Outputs
from consingan.core.pictures.tensors import to_tensor
from consingan.core.pictures.writing import FORMATS, encode_png, save_image
from consingan.core.system.atomic_files import write_atomically, write_json
from consingan.errors import OptionError, RunError
from tests.conftest import tiny_image

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def flat(colour: tuple[int, int, int], width: int = 8, height: int = 6) -> Tensor:
    return to_tensor(Image.new("RGB", (width, height), colour))


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# Where pictures go


def test_a_folder_gets_exact_png_files(tmp_path: Path) -> None:
    image = tiny_image()
    out = tmp_path / "new" / "deeper"
    outputs = Outputs(out)
    paths = [outputs.save(name, to_tensor(image)) for name in ("b", "a")]
    assert paths == [out / "b.png", out / "a.png"] == outputs.files
    assert names(out) == ["a.png", "b.png"]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert np.array_equal(pixels(path), np.asarray(image))


@pytest.mark.parametrize("suffix", [*KINDS, ".JPG", ".WebP"])
def test_a_suffix_picks_the_format_and_the_stem_a_prefix(tmp_path: Path, suffix: str) -> None:
    image = tiny_image().resize((120, 80))
    outputs = Outputs(tmp_path / "new" / f"my.castle{suffix}")
    path = outputs.save("sample", to_tensor(image))
    sheet = outputs.save_sheet()
    record = outputs.save_record({})
    assert path == tmp_path / "new" / f"my.castle-sample{suffix.lower()}"
    assert sheet.name == f"my.castle-sheet{suffix.lower()}"
    assert record.name == "my.castle-options.json"
    for file in (path, sheet):
        with Image.open(file) as written:
            assert written.format == KINDS[suffix.lower()]
            assert written.mode == "RGB"
    # Whatever the format loses must not be visible.
    assert np.abs(pixels(path).astype(int) - np.asarray(image)).mean() < 4


def test_every_format_is_covered() -> None:
    assert KINDS.keys() == FORMATS.keys()


def test_a_bare_name_means_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Outputs(Path("castle.jpg")).save("a", flat((1, 2, 3)))
    assert names(tmp_path) == ["castle-a.jpg"]


def test_an_existing_folder_is_one_whatever_its_name(tmp_path: Path) -> None:
    for name in ("results.v2", "folder.jpg"):
        (tmp_path / name).mkdir()
        assert Outputs(tmp_path / name).save("a", flat((1, 2, 3))) == tmp_path / name / "a.png"


@pytest.mark.parametrize("name", ["a.tiff", "a.b.txt", "new/results.v2"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"\.png, \.jpg, \.jpeg, \.webp") as caught:
        Outputs(tmp_path / name)
    assert caught.value.option == "out"
    assert repr(Path(name).suffix) in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["taken", "taken/deeper", "taken/a.png", "taken/deeper/a.png"])
def test_a_file_where_the_folder_should_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_bytes(b"mine")
    with pytest.raises(OptionError, match="is not a folder") as caught:
        Outputs(tmp_path / name)
    assert caught.value.option == "out"
    assert (tmp_path / "taken").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunError, match="No space left") as caught:
        Outputs(tmp_path / "new")
    assert str(tmp_path / "new") in str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".png"])
def test_a_name_that_no_folder_can_have(tmp_path: Path, suffix: str) -> None:
    with pytest.raises((OptionError, RunError)):
        Outputs(tmp_path / f"{'x' * 300}{suffix}").save("a", flat((1, 2, 3)))


# Names that are taken


@pytest.mark.parametrize("out", ["", "castle.jpg"])
def test_a_taken_name_gets_a_number(tmp_path: Path, out: str) -> None:
    prefix, suffix = ("castle-", ".jpg") if out else ("", ".png")
    mine = tmp_path / f"{prefix}a{suffix}"
    mine.write_bytes(b"mine")
    outputs = Outputs(tmp_path / out)
    paths = [outputs.save("a", flat((i, i, i))) for i in range(3)]
    assert [path.name for path in paths] == [f"{prefix}a-{i}{suffix}" for i in (2, 3, 4)]
    assert outputs.files == paths
    assert mine.read_bytes() == b"mine"
    for i, path in enumerate(paths):
        assert pixels(path)[0, 0].tolist() == [i, i, i]


def test_two_outputs_share_a_folder(tmp_path: Path) -> None:
    first, second = Outputs(tmp_path), Outputs(tmp_path)
    first.save("a", flat((1, 1, 1)))
    second.save("a", flat((2, 2, 2)))
    for outputs in (first, second):
        outputs.save_sheet()
        outputs.save_record({"from": id(outputs)})
    assert names(tmp_path) == sorted(
        f"{name}{tail}.{suffix}"
        for name, suffix in (("a", "png"), ("sheet", "png"), ("options", "json"))
        for tail in ("", "-2")
    )
    assert pixels(tmp_path / "a.png")[0, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_a_name_taken_by_something_else(tmp_path: Path, kind: str) -> None:
    if kind == "folder":
        (tmp_path / "a.png").mkdir()
    else:
        (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    assert Outputs(tmp_path).save("a", flat((1, 2, 3))).name == "a-2.png"
    assert not (tmp_path / "nowhere").exists()


# Writes that fail


@pytest.mark.parametrize("method", ["save", "save_sheet"])
def test_a_failed_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    outputs = Outputs(tmp_path)
    monkeypatch.setattr(outputs_module, "save_image", refuse)
    with pytest.raises(RunError, match="No space left on device") as caught:
        outputs.save("a", flat((1, 2, 3))) if method == "save" else outputs.save_sheet()
    assert len(str(caught.value).splitlines()) == 1
    assert str(tmp_path) in str(caught.value)
    assert names(tmp_path) == []
    assert outputs.files == []
    monkeypatch.undo()
    assert outputs.save("a", flat((1, 2, 3))).name == "a.png"


def test_an_interrupted_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs_module, "save_image", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Outputs(tmp_path).save("a", flat((1, 2, 3)))
    assert names(tmp_path) == []


def test_a_failed_record_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs_module, "write_json", refuse)
    with pytest.raises(RunError, match="No space left on device"):
        Outputs(tmp_path).save_record({})
    assert names(tmp_path) == []


def test_a_record_that_is_no_json_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        Outputs(tmp_path).save_record({"a": object()})
    assert names(tmp_path) == []


@pytest.mark.parametrize(("suffix", "width"), [(".webp", 16_384), (".jpg", 65_501)])
def test_a_picture_larger_than_its_format_allows(
    tmp_path: Path, suffix: str, width: int, capfd: pytest.CaptureFixture[str]
) -> None:
    outputs = Outputs(tmp_path / f"wide{suffix}")
    with pytest.raises(RunError) as caught:
        outputs.save("a", flat((1, 2, 3), width, 1))
    assert "None" not in str(caught.value)
    assert names(tmp_path) == []


def test_a_folder_that_disappears(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(RunError, match="No such file"):
        outputs.save("a", flat((1, 2, 3)))


# Records


def test_record_is_readable_json(tmp_path: Path) -> None:
    content = {"run": "Zürich/東京", "options": {"scale": 1.5, "seed": None, "sizes": [1, 2]}}
    path = Outputs(tmp_path).save_record(content)
    assert path == tmp_path / "options.json"
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == content
    assert "Zürich/東京" in text
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 5


def test_record_of_a_path_that_is_no_unicode(tmp_path: Path) -> None:
    content = {"run": os.fsdecode(b"caf\xe9")}
    path = Outputs(tmp_path).save_record(content)
    assert json.loads(path.read_bytes()) == content


# Contact sheets


def sheet_of(*sizes: tuple[int, int], caption: str = "a") -> Image.Image:
    thumbnails = Thumbnails()
    for size in sizes:
        thumbnails.add(caption, Image.new("RGB", size, (255, 0, 0)))
    return next(thumbnails.pages())


def near(sheet: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a sheet has a colour, (H, W), as far as its thumbnails' compression keeps it."""
    difference: np.ndarray = np.abs(sheet.astype(int) - colour).max(axis=-1)
    return difference < 3


def red(sheet: Image.Image) -> int:
    return int(near(np.asarray(sheet), (255, 0, 0)).sum())


def test_pages_show_all_pictures(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    colours = [(200, 8 * i, 255 - 8 * i) for i in range(PICTURES + 6)]
    for i, colour in enumerate(colours):
        outputs.save(f"sample-{i:03}", flat(colour, 20, 20))
    path = outputs.save_sheet()
    assert [path, tmp_path / "sheet-2.png"] == outputs.files[-2:]
    assert path == tmp_path / "sheet-1.png"
    shown = [[near(pixels(page), c).any() for c in colours] for page in outputs.files[-2:]]
    assert shown[0] == [True] * PICTURES + [False] * 6
    assert shown[1] == [False] * PICTURES + [True] * 6


def test_what_belongs_together_is_in_one_row() -> None:
    thumbnails = Thumbnails()
    for i in range(PICTURES + 3):
        thumbnails.add("a", Image.new("RGB", (60 + i, 60), (250, 9 * i, 0)))
    for page, first in zip(thumbnails.pages(3), (0, PICTURES), strict=True):
        sheet = np.asarray(page)
        for i in range(first, min(first + PICTURES, PICTURES + 3), 3):
            tops = [np.argwhere(near(sheet, (250, 9 * (i + k), 0)))[0][0] for k in range(3)]
            assert len(set(tops)) == 1


def test_cells_are_equally_high() -> None:
    thumbnails = Thumbnails()
    for i, size in enumerate([(100, 75), (200, 150), (400, 300)]):
        thumbnails.add("a", Image.new("RGB", size, (250, 50 * i, 0)))
    sheet = np.asarray(next(thumbnails.pages()))
    areas = [int(near(sheet, (250, 50 * i, 0)).sum()) for i in range(3)]
    assert areas == [320 * 240] * 3


def test_a_gallery_opens_the_pictures(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    assert outputs.save_gallery("none") is None
    outputs.show("<before>", flat((1, 2, 3)))
    outputs.save("a#1&2", flat((1, 2, 3)))
    assert outputs.save_gallery("one alone") is None
    outputs.save("b", flat((1, 2, 3)))
    page = outputs.save_gallery("<script>")
    assert page == outputs.gallery == tmp_path / "gallery.html"
    assert page not in outputs.files
    html = page.read_text()
    assert "<script>" not in html
    assert "<before>" not in html
    assert "&lt;before&gt;" in html
    links = [unquote(unescape(link)) for link in re.findall(r'href="([^"]*)"', html)]
    assert links == ["a#1&2.png", "b.png"]
    assert not re.search(r"(src|href)=\"(http|//|/)", html)
    sources = re.findall(r'src="data:image/jpeg;base64,([^"]*)"', html)
    with Image.open(BytesIO(b64decode(sources[1]))) as thumbnail:
        assert np.abs(np.asarray(thumbnail).astype(int) - (1, 2, 3)).max() < 3


@pytest.mark.parametrize("name", ["one.jpg", "new/one.png"])
def test_a_picture_may_take_the_very_name(tmp_path: Path, name: str) -> None:
    outputs = Outputs(tmp_path / name)
    assert outputs.named
    assert not Outputs(tmp_path).named
    assert outputs.save("", flat((1, 2, 3))) == tmp_path / name


def test_sheet_keeps_the_order_of_reading() -> None:
    thumbnails = Thumbnails()
    for i in range(5):
        thumbnails.add("a", Image.new("RGB", (200, 150), (250, 40 * i, 0)))
    sheet = np.asarray(next(thumbnails.pages()))
    places = [np.argwhere(near(sheet, (250, 40 * i, 0)))[0].tolist() for i in range(5)]
    assert places == sorted(places)
    assert len({row for row, _ in places}) > 1


@pytest.mark.parametrize(
    ("size", "area"),
    [
        ((10, 10), 160 * 160),
        ((1, 1), 160 * 160),
        ((53, 20), 159 * 60),
        ((80, 81), 80 * 81),
        ((320, 300), 320 * 300),
        ((1280, 640), 320 * 160),
        ((640, 1280), 160 * 320),
        ((3000, 1), 320),
        ((1, 3000), 320),
    ],
)
def test_sheet_enlarges_small_pictures_and_reduces_large_ones(
    size: tuple[int, int], area: int
) -> None:
    assert red(sheet_of(size)) == area


@pytest.mark.parametrize("size", [(1, 1), (25, 25), (250, 188), (20, 300), (4000, 30), (320, 320)])
@pytest.mark.parametrize("count", [1, 2, 7, PICTURES])
def test_sheet_is_bounded_and_shows_everything(size: tuple[int, int], count: int) -> None:
    sheet = sheet_of(*[size] * count)
    assert sheet.mode == "RGB"
    assert sheet.width <= WIDTH
    assert sheet.height <= PICTURES * (CELL + 50)
    assert red(sheet) == count * red(sheet_of(size))


def test_sheet_of_different_sizes_overlaps_nothing() -> None:
    sizes = [(300, 20), (20, 300), (9, 9), (100, 90)]
    shown = [(320, 21), (20, 300), (300, 300), (320, 288)]
    assert red(sheet_of(*sizes)) == sum(width * height for width, height in shown)


def test_sheet_of_nothing() -> None:
    assert next(Thumbnails().pages()).width > 0


def test_sheet_keeps_captions_apart() -> None:
    """What is written under one narrow picture ends before the next begins."""
    single, double = (
        (np.asarray(sheet_of(*[(20, 300)] * count, caption="sample-000")) < 200).any(axis=-1)
        for count in (1, 2)
    )
    ink = [int(image[-34:].sum()) for image in (single, double)]
    assert ink[0] > 50
    assert ink[1] == 2 * ink[0]


def test_caption_is_written_in_any_script() -> None:
    assert (np.asarray(sheet_of((99, 99), caption="Zürich 東京 🏰"))[-20:] < 200).any()


def test_thumbnails_leave_the_picture_alone() -> None:
    image = Image.new("RGB", (640, 480), "red")
    Thumbnails().add("a", image)
    assert image.size == (640, 480)


# Whole files or none


def test_encoded_png_is_exact() -> None:
    image = tiny_image()
    with Image.open(BytesIO(encode_png(image))) as read:
        assert read.format == "PNG"
        assert read.tobytes() == image.tobytes()


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("odd"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_failed_replacement_changes_nothing(
    tmp_path: Path, old: bytes | None, error: BaseException
) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)

    def write(file: BinaryIO) -> None:
        file.write(b"half of the new")
        file.flush()
        raise error

    with pytest.raises(type(error)):
        write_atomically(path, write)
    assert names(tmp_path) == ([] if old is None else ["file"])
    assert old is None or path.read_bytes() == old


def test_replacement_is_seen_only_when_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"new" * 100_000)
        file.flush()
        assert path.read_bytes() == b"old"

    write_atomically(path, write)
    assert path.read_bytes() == b"new" * 100_000
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_respect_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    with umask(mask):
        write_atomically(tmp_path / "file", lambda file: file.write(b"x"))
        Outputs(tmp_path).save("a", flat((1, 2, 3)))
        assert os.umask(mask) == mask
    for name in ("file", "a.png"):
        assert (tmp_path / name).stat().st_mode & 0o777 == mode


def test_a_folder_that_cannot_be_synced_fails_no_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems know no fsync of a folder; the file is in place by then."""
    sync = os.fsync

    def files_only(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")
        sync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    write_json(tmp_path / "a.json", {})
    assert names(tmp_path) == ["a.json"]


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_image(tmp_path / "none" / "a.png", tiny_image())


def test_unwritten_tensor_of_half_precision(tmp_path: Path) -> None:
    path = Outputs(tmp_path).save("a", torch.ones(1, 3, 2, 2, dtype=torch.bfloat16))
    assert (pixels(path) == 255).all()


@pytest.mark.parametrize("name", ["../a", "sub/a", "/a"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "out")
    with pytest.raises(ValueError, match="is no file name"):
        outputs.save_image(name, tiny_image())
    assert [file.name for file in tmp_path.rglob("*")] == ["out"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(3, 4, 5), r"a tensor \(3, 4, 5\)"),
        (torch.zeros(1, 4, 4, 5), r"a tensor \(1, 4"),
        ([], "a list"),
    ],
)
def test_what_is_no_picture_is_said(given: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"a picture is a tensor \(1, 3, H, W\), not " + message):
        Outputs(tmp_path).save("a", given)
