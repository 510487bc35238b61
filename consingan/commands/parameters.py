"""Typer parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consingan.commands.typer_options import show_advanced
from consingan.core.options.presets import DEFAULT_PRESET, PRESETS
from consingan.core.runs.location import RUNS as RUNS_VARIABLE
from consingan.core.runs.location import runs_folder


def complete_run(incomplete: str) -> list[str]:
    """Names of runs, for shell completion."""
    from consingan.core.runs.find import run_folders

    names = {folder.parent.name for folder in run_folders(runs_folder())}
    return [name for name in ("latest", *sorted(names)) if name.startswith(incomplete)]


RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run folder; or `latest`; or a picture's name, for the latest run on it.",
        autocompletion=complete_run,
        show_default=False,
    ),
]


def complete_listener(incomplete: str) -> list[str]:
    """Names of installed listeners, for shell completion."""
    from consingan.loading import find_plugins

    return [name for name in find_plugins().listeners if name.startswith(incomplete)]


Listen = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Use an installed listener, such as a logger. May be given several times. `consingan "
        "plugins` lists them.",
        autocompletion=complete_listener,
        show_default=False,
    ),
]
RunsFolder = Annotated[
    Path, typer.Option(help="Folder of runs.", envvar=RUNS_VARIABLE, show_envvar=True)
]
PictureName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The picture's name, which finds its runs. By default its file's, without suffix.",
    ),
]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda, cuda:N or mps.")]
SampleSeed = Annotated[int, typer.Option(help="Random seed of the samples, as in `apply`.")]
SampleCount = Annotated[int, typer.Option(help="Number of samples to make of a run, and score.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all",
        help="Also show the advanced options. docs/parameters.md explains them.",
        is_eager=True,
        callback=show_advanced,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(PRESETS),
        help="Sets the defaults of the options below. draft: fast, for a first look. best: slow, "
        f"with the best quality. paper: the paper's settings. Default: {DEFAULT_PRESET}.",
        autocompletion=lambda: list(PRESETS),
    ),
]
CheckpointEvery = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Time between checkpoints within a stage. resume continues from the last one.",
    ),
]

RUNS = Path("runs")
