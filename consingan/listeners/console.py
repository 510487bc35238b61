"""Progress of training on the terminal: a live display, or plain lines if it isn't a terminal."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from consingan.console import duration, escaped, outlook
from consingan.core.hooks.events import StageSaved, StageStarted, StepLogged, WentBack
from consingan.core.hooks.specs import hookimpl
from consingan.core.runs.folder import RunFolder
from consingan.core.training.forecast import Forecast
from consingan.listeners.previews import preview_file

PLAIN_SECONDS = 30.0
"""Seconds between plain lines."""
BAR_WIDTH = 30
"""Width of the progress bars, in characters."""


class ConsoleProgress:
    """Shows stage, step, speed, time left in the stage and the run, and the last preview."""

    def __init__(self, console: Console) -> None:
        self.forecast: Forecast | None = None
        """Needed for the time left in the run. Without it, only the stage's is shown."""
        self._console = console
        self._live: Live | None = None
        self._run: RunFolder | None = None
        self._preview = ""
        self._last_line = 0.0

    @hookimpl
    def run_started(self, run: RunFolder) -> None:
        """Print the run's picture, mode, stages and forecast."""
        self._run = run
        stages = f"{len(run.sizes)} stages to {run.sizes[-1]} pixels"
        saved, done = run.state.checkpoint, run.stages_done
        step = saved.step if saved is not None and saved.stage == done else 0
        expected = f"; {outlook(self.forecast, done, step)}" if self.forecast else ""
        self._print(f"{escaped(run.config.picture)}: {run.mode}, {stages}{expected}")
        if self._console.is_terminal:
            self._live = Live(console=self._console, transient=True, refresh_per_second=4)
            self._live.start()

    @hookimpl
    def stage_started(self, event: StageStarted) -> None:
        """Show the stage that begins."""
        self._stage = event
        self._last_line = time.monotonic()
        self._show(Text(self._headline()))

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        """Update the live display, or print a line if the last one is old enough."""
        if self._live is not None:
            self._live.update(self._block(event))
        elif time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._last_line = time.monotonic()
            line = f"{self._headline()}, step {event.step} of {event.niter}"
            left = self._run_left(event)
            self._print(line if left is None else f"{line}; {duration(left)} left in the run")

    @hookimpl
    def went_back(self, event: WentBack) -> None:
        """Print what went wrong, and the step and learning rates that training continues with."""
        slower = f"back to step {event.back}, at {event.rate:.2g} of the learning rates"
        self._print(f"{self._headline()}, step {event.step}: {event.trouble}; {slower}")

    @hookimpl
    def stage_saved(self, event: StageSaved) -> None:
        """Print that the stage is saved."""
        if self._run is not None:
            self._preview = str(preview_file(self._run, event.stage))
        self._print(f"{self._headline()} saved after {duration(event.seconds)}")

    @hookimpl
    def run_ended(self) -> None:
        """Remove the live display."""
        self._stop()

    @hookimpl
    def run_failed(self) -> None:
        """Remove the live display."""
        self._stop()

    def _headline(self) -> str:
        return f"stage {self._stage.stage + 1} of {self._stage.stages} ({self._stage.size})"

    def _run_left(self, event: StepLogged) -> float | None:
        if self.forecast is None:
            return None
        return self.forecast.run_left(event.stage, event.step, event.seconds)

    def _block(self, event: StepLogged) -> RenderableType:
        bars = Table.grid(padding=(0, 1))
        stage_left = event.seconds / event.step * (event.niter - event.step)
        rows = [("stage", event.step / event.niter, stage_left)]
        if self.forecast is not None:
            done = self.forecast.share_done(event.stage, event.step)
            left = self.forecast.run_left(event.stage, event.step, event.seconds)
            rows.append(("run", done, left))
        for name, share, seconds in rows:
            bar = ProgressBar(total=1.0, completed=share, width=BAR_WIDTH)
            bars.add_row(name, bar, f"{share:4.0%}", f"{duration(seconds)} left")
        speed = event.step / event.seconds
        step = f"{self._headline()}, step {event.step} of {event.niter}, {speed:.3g} steps a second"
        lines: list[RenderableType] = [Text(step), bars]
        if self._preview:
            lines.append(Text(f"last preview {escaped(self._preview)}", style="dim"))
        return Group(*lines)

    def _show(self, block: RenderableType) -> None:
        if self._live is not None:
            self._live.update(block)

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
