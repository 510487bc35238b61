"""One training, several uses: applied by another mode, and trained further."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import consingan
from consingan import Note, Run, cli, to_tensor
from consingan.core.runs.listing import list_runs
from consingan.errors import OptionError, RunError
from tests.conftest import TINY, image_size, tiny_image

OPTIONS: dict[str, Any] = {**TINY, "lr_generator": 0.01}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run of generation, which no test changes."""
    folder = tmp_path_factory.mktemp("runs")
    consingan.train(tiny_image(), name="castle", runs=folder, **OPTIONS)
    return folder


@pytest.fixture(scope="module")
def run(runs: Path) -> Run:
    return consingan.open_run("castle", runs=runs)


def test_another_mode_applies_the_run(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["retarget", "apply", "castle", f"--runs={runs}", "--sizes=40x16", "--num-samples=1"]
    assert cli.run([*command, f"--out={tmp_path}/wide.png"]) == 0
    assert "note: the run was trained for generation: what lies at the" in capsys.readouterr().err
    assert image_size(tmp_path / "wide.png") == (40, 16)
    with pytest.warns(Note, match="may end up anywhere"):
        opened = consingan.open_run("castle", runs=runs, apply_mode="retarget")
    assert opened.mode == "generation"
    made = opened.apply(tmp_path / "again.png", sizes="40x16", num_samples=1)
    assert made[0].read_bytes() == (tmp_path / "wide.png").read_bytes()


def test_a_name_finds_the_run_that_the_mode_can_apply(tmp_path: Path) -> None:
    picture = tiny_image()
    wanted = consingan.train(picture, name="castle", runs=tmp_path, **OPTIONS)
    other = consingan.train(picture, name="castle", runs=tmp_path, mode="animation", **OPTIONS)
    assert consingan.open_run("castle", runs=tmp_path).path == other.path  # it is newer
    with pytest.warns(Note, match="may end up anywhere"):
        opened = consingan.open_run("castle", runs=tmp_path, mode="retarget", apply_mode="retarget")
    assert opened.path == wanted.path


def test_modes_that_train_otherwise_are_refused(runs: Path) -> None:
    with pytest.raises(OptionError, match="use: consingan generation apply"):
        consingan.open_run("castle", runs=runs, apply_mode="animation")


def test_its_own_mode_needs_no_note(runs: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = consingan.open_run("castle", runs=runs, apply_mode="generation")
    assert opened.applier is opened.hooks


def test_refining_goes_on_where_training_ended(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    first: list[torch.Tensor] = []

    class Watch:
        @consingan.hookimpl
        def stage_started(self, event: consingan.StageStarted) -> None:
            counted.append((event.stage, event.niter))

    counted: list[tuple[int, int]] = []
    refined = consingan.refine(run, 5, runs=tmp_path, listeners=[Watch()], lr_generator=1e-12)
    assert counted == [(2, 5)]
    assert refined.complete
    assert refined.config.parent == str(run.path.resolve())
    assert not refined.config.fine_tuned
    assert {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()} == before
    # With next to no learning rate, it is where it began: at the parent's end.
    first = [each.sampler("cpu").sample(0) for each in (run, refined)]
    torch.testing.assert_close(*first, atol=1e-3, rtol=0)


def test_refining_learns(run: Run, tmp_path: Path) -> None:
    refined = consingan.refine(run, 30, runs=tmp_path, reconstruction_weight=100)
    picture = to_tensor(tiny_image().resize((24, 16)))
    errors = [
        float((each.sampler("cpu").reconstruction() - picture).square().mean())
        for each in (run, refined)
    ]
    assert errors[1] < errors[0]
    again = consingan.refine(refined, 1, runs=tmp_path)
    assert again.config.parent == str(refined.path.resolve())


def test_what_the_parent_settled_cannot_change(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="refining keeps it at 4"):
        consingan.refine(run, 5, runs=tmp_path, filters=8)
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_run_is_not_refined(tmp_path: Path) -> None:
    class Stop:
        @consingan.hookimpl
        def stage_saved(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consingan.train(tiny_image(), runs=tmp_path, listeners=[Stop()], **OPTIONS)
    with pytest.raises(RunError, match="unfinished"):
        consingan.refine("latest", 5, runs=tmp_path)


def test_a_fine_tuned_run_stays_tuned(tmp_path: Path) -> None:
    naive = tiny_image(seed=1)
    parent = consingan.train(tiny_image(), "editing", naive=naive, runs=tmp_path, **OPTIONS)
    refined = consingan.refine(parent, 1, runs=tmp_path)
    assert not refined.config.fine_tuned
    assert refined.sampler("cpu").fine_tuned is None
    assert refined.sampler("cpu").naive is not None
    tuned = consingan.fine_tune(parent, naive, runs=tmp_path, niter=1)
    again = consingan.refine(tuned, 1, runs=tmp_path)
    assert again.config.fine_tuned
    assert again.sampler("cpu").fine_tuned is not None


def test_refining_on_the_command_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    castle = consingan.open_run("castle", runs=runs).path
    assert cli.run(["refine", str(castle), "--niter=2", f"--runs={tmp_path}"]) == 0
    assert capsys.readouterr().out.startswith("Trained in ")
    (refined,) = list_runs(tmp_path)
    assert refined.parent == str(castle.resolve())
    assert cli.run(["show", refined.path]) == 0
    assert f"refined from {castle.resolve()}" in capsys.readouterr().out
    assert cli.run(["refine", str(castle)]) == 2
