"""`python -m consingan_studio.training RUNS FOLDER`: one training, which says how far it is."""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import FileLock

import consingan
from consingan import (
    ConsinganError,
    Forecast,
    Listener,
    RunFolder,
    StageStarted,
    StepLogged,
    hookimpl,
)
from consingan_studio.trainings import (
    CLAIMED,
    LOCK,
    STOP,
    Progress,
    read_progress,
    read_request,
    write_progress,
)


class Reporter(Listener):
    """Writes the progress of a training into its folder, and ends it when it is to stop."""

    name = "studio-reporter"
    summary = "Writes how far a training is."

    def __init__(self, folder: Path, forecast: Forecast) -> None:
        self._folder = folder
        self._forecast = forecast
        self.progress = Progress(seconds_left=forecast.seconds, stages=len(forecast.stages))

    def write(self, **changes: object) -> None:
        """Write the progress with some changes."""
        self.progress = self.progress.model_copy(update=changes)
        write_progress(self._folder, self.progress)

    @hookimpl
    def run_started(self, run: RunFolder) -> None:
        """Say where the run is."""
        self.write(run=run.path.absolute())

    @hookimpl
    def stage_started(self, event: StageStarted) -> None:
        """Say which stage begins."""
        self.write(
            stage=event.stage,
            stages=event.stages,
            size=str(event.size),
            step=0,
            niter=event.niter,
            share=self._forecast.share_done(event.stage, 0),
            seconds_left=self._forecast.left(event.stage, 0),
        )

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        """Say how far the stage is."""
        self.write(
            step=event.step,
            share=self._forecast.share_done(event.stage, event.step),
            seconds_left=self._forecast.run_left(event.stage, event.step, event.seconds),
        )
        if (self._folder / STOP).exists():
            raise KeyboardInterrupt


def train(runs: Path, folder: Path) -> None:
    """Train what a folder asks for, or go on with it."""
    request, before = read_request(folder), read_progress(folder)
    asked = {"preset": request.preset, **request.options}
    try:
        forecast = consingan.plan(request.picture, request.mode, **asked)
        reporter = Reporter(folder, forecast)
        if before.run is not None and before.run.exists():
            consingan.resume(before.run, listeners=[reporter])
        else:
            listeners = [reporter]
            consingan.train(request.picture, request.mode, runs=runs, listeners=listeners, **asked)
        reporter.write(ended="complete", share=1.0, seconds_left=0.0)
    except KeyboardInterrupt:
        _end(folder, "stopped")
    except ConsinganError as error:
        _end(folder, "failed", str(error))
    except BaseException as error:
        _end(folder, "failed", f"{type(error).__name__}: {error}")
        raise


def _end(folder: Path, how: str, error: str = "") -> None:
    ended = read_progress(folder).model_copy(update={"ended": how, "error": error})
    write_progress(folder, ended)


if __name__ == "__main__":
    with FileLock(Path(sys.argv[2]) / LOCK):
        (Path(sys.argv[2]) / CLAIMED).unlink(missing_ok=True)
        train(Path(sys.argv[1]), Path(sys.argv[2]))
