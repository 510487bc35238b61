"""The forecast, and what the terminal shows."""

from __future__ import annotations

import io
import json
import shlex
import tempfile
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

import consingan
from consingan import Size, TrainOptions, cli
from consingan.core.hooks.dispatch import Hooks
from consingan.core.hooks.events import StageStarted, StepLogged
from consingan.core.pictures.resizing import build_pyramid
from consingan.core.pictures.tensors import to_tensor
from consingan.core.runs.records import SavedCheckpoint
from consingan.core.training.forecast import (
    Forecast,
    StageForecast,
    forecast,
    picture_work,
    step_work,
)
from consingan.listeners.console import ConsoleProgress
from consingan.modes.generation import Generation
from tests.conftest import TINY, tiny_image

SIZES = [Size(25, 38), Size(60, 89), Size(115, 171), Size(167, 250)]
STAGES = tuple(
    StageForecast(size, size, 1000, iterations, seconds, True)
    for size, iterations, seconds in zip(SIZES[:2], (100, 50), (0.1, 0.4), strict=True)
)


def test_work_grows_with_the_pixels_of_a_stage() -> None:
    work = step_work(SIZES, TrainOptions())
    pixels = [size.height * size.width for size in SIZES]
    for stage in range(1, 4):
        assert work[stage] / work[0] == pytest.approx(pixels[stage] / pixels[0], rel=0.3)


def test_work_on_windows_does_not_grow() -> None:
    sizes = [Size(25 * 2**stage, 38 * 2**stage) for stage in range(8)]
    work = step_work(sizes, TrainOptions(window=64))
    assert work[7] == pytest.approx(work[4], rel=0.05)


def test_frozen_stages_cost_less_than_learning_ones() -> None:
    shallow = step_work(SIZES, TrainOptions(train_depth=1))
    deep = step_work(SIZES, TrainOptions(train_depth=4))
    assert shallow[-1] < deep[-1]
    assert shallow[0] == deep[0]


def test_the_work_of_a_picture_counts_the_measuring_for_batch_norm_in_tiles() -> None:
    plain, normalized = TrainOptions(), TrainOptions(batch_norm=True)
    assert (
        picture_work(Size(30, 40), plain, 20) == picture_work(Size(30, 40), normalized, 40) == 1200
    )
    assert picture_work(Size(30, 40), normalized, 20) > 3 * 1200


def test_time_left_counts_the_coming_stages() -> None:
    known = Forecast(STAGES, picture_seconds=3.0, memory=0)
    assert known.seconds == pytest.approx(100 * 0.1 + 50 * 0.4 + 3)
    # The first stage is half done in 10 s, twice as long as thought: so will the second be.
    assert known.run_left(0, 50, 10.0) == pytest.approx(10 + 2 * 20)
    assert known.run_left(1, 50, 50.0) == 0
    assert known.share_done(0, 0) == 0
    assert known.share_done(0, 100) == pytest.approx(1 / 3)
    assert known.share_done(1, 50) == pytest.approx(1)


@pytest.mark.parametrize("mode", ["generation", "harmonization"])
def test_a_forecast_tells_what_training_does(mode: str) -> None:
    options = {**TINY, "niter": 4, "last_share": 0.5, "window": 0}
    known = consingan.plan(tiny_image(), mode, **options)
    run = consingan.train(tiny_image(), mode, runs=Path(tempfile.mkdtemp()), **options)
    assert [stage.size for stage in known.stages] == run.sizes
    assert [stage.iterations for stage in known.stages] == [4, 3, 2]
    assert all(stage.window == stage.size for stage in known.stages)
    assert known.memory > 50_000_000


def test_a_forecast_keeps_to_its_time() -> None:
    options = TrainOptions(niter=100, train_stages=6)
    picture = to_tensor(tiny_image(300, 300))
    pyramid = build_pyramid(picture, [Size(12 * k, 12 * k) for k in (1, 2, 4, 8, 16, 24)])
    started = time.monotonic()
    known = forecast(pyramid, options, Hooks(Generation()), torch.device("cpu"), budget=1.0)
    assert time.monotonic() - started < 15
    assert known.stages[0].measured
    assert not known.stages[-1].measured
    assert known.stages[-1].step_seconds > known.stages[0].step_seconds


