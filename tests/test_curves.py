"""The curves of a training: what is logged at which steps, and how it is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import consingan
from consingan import Run, cli
from consingan.core.hooks.events import LOGGED_EVERY
from consingan.core.pictures.curves import HEIGHT, LINE, WIDTH, draw_curves
from consingan.core.runs.metrics_file import METRICS, read_losses
from consingan.errors import RunError
from tests.conftest import TINY, image_size, tiny_image


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of one stage, which no test changes."""
    options = {**TINY, "train_stages": 1, "niter": 2 * LOGGED_EVERY + 2}
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("runs"), **options)


def test_the_steps_that_are_logged_are_the_same_everywhere(run: Run) -> None:
    assert [entry.step for entry in read_losses(run.path)] == [20, 40, 42]


def test_curves_on_the_command_line(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new" / "curves.png"
    assert cli.run(["show", str(run.path), f"--curves={file}"]) == 0
    assert str(file) in capsys.readouterr().err
    assert image_size(file) == (WIDTH, 3 * HEIGHT)


def test_curves_rise_where_the_values_do() -> None:
    image = np.asarray(draw_curves([0, 50, 100], {"a": [0.0, 1.0, 0.0]}, {0: "stage 1"}))
    rows, columns = np.nonzero((image == LINE).all(axis=-1))
    tops = {x: rows[columns == x].min() for x in (80, 475, 860)}
    assert tops[475] < min(tops[80], tops[860])


def test_spikes_do_not_flatten_the_rest() -> None:
    values = [float(n % 2) for n in range(200)]
    values[100] = 1e9
    image = np.asarray(draw_curves(range(200), {"a": values}, {}))
    rows = np.nonzero((image == LINE).all(axis=-1))[0]
    assert np.ptp(rows) > HEIGHT / 2


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0]])
def test_few_or_equal_values_are_drawn(values: list[float]) -> None:
    image = np.asarray(draw_curves(range(len(values)), {"a": values}, {}))
    assert (image == LINE).all(axis=-1).any()


def test_damaged_lines_are_left_out(tmp_path: Path) -> None:
    good = {"stage": 0, "step": 20, "critic": 1, "adversarial": 2, "reconstruction": 3}
    lines = [{**good, "critic": 9}, good, {**good, "step": "a"}, {**good, "critic": float("nan")}]
    text = "\n".join([*map(json.dumps, lines), "{", "[]", "", '{"stage": 0}'])
    (tmp_path / METRICS).write_text(text)
    assert [entry.losses for entry in read_losses(tmp_path)] == [(1.0, 2.0, 3.0)]
    assert read_losses(tmp_path / "none") == []


def test_a_run_without_losses_has_no_curves(run: Run, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    (copy / METRICS).unlink()
    with pytest.raises(RunError, match="no losses"):
        consingan.open_run(copy).curves()
