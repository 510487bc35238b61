"""Parameters that several commands take, and the type that Typer reads each by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consingan.commands.typer_options import show_advanced
from consingan.core.options.presets import DEFAULT_PRESET, PRESETS


def complete_run(incomplete: str) -> list[str]:
    """Names that a run is found by, for the shell's completion."""
    names = {file.parts[-3] for file in Path("runs").glob("*/*/config.json")}
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
    """Names of installed listeners, for the shell's completion."""
    from consingan.plugins import find_plugins

    return [name for name in find_plugins().listeners if name.startswith(incomplete)]


Listen = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="An installed listener to tell how training goes; may be given several times. "
        "`consingan plugins` lists them.",
        autocompletion=complete_listener,
        show_default=False,
    ),
]
RunsFolder = Annotated[Path, typer.Option(help="Folder of runs.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda, cuda:N or mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all",
        help="Show the advanced options as well; docs/parameters.md explains them.",
        is_eager=True,
        callback=show_advanced,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="|".join(PRESETS),
        help="What the options below start from: draft is a quick first look, best takes its time, "
        f"paper is the paper's own recipe. Default: {DEFAULT_PRESET}.",
        autocompletion=lambda: list(PRESETS),
    ),
]
CheckpointEvery = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="How often what is done of a stage is saved; resume goes on from there.",
    ),
]

RUNS = Path("runs")
