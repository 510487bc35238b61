"""Harmonization and editing applied: a naive picture, its mask, and the repainted result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import consingan
from consingan import Run, Size, cli
from consingan.core.pictures.masks import feather, load_mask
from consingan.core.pictures.reading import load_picture
from consingan.core.sampling.sampler import Sampler
from consingan.errors import Note, OptionError, PictureError
from consingan.modes import editing, harmonization
from tests.conftest import TINY, image_size, tiny_image

pytestmark = pytest.mark.filterwarnings("ignore:the naive picture .* is sharper than the run")
RADIUS = {"harmonization": harmonization.DILATION, "editing": editing.DILATION}
HEIGHT, WIDTH = 60, 110
"""Of the naive pictures: larger than a feathered mask, and than the 24x16 trained at."""

Pixels = np.ndarray[Any, Any]


@pytest.fixture(scope="module", params=["harmonization", "editing"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, which no test changes."""
    out = tmp_path_factory.mktemp(request.param)
    return consingan.train(tiny_image(), request.param, runs=out, **TINY)


@pytest.fixture
def naive(tmp_path: Path) -> Path:
    """A naive picture's file, without a mask."""
    return _save(tmp_path / "paste.png", tiny_image(HEIGHT, WIDTH, seed=2))


def _save(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


def _mask(path: Path, *box: int, inside: int = 255, outside: int = 0) -> Path:
    """A mask's file: `inside` within the box (left, top, right, bottom), `outside` elsewhere."""
    image = Image.new("L", (WIDTH, HEIGHT), outside)
    if box:
        image.paste(inside, box)
    return _save(path, image)


def _pixels(file: Path) -> Pixels:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def _share(mask: Path, mode: str) -> Pixels:
    """How much of each pixel is repainted, (H, W)."""
    return feather(load_mask(mask, Size(HEIGHT, WIDTH)), RADIUS[mode])[0, 0].numpy()


def _apply(run: Run, out: Path, naive: Path, **options: Any) -> dict[str, Path]:
    return {file.stem: file for file in run.apply(out, "cpu", naive=naive, **options)}


def test_only_what_is_inside_the_mask_changes(run: Run, naive: Path, tmp_path: Path) -> None:
    mask = _mask(tmp_path / "paste_mask.png", 4, 5, 14, 15)
    files = _apply(run, tmp_path / "new", naive)
    assert list(files) == ["result", "raw", "sheet"]
    before, raw, result = (_pixels(file) for file in (naive, files["raw"], files["result"]))
    share = _share(mask, run.mode)
    assert 0.2 < (share == 0).mean() < 0.9
    assert (result[share == 0] == before[share == 0]).all()
    assert (result[share > 0.5] != before[share > 0.5]).mean() > 0.5
    assert (result[share == 1] == raw[share == 1]).all()
    # In between, the result is in between, give or take the rounding.
    expected = before + share[..., None] * (raw - before)
    assert np.abs(result - expected).max() <= 1


@pytest.mark.parametrize(
    "size", [(10, 14), (60, 110), (30, 12), (8, 90), (90, 8), (16, 24), (3, 3), (1, 50), (50, 1)]
)
def test_results_have_the_naive_pictures_size(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    entered: list[Size] = []
    noises: set[float] = set()
    repaint = Sampler.repaint

    def spy(sampler: Sampler, picture: torch.Tensor, *rest: Any) -> torch.Tensor:
        entered.append(Size(*picture.shape[-2:]))
        noises.add(rest[2])
        return repaint(sampler, picture, *rest)

    monkeypatch.setattr(Sampler, "repaint", spy)
    height, width = size
    picture = _save(tmp_path / "paste.png", tiny_image(*size, seed=2))
    _save(tmp_path / "paste_mask.png", Image.new("L", (width, height), 255))
    files = _apply(run, tmp_path / "new", picture)
    assert image_size(files["raw"]) == image_size(files["result"]) == (width, height)
    assert (_pixels(files["raw"]) != _pixels(picture)).any()
    # Reduced to the scale that was trained at, never enlarged.
    assert [max(size) for size in entered] == [min(24, max(size))]
    assert noises == {0.1 if run.mode == "editing" else 0.0}  # as in training


def test_a_picture_of_one_pixel_is_refused(run: Run, tmp_path: Path) -> None:
    picture = _save(tmp_path / "paste.png", tiny_image(1, 1))
    _save(tmp_path / "paste_mask.png", Image.new("L", (1, 1), 255))
    with pytest.raises(PictureError, match=r"\(1x1\) is too small to repaint"):
        _apply(run, tmp_path / "new", picture)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "suffix", [".png", ".jpg", ".JPEG", ".bmp", ".webp", ".tif", ".TIFF", ".gif"]
)
def test_the_mask_beside_the_picture_is_found(
    run: Run, naive: Path, tmp_path: Path, suffix: str
) -> None:
    _mask(tmp_path / f"paste_mask{suffix}", 0, 0, 40, HEIGHT)
    files = _apply(run, tmp_path / "new", naive)
    result, before = _pixels(files["result"]), _pixels(naive)
    assert (result[:, 100:] == before[:, 100:]).all()
    assert (result[:, :25] == _pixels(files["raw"])[:, :25]).all()


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_naive_pictures_of_other_formats_keep_their_pixels(
    run: Run, tmp_path: Path, suffix: str
) -> None:
    picture = _save(tmp_path / f"a [paste]{suffix}", tiny_image(HEIGHT, WIDTH, seed=2))
    _mask(tmp_path / "a [paste]_mask.png", 0, 0, 1, 3)
    result = _pixels(_apply(run, tmp_path / "new", picture)["result"])
    assert (result[:, 60:] == _pixels(picture)[:, 60:]).all()


def test_the_mask_that_is_named_wins(run: Run, naive: Path, tmp_path: Path) -> None:
    _mask(tmp_path / "paste_mask.png")
    other = _mask(tmp_path / "other.png", outside=255)
    files = _apply(run, tmp_path / "new", naive, mask=other)
    assert (_pixels(files["result"]) == _pixels(files["raw"])).all()


def test_without_a_mask_all_is_repainted(run: Run, naive: Path, tmp_path: Path) -> None:
    with pytest.warns(
        Note, match=r"no mask paste_mask\.\* was found .* the whole picture is repainted"
    ):
        files = _apply(run, tmp_path / "new", naive)
    assert list(files) == ["raw", "sheet"]
    names = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert names == ["options.json", "raw.png", "sheet.png"]


def test_what_differs_from_the_training_picture_is_found(run: Run, tmp_path: Path) -> None:
    edited = tiny_image().resize((24, 16))
    edited.paste((255, 0, 255), (4, 5, 9, 10))
    naive = _save(tmp_path / "edited.png", edited)
    with pytest.warns(Note, match=r"no mask edited_mask\.\* was found .*what differs"):
        files = _apply(run, tmp_path / "new", naive)
    assert "result" in files


def test_a_sharper_naive_picture_is_noted(run: Run, naive: Path, tmp_path: Path) -> None:
    _mask(tmp_path / "paste_mask.png", 4, 5, 14, 15)
    with pytest.warns(Note, match="110x60.* is sharper than the run .24x16"):
        files = _apply(run, tmp_path / "new", naive)
    assert "result" in files


def test_a_mask_that_marks_all_repaints_all(run: Run, naive: Path, tmp_path: Path) -> None:
    _mask(tmp_path / "paste_mask.png", outside=255)
    files = _apply(run, tmp_path / "new", naive)
    assert (_pixels(files["result"]) == _pixels(files["raw"])).all()
    assert (_pixels(files["raw"]) != _pixels(naive)).any()


@pytest.mark.parametrize("outside", [0, 100])
def test_a_mask_that_marks_nothing_is_an_error(
    run: Run, naive: Path, tmp_path: Path, outside: int
) -> None:
    _mask(tmp_path / "paste_mask.png", outside=outside)
    with pytest.raises(PictureError, match="marks nothing"):
        _apply(run, tmp_path / "new", naive)
    assert not (tmp_path / "new").exists()


def test_a_grey_mask_counts_as_black_and_white(run: Run, naive: Path, tmp_path: Path) -> None:
    crisp = _mask(tmp_path / "crisp.png", 4, 5, 14, 15)
    grey = _mask(tmp_path / "grey.png", 4, 5, 14, 15, inside=140, outside=110)
    results = [
        _apply(run, tmp_path / mask.stem, naive, mask=mask)["result"] for mask in (crisp, grey)
    ]
    assert results[0].read_bytes() == results[1].read_bytes()


def test_an_inverted_mask_does_the_opposite(run: Run, naive: Path, tmp_path: Path) -> None:
    left = _mask(tmp_path / "left.png", 0, 0, 50, HEIGHT)
    right = _mask(tmp_path / "right.png", 0, 0, 50, HEIGHT, inside=0, outside=255)
    before, far_left, far_right = _pixels(naive), slice(0, 9), slice(95, None)
    for mask, painted, kept in ((left, far_left, far_right), (right, far_right, far_left)):
        files = _apply(run, tmp_path / mask.stem, naive, mask=mask)
        raw, result = _pixels(files["raw"]), _pixels(files["result"])
        assert (result[:, painted] == raw[:, painted]).all()
        assert (result[:, kept] == before[:, kept]).all()


def test_a_mask_of_another_shape_is_refused(run: Run, naive: Path, tmp_path: Path) -> None:
    _save(tmp_path / "paste_mask.png", Image.new("L", (HEIGHT, WIDTH), 255))
    with pytest.raises(PictureError, match=r"paste_mask.*60x110 pixels.*110x60"):
        _apply(run, tmp_path / "new", naive)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("option", ["naive", "mask"])
def test_a_missing_file_is_an_error(run: Run, naive: Path, tmp_path: Path, option: str) -> None:
    files = {"naive": naive, option: tmp_path / "nothing.png"}
    before = sorted(run.path.glob("applied/*"))
    with pytest.raises(PictureError, match=r"nothing\.png' does not exist"):
        run.apply(device="cpu", **files)
    assert sorted(run.path.glob("applied/*")) == before


def test_a_naive_picture_must_be_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        run.apply(tmp_path / "new", seed=3)
    assert caught.value.option == "naive"
    assert "seed" not in str(caught.value)  # the message is about this option alone
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("L", None),
        ("LA", "transparent parts"),
        ("RGBA", "transparent parts"),
        ("P", None),
        ("1", None),
        ("I;16", "16-bit values"),
    ],
)
def test_naive_pictures_of_every_kind(
    run: Run, tmp_path: Path, kind: str, note: str | None
) -> None:
    image = tiny_image(HEIGHT, WIDTH, seed=2)
    if kind == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 250)
    elif kind in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    path = _save(tmp_path / "paste.png", image if kind == "I;16" else image.convert(kind))
    mask = _mask(tmp_path / "paste_mask.png", 4, 5, 14, 15)
    apply: Callable[[], dict[str, Path]] = lambda: _apply(run, tmp_path / "new", path)  # noqa: E731
    if note is None:
        files = apply()
    else:
        with pytest.warns(Note, match=note):
            files = apply()
    result, before = _pixels(files["result"]), np.asarray(load_picture(path).image)
    outside = _share(mask, run.mode) == 0
    assert (result[outside] == before[outside]).all()
    assert (result != before).any()


