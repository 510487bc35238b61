"""The typed specifications of all hooks: those of modes and those of listeners.

Hooks marked `firstresult` are called on the active mode, or else on the defaults, and return a
result. The others are notifications that any number of listeners may receive. An exception in a
listener is reported and never stops training. This module imports no torch. A plugin's module
should not import torch at its top level either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

import pluggy

from consingan.core.hooks.events import StageSaved, StageStarted, StepLogged, WentBack
from consingan.core.options.fields import Options
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.runs.folder import RunFolder
    from consingan.core.sampling.sampler import Sampler

PROJECT = "consingan"

HOOKS_VERSION = 1
"""The version of the hooks. It increases by one with every change that can break a plugin."""
CHANGES: Mapping[int, str] = MappingProxyType({})
"""For each version from 2 on, one line: what changed, and what a plugin must change."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a method as the implementation of the hook with the same name."""

TrainT = TypeVar("TrainT", bound=TrainOptions)
ApplyT = TypeVar("ApplyT", bound=Options)


class ModeHooks(Generic[TrainT, ApplyT]):
    """The hooks of a mode."""

    @hookspec(firstresult=True)
    def stage_sizes(self, size: Size, options: TrainT) -> list[Size]:
        """The size of every stage, smallest first, ending with `size`.

        When: once, before a run is created, by `core/training/start.py`.
        Default: the paper's logarithmic spacing.

        Args:
            size: the training picture's size, after reduction to `options.max_size`.
            options: the mode's training options.

        Returns:
            The sizes of the stages, in pixels. No side may be smaller than at the stage before. The
            smallest side must be at least `options.receptive_field`, or the picture is rejected as
            too small.
        """

    @hookspec(firstresult=True)
    def known_pixels(self, size: Size, options: TrainT) -> Tensor | None:
        """Which of the picture's pixels may be learned from.

        Unknown pixels are replaced by smooth values from the known ones around them before
        training. At every stage, all losses leave out unknown pixels and patches that contain one.

        When: once, before a run is created, by `core/training/start.py`; the run stores the result.
        Default: None, which means all pixels.

        Args:
            size: the given picture's size, before reduction to `options.max_size`.
            options: the mode's training options.

        Returns:
            1 where the picture is known and 0 elsewhere, (1, 1, *size), on the CPU; or None.
        """

    @hookspec(firstresult=True)
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: TrainT,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The generator's input at stage 0 in one training step.

        When: at every step of every stage, by `core/training/stage_trainer.py`.
        Default: noise, N(0, 1).

        Args:
            pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1], on the device.
            options: the mode's training options.
            generator: the random number generator to use, on the device. Use no other.
            naive: the picture to fine-tune on, (1, 3, h, w) in [-1, 1]; None in other trainings.

        Returns:
            The input, (1, 3, h, w) like `pyramid[0]`. Any range of values is allowed; `apply`
            should use a similar input.
        """

    @hookspec(firstresult=True)
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: TrainT, generator: torch.Generator
    ) -> Tensor:
        """The fixed input at stage 0, from which the generator reconstructs the picture.

        When: once as training starts and at each apply, by `core/run.py`. It must return the same
        each time.
        Default: the training picture at stage 0.

        Args:
            pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1], on the device.
            options: the mode's training options.
            generator: the random number generator to use, on the CPU. Use no other.

        Returns:
            The input, (1, 3, h, w) like `pyramid[0]`, on any device.
        """

    @hookspec(firstresult=True)
    def preview(self, sampler: Sampler) -> Iterable[tuple[str, Tensor]]:
        """Pictures that show the progress of training.

        When: after each stage, by the listener that writes `previews/`.
        Default: the picture, its reconstruction and four samples.

        Args:
            sampler: makes pictures with the stages trained so far; `sampler.naive` is the picture
                of `train --naive`, if there is one.

        Returns:
            Captions and pictures, each (1, 3, H, W) in [-1, 1]. If you yield them, only one is in
            memory at a time.
        """

    @hookspec(firstresult=True)
    def apply(self, sampler: Sampler, options: ApplyT, outputs: Outputs) -> None:
        """Make the mode's pictures from a trained run.

        When: at `consingan MODE apply RUN` and `Run.apply()`, by `core/run.py`. An unfinished run
        is applied with the stages trained so far.
        Default: none; every mode must have this hook.

        Args:
            sampler: makes pictures, (1, 3, H, W) in [-1, 1], with the trained generator.
            options: the mode's apply options.
            outputs: saves the pictures. Write no files in any other way.

        Returns:
            Nothing. Raise a `ConsinganError` with a one-line message for errors of the user.
        """


class ListenerHooks:
    """The hooks of a listener. A mode may have them too."""

    @hookspec
    def run_started(self, run: RunFolder) -> None:
        """Training begins, or a stopped training is resumed.

        When: before the first stage that is to be trained, by `core/training/session.py`.

        Args:
            run: the run, with its folder, options and sizes.
        """

    @hookspec
    def stage_started(self, event: StageStarted) -> None:
        """A stage is about to train.

        When: before a stage's first step, by `core/training/loop.py`.

        Args:
            event: the stage, its size in pixels, its iterations, and how many parameters learn.
        """

    @hookspec
    def step_logged(self, event: StepLogged) -> None:
        """A step is done and its losses are known.

        When: about once a second, and at a stage's last step, by `core/training/loop.py`.

        Args:
            event: the stage, the step (from 1), the seconds in the stage, and the losses. The
                reconstruction loss is the mean squared error, for colours in [-1, 1].
        """

    @hookspec
    def went_back(self, event: WentBack) -> None:
        """A stage diverged or collapsed, and was rolled back to its last good state.

        It continues with lower learning rates.

        When: as soon as it is detected, within about a second, by `core/training/loop.py`.

        Args:
            event: the stage, the step it was rolled back to, what was wrong, and the factor on the
                learning rates.
        """

    @hookspec
    def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
        """A stage is trained and saved. An interruption cannot lose it any more.

        When: after a stage's files are written, by `core/training/loop.py`.

        Args:
            event: the stage, the number of stages, the seconds it took, and the mode's preview.
            sampler: makes pictures, (1, 3, H, W) in [-1, 1], with the stages trained so far.
        """

    @hookspec
    def run_ended(self, run: RunFolder) -> None:
        """All stages are trained.

        When: at the end, by `core/training/session.py`.

        Args:
            run: the finished run.
        """

    @hookspec
    def run_failed(self, run: RunFolder, error: BaseException) -> None:
        """Training stopped before its end. The saved stages are kept.

        When: after the failure is recorded in the run's folder, by `core/training/session.py`. The
        error is raised again afterwards.

        Args:
            run: the unfinished run.
            error: the reason; KeyboardInterrupt or Terminated if the user stopped it.
        """


class HookSpecs(ModeHooks[TrainOptions, Options], ListenerHooks):
    """All hooks."""
