"""What TensorBoard reads back is what the training said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from consingan_tensorboard import FOLDER, TensorBoard, options_table
from tensorboard.backend.event_processing.event_accumulator import IMAGES, EventAccumulator

from consingan import Run, cli
from consingan.core.hooks.dispatch import Hooks
from consingan.core.runs.records import SavedCheckpoint
from consingan.core.training.session import train_run
from consingan.modes.generation import Generation
from consingan.testing import ListenerTests, tiny_picture, train_tiny
from consingan.testing.trainings import Interrupt

UNEVEN = {"niter": 5, "last_share": 0.4}
"""Fewer iterations from stage to stage, as in every preset but the paper's."""


class TestTensorBoard(ListenerTests):
    listener = TensorBoard


def _read(folder: Path) -> Any:
    events = EventAccumulator(str(folder / FOLDER), {IMAGES: 0})
    events.Reload()
    return events


def test_losses_previews_and_options_are_there(tmp_path: Path) -> None:
    run = train_tiny(Generation, tmp_path, options=UNEVEN, listeners=[TensorBoard()])
    events = _read(run.path)
    assert run.options.iterations(3) == [5, 4, 2]
    logged = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    points = [(point.step, point.value) for point in events.Scalars("loss/reconstruction")]
    before = (0, 5, 9)
    assert [step for step, _ in points] == [before[row["stage"]] + row["step"] for row in logged]
    values = [row["reconstruction"] for row in logged]
    assert [value for _, value in points] == pytest.approx(values)
    assert all(point.value > 0 for point in events.Scalars("speed/steps a second"))
    shown = events.Images("preview/reconstruction")
    assert [(image.step, image.width, image.height) for image in shown] == [
        (stage + 1, size.width, size.height) for stage, size in enumerate(run.sizes)
    ]
    text = events.Tensors("options/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text == options_table(run)
    assert "| filters | 4 |" in text
    assert "| mode | generation |" in text


def test_a_resumed_run_goes_on_in_the_same_curves(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_tiny(Generation, tmp_path, listeners=[TensorBoard(), Interrupt()])
    [folder] = tmp_path.glob("*/*")
    run = Run.open(folder, lambda _: Hooks(Generation(), [TensorBoard()]))
    train_run(run, "cpu")
    assert len(list((folder / FOLDER).iterdir())) == 2
    steps = [point.step for point in _read(folder).Scalars("loss/critic")]
    assert steps == [stage * run.options.niter + run.options.niter for stage in range(3)]


@pytest.mark.parametrize(("step", "first"), [(0, 6), (3, 9)])
def test_only_what_is_trained_again_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, first: int
) -> None:
    purged = []
    monkeypatch.setattr(
        "torch.utils.tensorboard.SummaryWriter",
        lambda _, purge_step: purged.append(purge_step) or MagicMock(),
    )
    run = train_tiny(Generation, tmp_path, UNEVEN)
    saved = SavedCheckpoint(stage=1, step=3, seconds=1, sha256="0" * 64) if step else None
    changes = {"stages": run.state.stages[:1], "checkpoint": saved}
    run.state = run.state.model_copy(update=changes)
    TensorBoard().run_started(run)
    assert purged == [first]


def test_the_command_line_turns_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_picture().save("photo.png")
    tiny = ["--max-size=24", "--min-size=12", "--train-stages=2", "--niter=2", "--filters=4"]
    for asked in ([], ["--listen", "tensorboard"]):
        assert cli.run(["generation", "train", "photo.png", *tiny, *asked]) == 0
        [newest] = sorted(tmp_path.glob("runs/photo/*"))[-1:]
        assert (newest / FOLDER).exists() == bool(asked)