def test_the_same_seed_makes_the_same(run: Run, naive: Path, tmp_path: Path) -> None:
    mask = _mask(tmp_path / "all.png", outside=255)
    made = [
        _apply(run, tmp_path / str(index), naive, mask=mask, seed=seed)["result"].read_bytes()
        for index, seed in enumerate((3, 3, 4))
    ]
    assert made[0] == made[1] != made[2]


def test_several_results_are_made_and_chosen(run: Run, naive: Path, tmp_path: Path) -> None:
    mask = _mask(tmp_path / "all.png", outside=255)
    files = _apply(run, tmp_path / "new", naive, mask=mask, num_samples=3)
    numbers = ("000", "001", "002")
    pairs = [f"{kind}-{number}" for number in numbers for kind in ("result", "raw")]
    assert list(files) == [*pairs, "sheet"]
    results = [files[f"result-{number}"].read_bytes() for number in numbers]
    assert len(set(results)) == 3
    single = _apply(run, tmp_path / "one", naive, mask=mask)
    assert single["result"].read_bytes() == results[0]
    second = _apply(run, tmp_path / "second", naive, mask=mask, index=1)
    assert second["result-001"].read_bytes() == results[1]
    best = _apply(run, tmp_path / "best", naive, mask=mask, num_samples=3, best=2)
    assert sum(name.startswith("result-") for name in best) == 2


