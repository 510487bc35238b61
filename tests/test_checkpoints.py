"""Training goes on within a stage to the very same result, and from trouble to a better one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import consingan
from consingan import Mode, Options, Run, TrainOptions, hookimpl
from consingan.core.hooks.dispatch import Hooks
from consingan.core.hooks.events import StepLogged, WentBack
from consingan.core.options.fields import parse_options
from consingan.core.training import divergence, loop
from consingan.core.training.stage_trainer import StageTrainer
from consingan.errors import Note, RunError
from consingan.listeners import log
from tests.conftest import TINY, tiny_image

MODES = ("generation", "retarget", "animation", "harmonization", "editing")
OPTIONS: dict[str, Any] = {
    **TINY,
    "precision": "auto",
    "niter": 7,
    "last_share": 0.7,
    "averaging": 0.9,
    "window": 0,
}


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses are looked at and logged, and a checkpoint may be saved, after every step."""
    monkeypatch.setattr(loop, "LOG_SECONDS", 0.0)
    monkeypatch.setattr(log, "LOGGED_EVERY", 1)


class StopAt:
    """Stops training after given steps of given stages, each once."""

    def __init__(self, *places: tuple[int, int]) -> None:
        self.places = list(places)

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        """Stop, as Ctrl-C does."""
        if (event.stage, event.step) in self.places:
            self.places.remove((event.stage, event.step))
            raise KeyboardInterrupt


def _weights(run: Run) -> list[dict[str, torch.Tensor]]:
    return [load_file(file) for file in sorted((run.path / "stages").glob("*.safetensors"))]


def _same(one: Run, other: Run) -> bool:
    a, b = _weights(one), _weights(other)
    return len(a) == len(b) and all(
        x.keys() == y.keys() and all(x[name].equal(y[name]) for name in x)
        for x, y in zip(a, b, strict=True)
    )


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize(
    ("mode", "optimizer"), [*((mode, "adam") for mode in MODES), ("generation", "muon")]
)
def test_a_stopped_stage_goes_on_to_the_same_weights(
    tmp_path: Path, mode: str, optimizer: str
) -> None:
    options = {**OPTIONS, "optimizer": optimizer}
    whole = consingan.train(tiny_image(), mode, runs=tmp_path / "whole", **options)
    stop = StopAt((0, 3), (0, 6), (1, 1), (2, 5))
    out = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        consingan.train(
            tiny_image(), mode, runs=out, listeners=[stop], checkpoint_every=0, **options
        )
    for left in (3, 2, 1):
        assert len(stop.places) == left
        with pytest.raises(KeyboardInterrupt):
            consingan.resume("latest", runs=out, listeners=[stop], checkpoint_every=0)
    run = consingan.resume("latest", runs=out, checkpoint_every=0)
    assert _same(run, whole)
    assert not list((run.path / "checkpoints").iterdir())
    assert run.state.checkpoint is None


@pytest.mark.usefixtures("every_step")
def test_steps_before_the_checkpoint_are_not_done_again(tmp_path: Path) -> None:
    stop = StopAt((1, 4))
    with pytest.raises(KeyboardInterrupt):
        consingan.train(
            tiny_image(), runs=tmp_path, listeners=[stop], checkpoint_every=0, **OPTIONS
        )
    run = consingan.resume("latest", runs=tmp_path, checkpoint_every=0)
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    logged = [(line["stage"], line["step"]) for line in map(json.loads, lines)]
    assert logged.count((1, 3)) == 1
    assert logged.count((1, 4)) == 2  # stopped before that step was saved
    assert logged.count((1, 1)) == 1


