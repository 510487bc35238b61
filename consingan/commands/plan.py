"""The output of `consingan MODE plan`: a training's stages, time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consingan.console import duration, outlook, print_json, print_table

if TYPE_CHECKING:
    from consingan.core.training.forecast import Forecast


def print_plan(forecast: Forecast, command: str, as_json: bool) -> None:
    """Print a forecast, and the `command` that starts this training."""
    if as_json:
        print_json(_summary(forecast))
        return
    _print_table(forecast)
    print(f"In all: {outlook(forecast)}")
    print(f"Next: {command}")


def _print_table(forecast: Forecast) -> None:
    header = (
        "stage",
        "picture size",
        "seen at once",
        "weights",
        "iterations",
        "one takes",
        "in all",
    )
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
