"""The forecast, and what the terminal shows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

import consingan
from consingan import Size, TrainOptions
from consingan.core.events import StageStarted, StepLogged
from consingan.core.forecast import Forecast, step_work
from consingan.listeners.console import ConsoleProgress
from tests.conftest import TINY, tiny_image

SIZES = [Size(25, 38), Size(60, 89), Size(115, 171), Size(167, 250)]


def test_work_grows_with_the_pixels_of_a_stage() -> None:
    work = step_work(SIZES, TrainOptions())
    pixels = [size.height * size.width for size in SIZES]
    for stage in range(1, 4):
        assert work[stage] / work[0] == pytest.approx(pixels[stage] / pixels[0], rel=0.3)


def test_frozen_stages_cost_less_than_learning_ones() -> None:
    shallow = step_work(SIZES, TrainOptions(train_depth=1))
    deep = step_work(SIZES, TrainOptions(train_depth=4))
    assert shallow[-1] < deep[-1]
    assert shallow[0] == deep[0]


def test_time_left_counts_the_coming_stages() -> None:
    options = TrainOptions(niter=100)
    forecast = Forecast(SIZES, options)
    work = step_work(SIZES, options)
    assert forecast.stage_left(25, 10.0) == pytest.approx(30.0)
    # The last but one stage, half done in 50 s: 50 s more, then the last at the same speed.
    expected = 50 + 100 * work[3] / work[2]
    assert forecast.run_left(2, 50, 50.0) == pytest.approx(expected)
    assert forecast.run_left(3, 100, 50.0) == 0
    assert forecast.share_done(0, 0) == 0
    assert forecast.share_done(3, 100) == pytest.approx(1)


def _show(tmp_path: Path, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    run = consingan.train(tiny_image(), out=tmp_path, **TINY)
    progress = ConsoleProgress(console)
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


def test_without_a_terminal_there_are_plain_lines_only(tmp_path: Path) -> None:
    shown = _show(tmp_path, terminal=False)
    assert "\x1b" not in shown
    assert shown.splitlines() == ["picture: generation, 3 stages to 24x16 pixels"]