@pytest.mark.usefixtures("every_step")
@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"x"), Path.unlink])
def test_a_damaged_checkpoint_only_costs_its_stage(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    whole = consingan.train(tiny_image(), runs=tmp_path / "whole", **OPTIONS)
    out = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        consingan.train(
            tiny_image(), runs=out, listeners=[StopAt((1, 4))], checkpoint_every=0, **OPTIONS
        )
    (file,) = out.glob("*/*/checkpoints/*")
    damage(file)
    with pytest.warns(Note, match="stage 2 starts over"):
        run = consingan.resume("latest", runs=out)
    assert _same(run, whole)


def test_the_last_checkpoint_survives_any_kill(tmp_path: Path) -> None:
    whole = consingan.train(tiny_image(), runs=tmp_path / "whole", preset="default", **OPTIONS)
    code = (
        "import sys, consingan; from consingan.core.training import loop; loop.LOG_SECONDS = 0.0;"
        "from tests.conftest import tiny_image; from tests.test_checkpoints import OPTIONS;"
        "out = sys.argv[1];"
        "consingan.train(tiny_image(), runs=out, checkpoint_every=0, **OPTIONS)"
        " if len(sys.argv) == 2 else consingan.resume('latest', runs=out, checkpoint_every=0)"
    )
    out = tmp_path / "killed"
    for attempt, wait in enumerate((0.0, 0.05, 0.15)):
        command = [sys.executable, "-c", code, str(out), *["again"] * (attempt > 0)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        known = {file.name for file in out.glob("*/*/checkpoints/*")}
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if {file.name for file in out.glob("*/*/checkpoints/*")} - known:
                break
            time.sleep(0.005)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
    run = consingan.open_run("latest", runs=out)
    if not run.complete:
        run = consingan.resume("latest", runs=out)
    assert _same(run, whole)


class Poisoned(Mode[TrainOptions, Options]):
    """Feeds what is no number, at some steps of the second stage, for the first few times."""

    name = "poisoned"
    summary = "Goes wrong."

    def __init__(self, times: int, every: int) -> None:
        self.left, self.every = times, every
        self.calls = 0

    @hookimpl
    def training_input(self, pyramid: Any, options: Any, generator: Any, naive: Any) -> Any:
        """Noise, or poison."""
        self.calls += 1
        drawn = torch.randn(pyramid[0].shape, generator=generator)
        if self.calls > 9 and self.calls % self.every == 0 and self.left:
            self.left -= 1
            return drawn * float("nan")
        return drawn

    @hookimpl
    def apply(self, sampler: Any, options: Any, outputs: Any) -> None:
        """Nothing."""


class Troubles:
    """Collects what went wrong."""

    def __init__(self) -> None:
        self.events: list[WentBack] = []

    @hookimpl
    def went_back(self, event: WentBack) -> None:
        """Keep it."""
        self.events.append(event)


def _poisoned_run(out: Path, times: int, every: int, listener: object) -> Run:
    return _run_of(Poisoned(times, every), out, OPTIONS, listener)


def _run_of(mode: Mode[Any, Any], out: Path, values: dict[str, Any], listener: object) -> Run:
    from consingan.core.pictures.reading import from_image
    from consingan.core.runs.records import Plugin
    from consingan.core.training.start import create_run
    from consingan.listeners.log import MetricsLog

    hooks = Hooks(mode, [MetricsLog(), listener])
    options = parse_options(TrainOptions, values)
    plugin = Plugin(package="tests", version="1")
    return create_run(
        out, from_image(tiny_image()), options, "paper", plugin, hooks, torch.device("cpu")
    )


@pytest.mark.usefixtures("every_step")
def test_losses_that_are_no_numbers_are_met(tmp_path: Path) -> None:
    from consingan.core.training.session import train_run

    troubles = Troubles()
    run = _poisoned_run(tmp_path, 2, 3, troubles)
    train_run(run, "cpu")
    assert run.complete
    assert len(troubles.events) == 2
    assert all("no longer numbers" in event.trouble for event in troubles.events)
    assert troubles.events[-1].rate < 1
    assert all(tensor.isfinite().all() for stage in _weights(run) for tensor in stage.values())
    recorded = (run.path / "metrics.jsonl").read_text()
    assert recorded.count("no longer numbers") == 2


@pytest.mark.usefixtures("every_step")
def test_a_stage_that_always_goes_wrong_ends_in_one_line(tmp_path: Path) -> None:
    from consingan.core.training.session import train_run

    run = _poisoned_run(tmp_path, 1000, 1, Troubles())
    with pytest.raises(RunError, match=r"no longer numbers, even after 3 attempts; try another"):
        train_run(run, "cpu")
    assert run.stages_done >= 1
    assert run.state.status == "failed"


def _collapse_at(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """Make what these steps of a training show one colour."""
    real_step, calls = StageTrainer.step, []

    def collapsing(trainer: StageTrainer, step: int) -> Any:
        losses = real_step(trainer, step)
        calls.append(step)
        if len(calls) in numbers:
            fake, real = trainer.last_pair
            trainer.last_pair = (torch.full_like(fake, -1.0), real)
        return losses

    monkeypatch.setattr(StageTrainer, "step", collapsing)


@pytest.mark.usefixtures("every_step")
def test_a_collapse_to_one_colour_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _collapse_at(monkeypatch, 6)
    troubles = Troubles()
    run = consingan.train(tiny_image(), runs=tmp_path, listeners=[troubles], **OPTIONS)
    assert run.complete
    assert [event.trouble for event in troubles.events] == ["what it makes collapsed to one colour"]


@pytest.mark.usefixtures("every_step")
def test_a_collapsed_state_is_never_what_training_goes_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _collapse_at(monkeypatch, 2, 3, 4)
    monkeypatch.setattr(divergence, "WARM_UP", 0.5)
    troubles = Troubles()
    consingan.train(
        tiny_image(), runs=tmp_path, listeners=[troubles], checkpoint_every=0, **OPTIONS
    )
    assert [(event.step, event.back) for event in troubles.events] == [(4, 1)]


class Deaf(Mode[TrainOptions, Options]):
    """Feeds noise that is next to nothing beside a picture: all that it makes is the same."""

    name = "deaf"
    summary = "Makes one picture."

    @hookimpl
    def training_input(self, pyramid: Any, options: Any, generator: Any, naive: Any) -> Any:
        """The picture, and a breath of noise."""
        return pyramid[0] + 1e-6 * torch.randn(pyramid[0].shape, generator=generator)

    @hookimpl
    def apply(self, sampler: Any, options: Any, outputs: Any) -> None:
        """Nothing."""


def test_samples_that_are_all_the_same_are_noticed(tmp_path: Path) -> None:
    from consingan.core.training.session import train_run

    troubles = Troubles()
    options = {**OPTIONS, "train_stages": 1, "niter": 120}
    run = _run_of(Deaf(), tmp_path, options, troubles)
    with pytest.raises(RunError, match="makes the same picture, even after 3 attempts"):
        train_run(run, "cpu")
    assert [event.step for event in troubles.events] == [120, 120, 120]
