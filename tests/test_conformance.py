"""The conformance suite: every built-in mode passes it, and each of its tests can fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from consingan import Listener, Mode, Options, Run, Size, TrainOptions, hookimpl
from consingan.core.pictures.outputs import Outputs
from consingan.core.sampling.sampler import Sampler
from consingan.loading import find_plugins
from consingan.modes.animation import Animation
from consingan.modes.editing import Editing
from consingan.modes.generation import Generation
from consingan.modes.harmonization import Harmonization
from consingan.modes.retarget import Retarget
from consingan.testing import ListenerTests, ModeTests, tiny_picture, train_tiny


def _naive(folder: Path) -> dict[str, Any]:
    tiny_picture(16, 24).save(folder / "naive.png")
    tiny_picture(16, 24).convert("L").save(folder / "naive_mask.png")
    return {"naive": folder / "naive.png"}


class TestGeneration(ModeTests):
    mode = Generation

    def apply_options(self, folder: Path) -> dict[str, Any]:
        return {"num_samples": 2}


class TestRetarget(ModeTests):
    mode = Retarget

    def apply_options(self, folder: Path) -> dict[str, Any]:
        return {"num_samples": 1, "sizes": "40x20"}  # by default, two sizes of each sample


class TestAnimation(ModeTests):
    mode = Animation

    def apply_options(self, folder: Path) -> dict[str, Any]:
        return {"frames": 3}


class TestHarmonization(ModeTests):
    mode = Harmonization

    def apply_options(self, folder: Path) -> dict[str, Any]:
        return _naive(folder)


class TestEditing(ModeTests):
    mode = Editing

    def apply_options(self, folder: Path) -> dict[str, Any]:
        return _naive(folder)


def test_every_built_in_mode_is_among_these() -> None:
    found = find_plugins().modes.values()
    built_in = {type(loaded.mode) for loaded in found if loaded.plugin.package == "consingan"}
    assert built_in == {
        suite.mode for suite in ModeTests.__subclasses__() if suite.mode in built_in
    }


class Plain(Mode[TrainOptions, Options]):
    """Nothing but what a mode must have."""

    name = "plain"
    summary = "Plain."

    @hookimpl
    def apply(self, sampler: Sampler, options: Options, outputs: Outputs) -> None:
        outputs.save("plain", sampler.reconstruction())


def _plain(**attributes: Any) -> type[Plain]:
    return type("Spoilt", (Plain,), attributes)


class _Outside:
    """Hooks with one fault each."""

    @hookimpl
    def training_input(self, pyramid: Sequence[Tensor]) -> Tensor:
        return torch.randn_like(pyramid[0])

    @hookimpl
    def fixed_input(self, pyramid: Sequence[Tensor]) -> Tensor:
        return torch.randn_like(pyramid[0])

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        return [("too bright", sampler.picture + 2)]

    @hookimpl
    def stage_sizes(self, size: Size, options: TrainOptions) -> list[Size]:
        return [Size(size.height // stage, size.width // stage) for stage in (400, 1)]

    @hookimpl
    def stage_saved(self) -> None:
        Path("stray.txt").write_text("stray")


class NoisyApply(Plain):
    """Draws from the global source of random numbers."""

    @hookimpl
    def apply(self, sampler: Sampler, options: Options, outputs: Outputs) -> None:
        outputs.save("noise", torch.randn(1, 3, 8, 8))


class SilentOption(Options):
    """An option that says nothing."""

    quiet: int = 3


def _suite(mode: type[Mode[Any, Any]]) -> ModeTests:
    return type("Suite", (ModeTests,), {"mode": mode})()


Check = Callable[[ModeTests, Run, Path], None]
FAULTS: dict[str, tuple[type[Plain], Check]] = {
    "global randomness in training": (
        _plain(training_input=_Outside.training_input),
        ModeTests.test_resumed_equals_uninterrupted,
    ),
    "another fixed input each time": (
        _plain(fixed_input=_Outside.fixed_input),
        lambda suite, run, _: suite.test_its_reconstruction_is_always_the_same(run),
    ),
    "a preview out of range": (
        _plain(preview=_Outside.preview),
        lambda suite, run, _: suite.test_it_trains(run),
    ),
    "global randomness in apply": (NoisyApply, ModeTests.test_the_same_seed_applies_the_same),
    "a file elsewhere": (
        _plain(stage_saved=_Outside.stage_saved),
        ModeTests.test_nothing_is_written_outside_the_run,
    ),
    "an option without a word": (
        _plain(ApplyOptions=SilentOption),
        lambda suite, *_: suite.test_options_are_on_the_command_line("apply"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_suite_finds_a_fault(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mode, check = FAULTS[fault]
    run, plain = train_tiny(mode, tmp_path / "runs"), train_tiny(Plain, tmp_path / "runs")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    check(_suite(Plain), plain, tmp_path / "one")
    with pytest.raises(AssertionError):
        check(_suite(mode), run, tmp_path / "two")


def test_the_suite_finds_sizes_that_fit_no_small_picture(tmp_path: Path) -> None:
    suite = _suite(_plain(stage_sizes=_Outside.stage_sizes))
    with pytest.raises(Exception, match="stage sizes"):
        suite.test_any_picture_gets_stage_sizes((20, 30), 2, tmp_path)


class Quiet(Listener):
    """Hears one thing."""

    name = "quiet"
    summary = "Quiet."
    heard: ClassVar[list[str]] = []

    @hookimpl
    def run_failed(self, run: Run, error: BaseException) -> None:
        self.heard.append(type(error).__name__)


def _listeners_suite(listener: type[Listener]) -> ListenerTests:
    return type("Suite", (ListenerTests,), {"listener": listener})()


def test_the_suite_finds_a_listener_that_fails_or_changes_training(tmp_path: Path) -> None:
    class Fails(Quiet):
        @hookimpl
        def run_failed(self, run: Run, error: BaseException) -> None:
            raise ValueError(run.path)

    class Writes(Quiet):
        @hookimpl
        def run_started(self, run: Run) -> None:
            run.path.parents[3].joinpath("stray").write_text("stray")

    _listeners_suite(Quiet).test_it_hears_of_a_stop_without_failing(tmp_path / "zero")
    _listeners_suite(Quiet).test_training_is_the_same_with_it(tmp_path / "zero")
    assert Quiet.heard == ["KeyboardInterrupt"]
    with pytest.raises(AssertionError, match="listener Fails failed in run_failed"):
        type(
            "Suite", (ListenerTests,), {"listener": Fails}
        )().test_it_hears_of_a_stop_without_failing(tmp_path / "one")
    with pytest.raises(AssertionError, match="stray"):
        _listeners_suite(Writes).test_training_is_the_same_with_it(tmp_path / "two")
