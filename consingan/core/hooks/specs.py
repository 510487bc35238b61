"""Every hook, typed, in one place. A mode answers some; a listener hears some; nothing else exists.

Hooks marked `firstresult` have one doer: the active mode, or else the defaults. The others are
notifications with any number of listeners; an exception in one is reported and never stops
training. This module imports no torch, and neither should a plugin's when it is loaded.
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
"""Goes up by one with every change that a plugin may have to follow."""
CHANGES: Mapping[int, str] = MappingProxyType({})
"""For each version from 2 on, what changed, and what a plugin has to do about it: one line."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a method as the implementation of the hook of its name."""

TrainT = TypeVar("TrainT", bound=TrainOptions)
ApplyT = TypeVar("ApplyT", bound=Options)


class ModeHooks(Generic[TrainT, ApplyT]):
    """What a mode may decide."""

    @hookspec(firstresult=True)
    def stage_sizes(self, size: Size, options: TrainT) -> list[Size]:
        """The size of every stage, smallest first, ending with `size`.

        When: once, before a run is created, by `core/training/start.py`.
        Default: the paper's logarithmic spacing.

        Args:
            size: the training picture's, after reduction to `options.max_size`.
            options: the mode's training options.

        Returns:
            The sizes, in pixels, of the stages to train; they never shrink. The smallest side
            has to be at least `options.receptive_field`, or the picture is refused as too small.
        """

    @hookspec(firstresult=True)
    def known_pixels(self, size: Size, options: TrainT) -> Tensor | None:
        """Which of the picture's pixels may be learned from.

        The others never reach the run: they are filled in from the known ones around them, and no
        loss of any stage counts a pixel, or a patch, that one of them takes part in.

        When: once, before a run is created, by `core/training/start.py`; the run keeps the answer.
        Default: None, all of them.

        Args:
            size: the picture's, as it was given, before reduction to `options.max_size`.
            options: the mode's training options.

        Returns:
            (1, 1, *size), 1 where the picture is known and 0 where it isn't, on the CPU; or None.
        """

    @hookspec(firstresult=True)
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: TrainT,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """What enters the generator at stage 0 in one training step.

        When: at every step of every stage, by `core/training/stage_trainer.py`.
        Default: noise, N(0, 1).

        Args:
            pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1], on the device.
            options: the mode's training options.
            generator: the only source of randomness to use, on the device.
            naive: while a run is fine-tuned, the picture to fine-tune on, (1, 3, h, w) in [-1, 1];
                otherwise None.

        Returns:
            (1, 3, h, w) like `pyramid[0]`; of any range, but what is used in training is what
            should enter when the mode is applied.
        """

    @hookspec(firstresult=True)
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: TrainT, generator: torch.Generator
    ) -> Tensor:
        """What enters at stage 0 when the generator is to rebuild the picture itself.

        When: once as training starts and at each apply, by `core/run.py`; it must be the same
        each time.
        Default: the smallest picture of the pyramid.

        Args:
            pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1], on the device.
            options: the mode's training options.
            generator: the only source of randomness to use, on the CPU.

        Returns:
            (1, 3, h, w) like `pyramid[0]`, on any device.
        """

    @hookspec(firstresult=True)
    def preview(self, sampler: Sampler) -> Iterable[tuple[str, Tensor]]:
        """What shows how far training is.

        When: after each stage, by the listener that writes `previews/`.
        Default: the picture, its reconstruction and four samples.

        Args:
            sampler: makes pictures with the stages trained so far; `sampler.naive` is the picture
                of `train --naive`, if there is one.

        Returns:
            Captions and pictures, each (1, 3, H, W) in [-1, 1]. Yield them: each is let go before
            the next is made.
        """

    @hookspec(firstresult=True)
    def apply(self, sampler: Sampler, options: ApplyT, outputs: Outputs) -> None:
        """Make the mode's pictures from a trained run.

        When: at `consingan MODE apply RUN` and `Run.apply()`, by `core/run.py`; also for a run
        that is not finished, with the stages that it has.
        Default: none; every mode has this hook.

        Args:
            sampler: makes pictures, (1, 3, H, W) in [-1, 1], with the trained generator.
            options: the mode's apply options.
            outputs: where pictures are saved; nothing else may be written.

        Returns:
            Nothing. Raise a `ConsinganError` with one line for what the user can mend.
        """


class ListenerHooks:
    """What a listener may hear; a mode may listen as well."""

    @hookspec
    def run_started(self, run: RunFolder) -> None:
        """Training begins or goes on.

        When: before the first stage that is to be trained, by `core/training/session.py`.

        Args:
            run: the run, with its folder, options and sizes.
        """

    @hookspec
    def stage_started(self, event: StageStarted) -> None:
        """A stage is about to train.

        When: before a stage's first step, by `core/training/loop.py`.

        Args:
            event: which stage, its size in pixels, its steps, and how many parameters learn.
        """

    @hookspec
    def step_logged(self, event: StepLogged) -> None:
        """A step is done and its losses are known.

        When: about once a second while a stage trains, and at its last step, by
        `core/training/loop.py`.

        Args:
            event: stage, step (from 1), seconds in the stage, and the losses; the reconstruction's
                is the mean squared error in [-1, 1] units.
        """

    @hookspec
    def went_back(self, event: WentBack) -> None:
        """A stage went wrong: it goes on from its last good state with lower learning rates.

        When: as soon as it is noticed, within about a second, by `core/training/loop.py`.

        Args:
            event: which stage, how far back, what was wrong, and how slowly it goes on.
        """

    @hookspec
    def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
        """A stage is trained and committed: from here on it cannot be lost.

        When: after a stage's files are safe, by `core/training/loop.py`.

        Args:
            event: which stage, of how many, the seconds it took, and what the mode shows of it.
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
        """Training stopped early; what was committed stays.

        When: after the failure is recorded in the run's folder, by
        `core/training/session.py`; the error goes on afterwards.

        Args:
            run: the unfinished run.
            error: why; KeyboardInterrupt or Terminated when the user stopped it.
        """


class HookSpecs(ModeHooks[TrainOptions, Options], ListenerHooks):
    """All hooks."""
