"""`consingan plan`: what a training will do and how long it will take, before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consingan.commands.modes import with_options
from consingan.commands.parameters import AsJson, Device, Preset
from consingan.commands.typer_options import added_parameters, given, parameters
from consingan.console import duration, escaped, outlook, print_json, print_table
from consingan.core.options.presets import DEFAULT_PRESET, PRESETS
from consingan.core.options.training import TrainOptions
from consingan.plugins import Plugins

if TYPE_CHECKING:
    from consingan.core.training.forecast import Forecast


def add(app: typer.Typer, plugins: Plugins) -> None:
    """Give `app` the command, with what the modes add to the options of training."""

    def plan(
        photo: Annotated[
            Path,
            typer.Argument(metavar="PHOTO", help="The picture to learn from.", show_default=False),
        ],
        mode: Annotated[str, typer.Option(help="The mode to train.")] = "generation",
        preset: Preset = None,
        device: Device = "auto",
        as_json: AsJson = False,
        **values: Any,
    ) -> None:
        """Forecast a training: its stages, its time on this machine, its memory. Trains nothing."""
        from consingan import api

        start = preset or DEFAULT_PRESET
        forecast = api.plan(photo, mode, preset=start, device=device, **given(values))
        if as_json:
            print_json(_summary(forecast))
            return
        _print_table(forecast)
        print(f"In all: {outlook(forecast)}")
        print(f"Next, with the same options: consingan {mode} train {escaped(str(photo))}")

    options = parameters(TrainOptions, PRESETS[DEFAULT_PRESET])
    models = {f"Of {name}": loaded.mode.TrainOptions for name, loaded in plugins.modes.items()}
    options += added_parameters(TrainOptions, models)
    app.command(rich_help_panel="Runs")(with_options(plan, options))


def _print_table(forecast: Forecast) -> None:
    header = ("stage", "size", "window", "learning", "iterations", "step", "time")
    rows = [
        (
            str(number),
            str(stage.size),
            "whole" if stage.window == stage.size else str(stage.window),
            f"{stage.learning:,}",
            str(stage.iterations),
            f"{1000 * stage.step_seconds:.0f} ms{'' if stage.measured else ' (inferred)'}",
            duration(stage.seconds),
        )
        for number, stage in enumerate(forecast.stages, start=1)
    ]
    print_table(header, rows)


def _summary(forecast: Forecast) -> dict[str, Any]:
    stages = [
        {
            "width": stage.size.width,
            "height": stage.size.height,
            "window": [stage.window.width, stage.window.height],
            "learning_parameters": stage.learning,
            "iterations": stage.iterations,
            "step_seconds": stage.step_seconds,
            "seconds": stage.seconds,
            "measured": stage.measured,
        }
        for stage in forecast.stages
    ]
    return {
        "stages": stages,
        "picture_seconds": forecast.picture_seconds,
        "seconds": forecast.seconds,
        "memory_bytes": forecast.memory,
    }
