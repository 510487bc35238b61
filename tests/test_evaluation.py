"""`consingan evaluate` and `consingan.evaluate`: what they score, refuse and print."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import consingan
from consingan import Evaluation, Run, cli, inception
from consingan.core.metrics.frechet import EarlyInception
from consingan.errors import ConsinganError, Note, OptionError, PictureError, RunError
from tests.conftest import TINY, tiny_image

MODES = ("generation", "retarget", "animation", "harmonization", "editing")
LIVELY = {**TINY, "lr_generator": 0.01}
"""After three steps at the usual rate, noise changes less than what eight bits show."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, which no test changes."""
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("runs"), **LIVELY)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file as torchvision publishes them: pickled, with more layers than are needed."""
    generator = torch.Generator().manual_seed(0)
    state = EarlyInception().state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point() and "bn" not in name:
            tensor.copy_(torch.randn(tensor.shape, generator=generator) / 5)
    torch.save({**state, "fc.weight": torch.zeros(10, 20)}, tmp_path / "inception.pth")
    return tmp_path / "inception.pth"


def _without_speed(evaluation: Evaluation) -> dict[str, Any]:
    return evaluation.model_dump(exclude={"megapixels_per_second"})


def _files(folder: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in folder.rglob("*")}


@pytest.fixture
def copies(run: Run, tmp_path: Path) -> Path:
    """A folder with two copies of the training picture, and what else lies beside samples."""
    folder = tmp_path / "copies"
    folder.mkdir()
    for name in ("a", "b"):
        shutil.copy(run.path / "picture.png", folder / f"{name}.png")
    tiny_image(9, 200).save(folder / "sheet.png")
    tiny_image(seed=5).save(folder / "castle-reconstruction.jpg")
    (folder / "options.json").write_text("{}")
    return folder


def test_the_same_seed_scores_the_same_and_writes_nothing(run: Run) -> None:
    before = _files(run.path)
    first = consingan.evaluate(run, num_samples=3)
    assert first.samples.pictures == 3
    assert (first.mode, first.size, first.source) == ("generation", (16, 24), "noise")
    assert _without_speed(consingan.evaluate(str(run.path), 3)) == _without_speed(first)
    assert consingan.evaluate(run, num_samples=3, seed=1).samples != first.samples
    assert first.megapixels_per_second > 0
    assert _files(run.path) == before


def test_the_samples_are_those_of_apply(run: Run, tmp_path: Path) -> None:
    run.apply(tmp_path / "made", num_samples=3, seed=7)
    found = consingan.evaluate(run, num_samples=3, seed=7, against=tmp_path / "made")
    assert found.against == found.samples


def test_copies_are_told(run: Run, copies: Path) -> None:
    found = consingan.evaluate(run, num_samples=2, against=copies)
    theirs = found.against
    assert theirs is not None
    assert theirs.pictures == 2
    assert (theirs.patch_distance, theirs.distance, theirs.nearest) == (0, 0, 0)
    assert theirs.in_place == 1
    assert theirs.diversity == pytest.approx(0, abs=1e-6)
    assert found.samples.distance >= found.samples.nearest > 0
    assert found.samples.diversity is not None
    assert found.samples.diversity > 0.01


def test_a_single_picture_has_no_diversity(run: Run, copies: Path) -> None:
    (copies / "b.png").unlink()
    found = consingan.evaluate(run, num_samples=2, against=copies)
    assert found.against is not None
    assert found.against.diversity is None


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_evaluated(mode: str, tmp_path: Path) -> None:
    found = consingan.evaluate(consingan.train(tiny_image(), mode, runs=tmp_path, **LIVELY), 3)
    repaints = mode in ("harmonization", "editing")
    assert found.source == ("changed pictures" if repaints else "noise")
    assert (found.samples.diversity is None) == repaints
    assert 0 < found.samples.nearest < found.samples.distance < 1
    assert found.reconstruction_psnr is not None
    assert 0 < found.reconstruction_psnr < 99
    assert found.reconstruction_ssim is not None


@pytest.mark.parametrize(("width", "note"), [(24, None), (48, "2 of 2 were resized to 24x16")])
def test_pictures_of_another_size_are_resized(
    run: Run, tmp_path: Path, width: int, note: str | None
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    with Image.open(run.path / "picture.png") as picture:
        for index in range(2):
            large = picture.resize((width, width * 2 // 3), Image.Resampling.NEAREST)
            large.save(folder / f"{index}.png")
    if note is None:
        found = consingan.evaluate(run, num_samples=2, against=folder)
    else:
        with pytest.warns(Note, match=note):
            found = consingan.evaluate(run, num_samples=2, against=folder)
    assert found.against is not None
    assert found.against.distance < 0.05


def test_another_aspect_ratio_is_refused(run: Run, copies: Path) -> None:
    tiny_image(16, 30).save(copies / "wide.png")
    with pytest.raises(PictureError, match=r"wide\.png' has 30x16 pixels but .* 24x16"):
        consingan.evaluate(run, num_samples=2, against=copies)


def test_jpeg_is_scored_with_a_note(run: Run, tmp_path: Path) -> None:
    (tmp_path / "jpeg").mkdir()
    tiny_image(16, 24).save(tmp_path / "jpeg" / "1.JPG")
    with pytest.warns(Note, match="holds JPEG files"):
        found = consingan.evaluate(run, num_samples=2, against=tmp_path / "jpeg")
    assert found.against is not None
    # The picture itself, less what JPEG takes of 24x16 pixels of noise.
    assert 0 < found.against.distance < 0.2


def test_too_few_samples_and_pictures_are_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="samples: diversity needs 2 samples or more"):
        consingan.evaluate(run, num_samples=1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "sheet.png").write_bytes(b"")
    with pytest.raises(OptionError, match=r"against: .*empty' holds no pictures"):
        consingan.evaluate(run, num_samples=2, against=tmp_path / "empty")
    with pytest.raises(OptionError, match=r"against: cannot read .*none'"):
        consingan.evaluate(run, num_samples=2, against=tmp_path / "none")


def test_unfinished_runs_are_refused(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "half")
    state = json.loads((tmp_path / "half" / "state.json").read_text())
    state["stages"].pop()
    (tmp_path / "half" / "state.json").write_text(json.dumps(state))
    with pytest.raises(RunError, match=r"2 of 3 stages are trained; finish .* resume '.*half'"):
        consingan.evaluate(tmp_path / "half", num_samples=2)


def test_sifid_needs_weights(run: Run, weights: Path, copies: Path) -> None:
    assert consingan.evaluate(run, num_samples=2).samples.sifid is None
    found = consingan.evaluate(run, num_samples=2, inception=weights, against=copies)
    assert found.inception == str(weights)
    assert found.samples.sifid is not None
    assert found.samples.sifid > 0
    assert found.against is not None
    assert found.against.sifid == pytest.approx(0, abs=1e-6)


def test_linked_weights_are_read(run: Run, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "file.pth").symlink_to(weights)
    assert inception.load_inception(tmp_path / "links" / "file.pth")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("Conv2d_2b_3x3.bn.bias"), "no tensor Conv2d_2b_3x3.bn.bias of"),
        (
            lambda state: state.update({"Conv2d_1a_3x3.conv.weight": torch.zeros(3)}),
            r"no tensor Conv2d_1a_3x3.conv.weight of shape \(32, 3, 3, 3\)",
        ),
        (lambda state: state.update({"fc.weight": print}), "could run any code"),
    ],
)
def test_other_weights_are_refused(weights: Path, change: Any, message: str) -> None:
    state = torch.load(weights, weights_only=True)
    change(state)
    torch.save(state, weights)
    with pytest.raises(RunError, match=f"inception.pth' .*{message}.*as torchvision or"):
        inception.load_inception(weights)


def test_weights_are_downloaded_once(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def download(url: str, file: str, checksum: str, progress: bool) -> None:
        asked.append((url, checksum))
        shutil.copy(weights, file)

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    with pytest.warns(Note, match="downloading 104 MB"):
        file = inception.find_inception("download")
    assert file.parent == tmp_path / "hub" / "checkpoints"
    assert inception.find_inception("download") == file
    assert asked == [(inception.URL, "0cc3c7bd")]


def test_a_failed_download_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    with (
        pytest.warns(Note),
        pytest.raises(ConsinganError, match="no route to host; get the file elsewhere and give"),
    ):
        inception.find_inception("download")


def test_the_command(run: Run, copies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", str(run.path), "--num-samples=2", f"--against={copies}"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert lines[0].endswith("generation on picture, 2 samples of 24x16")
    assert lines[1].split() == ["samples", "copies", "how", "to", "read", "it"]
    assert any(line.startswith("patch distance") and " 0.0000 " in line for line in lines)
    assert lines[-4].startswith("Best samples, by patch distance: ")
    assert lines[-3].startswith("Verdict: undertrained. ")
    assert lines[-2] == "Likely cause: too few iterations."
    train = f"Next: consingan generation train {run.path}/picture.png --name picture "
    assert lines[-1].startswith(train)
    assert "--filters 4" in lines[-1]  # as this run was trained
    assert "--niter 2000" in lines[-1]


def test_the_command_in_json(
    run: Run, copies: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [f"--against={copies}", f"--inception={weights}", "--json"]
    assert cli.run(["evaluate", str(run.path), "--num-samples=2", *arguments]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found["against"]["in_place"] == 1
    assert found["samples"]["sifid"] > 0
    assert Evaluation.model_validate(found).samples.pictures == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--num-samples=1"], 2, "--num-samples: diversity needs 2 samples or more"),
        (["--against=none"], 2, "--against: cannot read 'none': No such file or directory"),
        (["--inception=none"], 2, "--inception: 'none' is not a file; give Inception-v3 weights"),
        (["--device=tpu"], 2, "--device: 'tpu' is not one of"),
    ],
)
def test_wrong_usage_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert cli.run(["evaluate", str(run.path), *arguments]) == code
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("mode", ["inpaint", "paint", "superres"])
def test_modes_that_repaint_are_scored_on_what_they_repaint(mode: str, tmp_path: Path) -> None:
    mask = Image.new("L", (30, 20))
    mask.paste(255, (0, 0, 2, 2))
    mask.save(tmp_path / "mask.png")
    options = {**TINY, "niter": 1, "train_stages": 2}
    if mode == "inpaint":
        options["mask"] = tmp_path / "mask.png"
    run = consingan.train(tiny_image(), mode, runs=tmp_path / "runs", **options)
    found = consingan.evaluate(run, 2)
    assert found.source == "changed pictures"
    assert found.samples.diversity is None
