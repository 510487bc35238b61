"""Writes losses, speed, previews and options for TensorBoard, in the run's folder."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from consingan import Listener, hookimpl

if TYPE_CHECKING:
    from consingan import RunFolder, Sampler, StageSaved, StepLogged

FOLDER = "tensorboard"
"""The subfolder of a run for the event files."""


class TensorBoard(Listener):
    """Writes one event file for each training. Curves continue from stage to stage."""

    name = "tensorboard"
    summary = "Losses, speed, previews and options in TensorBoard."
    hooks_version = 1

    def __init__(self) -> None:
        self._writer: Any = None
        self._before: list[int] = []
        """The iterations before each stage."""

    @hookimpl
    def run_started(self, run: RunFolder) -> None:
        """Open the event file, and write the table of options."""
        from torch.utils.tensorboard import SummaryWriter

        stages = run.options.iterations(len(run.sizes))
        self._before = [0, *accumulate(stages)]
        # What comes after the last stage or checkpoint is trained again: its points are removed.
        saved, done = run.state.checkpoint, run.stages_done
        step = saved.step if saved is not None and saved.stage == done else 0
        first = self._before[done] + step + 1
        self._writer = SummaryWriter(str(run.path / FOLDER), purge_step=first)
        self._writer.add_text("options", options_table(run))

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        """Add a point to each curve."""
        step = self._before[event.stage] + event.step
        for loss in ("critic", "adversarial", "reconstruction"):
            self._writer.add_scalar(f"loss/{loss}", getattr(event, loss), step)
        if event.seconds > 0:
            self._writer.add_scalar("speed/steps a second", event.step / event.seconds, step)

    @hookimpl
    def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
        """Add the mode's preview, with the stage as step."""
        for caption, picture in event.preview():
            pixels = (picture[0].float().cpu() + 1) / 2
            self._writer.add_image(f"preview/{caption}", pixels.clamp(0, 1), event.stage + 1)
        self._writer.flush()

    @hookimpl
    def run_ended(self, run: RunFolder) -> None:
        """Close the file."""
        self._writer.close()

    @hookimpl
    def run_failed(self, run: RunFolder, error: BaseException) -> None:
        """Close the file."""
        self._writer.close()


def options_table(run: RunFolder) -> str:
    """The run's mode, preset and options as a Markdown table."""
    options = {"mode": run.mode, "preset": run.config.preset, **dict(run.options)}
    rows = (f"| {name} | {str(value).replace('|', '/')} |" for name, value in options.items())
    return "\n".join(("| option | value |", "| --- | --- |", *rows))
