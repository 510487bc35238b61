"""Trainings are processes of their own: they queue, stop, go on, and outlive everybody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY
from consingan_studio.trainings import Request, Training, Trainings

import consingan
from consingan import RunError
from consingan.testing import tiny_picture

PATIENCE = 120
"""Seconds that something may take on a busy machine."""


Start = Callable[[Path], Trainings]


@pytest.fixture
def started() -> Iterator[Start]:
    """Makes `Trainings` whose processes are waited for at the end."""
    made: list[Trainings] = []

    def start(runs: Path) -> Trainings:
        made.append(Trainings(runs))
        return made[-1]

    yield start
    for trainings in made:
        trainings.wait(PATIENCE)


def _request(folder: Path, **options: Any) -> Request:
    file = folder / "photo.png"
    tiny_picture(32, 48).save(file)
    return Request(picture=file, mode="generation", preset="draft", options={**TINY, **options})


def _wait(trainings: Trainings, name: str, until: Callable[[Training], bool]) -> Training:
    ends = time.monotonic() + PATIENCE
    while not until(found := trainings.get(name)):
        assert time.monotonic() < ends, found
        time.sleep(0.1)
    return found


def test_they_queue_stop_and_go_on(started: Start, tmp_path: Path) -> None:
    trainings = started(tmp_path / "runs")
    first = trainings.submit(_request(tmp_path, niter=100_000))
    second = trainings.submit(_request(tmp_path))
    third = trainings.submit(_request(tmp_path, seed=3))
    (tmp_path / "photo.png").unlink()  # they have copies
    begun = _wait(trainings, first, lambda training: training.progress.step > 0)
    assert 0 <= begun.progress.share < 1
    assert begun.progress.seconds_left is not None
    assert [each.state for each in trainings.all()] == ["waiting", "waiting", "training"]
    trainings.stop(second)
    assert trainings.get(second).state == "stopped"
    Trainings(tmp_path / "runs").stop(first)  # as from a server that was started again
    stopped = _wait(trainings, first, lambda training: training.state == "stopped")
    _wait(trainings, third, lambda training: training.state == "complete")
    assert stopped.progress.run is not None
    assert consingan.open_run(stopped.progress.run).state.status == "stopped"
    trainings.go_on(first)
    resumed = _wait(trainings, first, lambda training: training.progress.step > 0)
    assert resumed.progress.run == stopped.progress.run
    trainings.stop(first)
    _wait(trainings, first, lambda training: training.state == "stopped")
    trainings.forget(first)
    with pytest.raises(RunError, match="no such training"):
        trainings.get(first)
    assert stopped.progress.run.exists()


def test_what_cannot_be_trained_says_why(started: Start, tmp_path: Path) -> None:
    trainings = started(tmp_path / "runs")
    name = trainings.submit(_request(tmp_path, filters=0))
    failed = _wait(trainings, name, lambda training: training.progress.ended is not None)
    assert failed.state == "failed"
    assert "filters: input should be greater than or equal to 1" in failed.progress.error


def test_a_damaged_request_is_no_training(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path)
    for number, content in enumerate(("", "[]", "{}")):
        folder = trainings.folder / f"a{number}"
        folder.mkdir(parents=True)
        (folder / "request.json").write_text(content)
    assert trainings.all() == []
