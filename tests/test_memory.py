"""What a training needs is known before it begins, and what can't fit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from consingan import cli
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.system.memory import free_memory
from consingan.core.training import memory
from consingan.core.training.memory import check_memory, step_memory
from consingan.errors import OptionError

CPU = torch.device("cpu")


def test_memory_grows_with_the_picture_but_not_beyond_a_window() -> None:
    whole, windows = TrainOptions(), TrainOptions(window=96)
    assert step_memory(Size(500, 500), whole) == 4 * step_memory(Size(250, 250), whole)
    assert step_memory(Size(1080, 1920), windows) == step_memory(Size(250, 250), windows)
    assert step_memory(Size(250, 250), windows) < step_memory(Size(250, 250), whole)
    normalized = windows.model_copy(update={"batch_norm": True})  # stages below are computed whole
    assert step_memory(Size(250, 250), normalized) > step_memory(Size(250, 250), windows)


def test_estimates_cover_what_was_measured() -> None:
    # Megabytes that a step of the largest stage added, float32, on two threads.
    measured = {(187, 250, 3, 64): 476, (300, 400, 3, 64): 1199, (187, 250, 2, 64): 378}
    measured |= {(187, 250, 3, 32): 221}
    for (height, width, layers, filters), megabytes in measured.items():
        options = TrainOptions(layers=layers, filters=filters)
        assert 1 <= step_memory(Size(height, width), options) / 2**20 / megabytes < 1.3
    windows = {(250, 96): 155, (600, 192): 465}
    for (side, window), megabytes in windows.items():
        options = TrainOptions(window=window)
        assert 1 <= step_memory(Size(side * 3 // 4, side), options) / 2**20 / megabytes < 1.5


def test_what_does_not_fit_is_refused_with_a_setting_that_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = [Size(25, 25), Size(2000, 3000)]
    monkeypatch.setattr(memory, "free_memory", lambda device: 2_000_000_000)
    with pytest.raises(OptionError, match=r"about 66.0 GB of memory, and 2.0 GB are free") as error:
        check_memory(sizes, TrainOptions(), CPU)
    window = int(str(error.value).rpartition("--window ")[2])
    check_memory(sizes, TrainOptions(window=window), CPU)
    with pytest.raises(OptionError, match="use fewer"):
        check_memory(sizes, TrainOptions(window=96, filters=10_000), CPU)


def test_where_nothing_is_known_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: None)
    check_memory([Size(9000, 9000)], TrainOptions(), CPU)
    assert free_memory(torch.device("meta")) is None


def test_a_training_that_does_not_fit_leaves_no_run(
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda device: 10_000)
    out = tmp_path / "runs"
    arguments = ["generation", "train", str(photo), "--min-size", "12", "--runs", str(out)]
    assert cli.run(arguments) == 2
    assert "0.0 GB are free; use fewer" in capsys.readouterr().err
    assert not out.exists()