def test_batch_norm_uses_the_picture_at_hand(run: Run) -> None:
    sampler = run.sampler("cpu")
    generator = sampler.model.generator
    names = [name for name in generator.state_dict() if "norm" in name]
    assert len(names) == 2 * (1 + 3 * 3)  # weight and bias, of the head and of three stages
    assert not [name for name in names if "running" in name or "tracked" in name]
    made = sampler.repaint(sampler.picture)
    for training in (True, False):
        generator.train(training)
        assert sampler.repaint(sampler.picture).equal(made)
    # What is normalised by its own statistics has no scale: a louder head changes nothing.
    with torch.no_grad():
        for parameter in generator.head.conv.parameters():
            parameter *= 3
    torch.testing.assert_close(sampler.repaint(sampler.picture), made, rtol=0, atol=0.02)


def test_what_training_says_to_type_next_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], naive: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    assert cli.run(["harmonization", "train", "paste.png", *options]) == 0
    advice = capsys.readouterr().out.splitlines()[-1]
    assert "--naive" in advice


def test_from_the_command_line(
    run: Run, naive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [run.mode, "apply", str(run.path), f"--out={tmp_path}/new"]
    assert cli.run(command) == 2
    err = capsys.readouterr().err
    assert "--naive" in err
    assert err.count("\n") == 1
    assert cli.run([*command, f"--naive={tmp_path}/nothing.png"]) == 2
    err = capsys.readouterr().err
    assert "nothing.png' does not exist" in err
    assert err.count("\n") == 1
    assert cli.run([*command, f"--naive={naive}"]) == 0
    out, err = capsys.readouterr()
    sharper, no_mask = err.splitlines()
    assert sharper.startswith("consingan: note: the naive picture (110x60) is sharper than")
    assert no_mask.endswith("beside the naive picture: the whole picture is repainted")
    assert out.splitlines()[-1] == f"Look at: {tmp_path}/new/sheet.png"
    mask = _mask(tmp_path / "other.png", 4, 5, 14, 15)
    assert cli.run([*command, f"--naive={naive}", f"--mask={mask}", "--seed=5"]) == 0
    assert (tmp_path / "new" / "result.png").is_file()
    assert capsys.readouterr().err.count("\n") == 1
