"""Many runs: listing, comparing, naming and removing them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import consingan
from consingan import cli
from consingan.core.runs.listing import list_runs
from consingan.core.runs.locks import training_lock
from consingan.errors import RunError, RunNotFoundError
from tests.conftest import TINY, image_size, tiny_image


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with two, `castle` and `lake`, that no test changes."""
    runs = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(["castle", "lake"]):
        consingan.train(tiny_image(seed=seed), name=name, runs=runs, seed=seed, **TINY)
    return runs


@pytest.fixture
def runs(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, which is the default folder of runs."""
    copy = tmp_path / "elsewhere"
    shutil.copytree(finished, copy)
    monkeypatch.setenv("CONSINGAN_RUNS", str(copy))
    monkeypatch.chdir(tmp_path)
    return copy


def test_a_name_finds_the_run_of_a_picture_without_a_file(runs: Path) -> None:
    assert consingan.open_run("castle").path.parent == runs / "castle"
    assert consingan.open_run("latest").config.picture == "lake"


def test_a_pillow_image_is_named_by_its_file(photo: Path, tmp_path: Path) -> None:
    with Image.open(photo) as image:
        run = consingan.train(image, runs=tmp_path / "runs", **{**TINY, "train_stages": 1})
    assert run.config.picture == "photo"


def test_the_list_has_what_people_look_for(runs: Path) -> None:
    consingan.open_run("castle").apply(num_samples=0)
    lake, castle = list_runs()
    assert (lake.picture, castle.picture) == ("lake", "castle")
    assert (castle.mode, castle.preset, castle.size, castle.state) == (
        "generation",
        "default",
        (16, 24),
        "complete",
    )
    assert castle.seconds is not None
    assert castle.seconds > 0
    assert [name.endswith("-generation") for name in castle.applied] == [True]
    assert lake.applied == []


def test_damaged_and_stopped_runs_are_listed(runs: Path) -> None:
    first, second = (run.path for run in list_runs())
    state = Path(first) / "state.json"
    state.write_text(state.read_text().replace('"complete"', '"training"'))
    (Path(second) / "config.json").write_text("{}")
    assert [run.state for run in list_runs()] == ["stopped", "damaged"]
    with training_lock(Path(first)):
        assert list_runs()[0].state == "training"


def test_the_list_opens_only_small_files(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = open

    def note(path: Any, *arguments: Any, **options: Any) -> Any:
        read.append(Path(path).name)
        return original(path, *arguments, **options)

    monkeypatch.setattr("io.open", note)
    list_runs()
    assert sorted(read) == ["config.json"] * 2 + ["state.json"] * 2


def test_the_list_on_the_command_line(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert cli.run(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["picture"] for run in listed] == ["lake", "castle"]
    assert cli.run(["list"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:6] == ["run", "preset", "size", "state", "made", "took"]
    assert rows[0].split() == [f"{runs}/lake/"]
    assert rows[1].split()[1:4] == ["default", "24x16", "complete"]
    assert cli.run(["list", f"--runs={runs}/none"]) == 0
    assert "Next: consingan generation train PHOTO" in capsys.readouterr().out


def test_comparing(runs: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "both.png"
    found = consingan.compare("castle", "lake", 2, out=sheet)
    assert found.options == {"picture": ("castle", "lake"), "seed": (0, 1)}
    assert found.figures[0] != found.figures[1]
    assert found.figures[0].samples.pictures == 2
    assert found.sheet == sheet
    assert image_size(sheet)[1] > image_size(sheet)[0] / 2  # two samples below each picture


def test_comparing_on_the_command_line(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["compare", "castle", "lake", "--num-samples=2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"1: {runs / 'castle'}")
    assert ["seed", "0", "1"] in [line.split() for line in lines]
    assert any(line.startswith("patch distance") for line in lines)
    assert not list(Path().glob("*.png"))


def test_removing(runs: Path) -> None:
    consingan.remove("castle")
    assert [folder.name for folder in runs.iterdir()] == ["lake"]
    with pytest.raises(RunNotFoundError):
        consingan.remove("castle")


def test_a_run_that_trains_is_not_removed(runs: Path) -> None:
    run = consingan.open_run("castle")
    with training_lock(run.path), pytest.raises(RunError, match="being trained"):
        consingan.remove(run)
    assert run.path.is_dir()


def test_a_folder_that_is_no_run_is_not_removed(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "config.json").write_text('{"name": "a website"}')
    (project / "thesis.txt").write_text("all of it")
    with pytest.raises(RunError):
        consingan.remove(project)
    assert (project / "thesis.txt").is_file()


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 2), ("", 1, 2)])
def test_removing_asks(
    runs: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: int
) -> None:
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO(answer))
    assert cli.run(["remove", "castle"]) == code
    assert len(list_runs()) == left


def test_removing_without_a_question(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["remove", "castle", "--yes"]) == 0
    assert capsys.readouterr().out.startswith(f"Removed: {runs / 'castle'}")
    assert len(list_runs()) == 1


def test_a_renamed_run_is_found_by_its_new_name(runs: Path) -> None:
    old = consingan.open_run("castle").path
    assert consingan.rename("castle", "old: castle") == runs / "old_ castle" / old.name
    assert not old.parent.exists()
    assert consingan.open_run("old: castle").samples(1)
    assert consingan.rename("old: castle", "old_ castle").name == old.name  # it is called so
    with pytest.raises(RunNotFoundError):
        consingan.open_run("castle")


def test_no_run_is_renamed_over_another_or_while_it_trains(runs: Path) -> None:
    castle = consingan.open_run("castle").path
    # Both may have been made within one second: then it is there already.
    (runs / "lake" / castle.name).mkdir(exist_ok=True)
    with pytest.raises(RunError, match="choose another name"):
        consingan.rename(castle, "lake")
    with training_lock(castle), pytest.raises(RunError, match="is being trained"):
        consingan.rename(castle, "tower")
    assert castle.exists()
