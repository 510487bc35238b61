"""Every hook, typed, in one place. A mode answers some; a listener hears some; nothing else exists.

Hooks marked `firstresult` have one doer: the active mode, or else the defaults. The others are
notifications with any number of listeners; an exception in one is reported and never stops
training. This module imports no torch, and neither should a plugin's when it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

import pluggy

from consingan.core.config import Options, PaddingStyle, Size, TrainOptions
from consingan.core.events import StageSaved, StageStarted, StepLogged

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.outputs import Outputs
    from consingan.core.run import Run
    from consingan.core.sampler import Sampler

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

        When: once, before a run is created. Default: the paper's logarithmic spacing.

        Args:
            size: the training picture's, after reduction to `options.max_size`.
            options: the mode's training options.
        """

    @hookspec(firstresult=True)
    def padding_style(self, options: TrainT) -> PaddingStyle:
        """How the generator treats borders.

        `"oversize"` lets noise reach past the border, so that borders vary as much as the rest;
        `"zero"` pads with zeros, so that borders stay where they are. When: once a run and at
        each apply. Default: `"oversize"`.

        Args:
            options: the mode's training options.
        """

    @hookspec(firstresult=True)
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: TrainT,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The generator's stage-0 input of one training step, (1, 3, h, w) like `pyramid[0]`.

        When: at every step of every stage. Default: noise, N(0, 1).

        Args:
            pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1], on the device.
            options: the mode's training options.
            generator: the only source of randomness to use, on the device.
            naive: while a run is fine-tuned, the picture to fine-tune on, (1, 3, h, w); or None.
        """

    @hookspec(firstresult=True)
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: TrainT, generator: torch.Generator
    ) -> Tensor:
        """The stage-0 input that stands for the picture itself, (1, 3, h, w) like `pyramid[0]`.

        When: once as training starts and at each apply; it must be the same each time. Default:
        the smallest picture of the pyramid.

        Args:
            pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1].
            options: the mode's training options.
            generator: the only source of randomness to use, on the CPU.
        """

    @hookspec(firstresult=True)
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """Captions and pictures, (1, 3, H, W) in [-1, 1], that show how far training is.

        When: after each stage. Default: the picture, its reconstruction and four samples. The
        naive picture of `train --naive`, if there is one, is `sampler.naive`.

        Args:
            sampler: makes pictures with the stages trained so far.
        """

    @hookspec(firstresult=True)
    def apply(self, sampler: Sampler, options: ApplyT, outputs: Outputs) -> None:
        """Make the mode's pictures from a trained run.

        When: `consingan MODE apply RUN` and `Run.apply()`. There is no default: every mode has it.

        Args:
            sampler: makes pictures, (1, 3, H, W) in [-1, 1], with the trained generator.
            options: the mode's apply options.
            outputs: where pictures are saved; nothing else may be written.
        """


class ListenerHooks:
    """What a listener may hear; a mode may listen as well."""

    @hookspec
    def run_started(self, run: Run) -> None:
        """Training begins or goes on.

        Args:
            run: the run, with its options and sizes.
        """

    @hookspec
    def stage_started(self, event: StageStarted) -> None:
        """A stage is about to train.

        Args:
            event: which, how large, how long.
        """

    @hookspec
    def step_logged(self, event: StepLogged) -> None:
        """About once a second while a stage trains, and at its last step.

        Args:
            event: progress and losses.
        """

    @hookspec
    def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
        """A stage is trained and committed.

        Args:
            event: which, and how long it took.
            sampler: makes pictures with the stages trained so far.
        """

    @hookspec
    def run_ended(self, run: Run) -> None:
        """All stages are trained.

        Args:
            run: the finished run.
        """

    @hookspec
    def run_failed(self, run: Run, error: BaseException) -> None:
        """Training stopped early; what was committed stays.

        Args:
            run: the unfinished run.
            error: why; KeyboardInterrupt when the user stopped it.
        """


class HookSpecs(ModeHooks[TrainOptions, Options], ListenerHooks):
    """All hooks."""