def test_a_forecast_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_image().save(here / "photo.png")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    assert cli.run(["generation", "plan", "photo.png", "--json", *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [stage["width"] for stage in told["stages"]][-1] == 24
    assert told["seconds"] >= sum(stage["seconds"] for stage in told["stages"])
    assert cli.run(["generation", "plan", "photo.png", *options]) == 0
    out = capsys.readouterr().out
    assert "In all: about" in out
    assert out.splitlines()[-1].startswith("Next: consingan generation train photo.png")
    assert [file.name for file in here.iterdir()] == ["photo.png"]
    assert cli.run(["generation", "plan", "photo.png", "--window=20"]) == 2
    assert "--window: a window of 20 is too small; use 33" in capsys.readouterr().err


def test_a_plan_ends_with_the_command_that_trains_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_image().save(here / "my photo.png")
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    options += ["--preset=draft", "--runs=my runs", "--no-batch-norm", "--window=whole"]
    plan = ["editing", "plan", "my photo.png", "--naive=my photo.png", *options]
    assert cli.run(plan) == 0
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("Next: ")
    consingan_, *arguments = shlex.split(command)
    assert (consingan_, arguments[:3]) == ("consingan", ["editing", "train", "my photo.png"])
    assert cli.run(arguments) == 0
    run = consingan.open_run("latest", runs="my runs")
    assert (run.config.preset, run.options.window, run.options.batch_norm) == ("draft", 0, False)
    assert {name: getattr(run.options, name) for name in TINY} == TINY
    assert (run.path / "naive.png").is_file()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _show(
    tmp_path: Path, terminal: bool, done: int = 0, saved: SavedCheckpoint | None = None
) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    run = consingan.train(tiny_image(), runs=tmp_path, **TINY)
    changes = {"stages": run.state.stages[:done], "checkpoint": saved}
    run.state = run.state.model_copy(update=changes)
    progress = ConsoleProgress(console)
    progress.forecast = Forecast((*STAGES, STAGES[1]), picture_seconds=2.0, memory=5_000_000)
    progress.run_started(run)
    progress.stage_started(StageStarted(1, 3, Size(16, 24), 3, 1000))
    progress.step_logged(StepLogged(1, 1, 3, 10.0, 0.0, 0.0, 0.0))
    if progress._live is not None:
        progress._live.refresh()
    progress.run_ended()
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_live_block_shows_stage_step_speed_and_both_times_left(tmp_path: Path) -> None:
    shown = _show(tmp_path, terminal=True)
    assert "stage 2 of 3 (24x16), step 1 of 3, 0.1 steps a second" in shown
    assert "33%" in shown
    assert "20 s left" in shown
    assert shown.count(" left") >= 2


def test_a_run_that_goes_on_announces_what_is_left_of_it(tmp_path: Path) -> None:
    known = Forecast(STAGES, picture_seconds=3.0, memory=0)
    assert known.left(0, 0) == known.seconds
    assert known.left(1, 0) > known.left(1, 10) == pytest.approx(known.left(1, 0) - 10 * 0.4)
    assert known.left(2, 0) == 0
    assert "; about 21 s, 5 MB of memory" in _show(tmp_path / "a", terminal=False, done=2)
    saved = SavedCheckpoint(stage=2, step=25, seconds=1, sha256="0" * 64)
    assert "; about 11 s, 5 MB" in _show(tmp_path / "b", terminal=False, done=2, saved=saved)


def test_without_a_terminal_there_are_plain_lines_only(tmp_path: Path) -> None:
    shown = _show(tmp_path, terminal=False)
    assert "\x1b" not in shown
    assert shown.splitlines() == [
        "picture: generation, 3 stages to 24x16 pixels; about 52 s, 5 MB of memory"
    ]
