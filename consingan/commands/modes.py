"""`consingan MODE train` and `consingan MODE apply`, made from each mode's option models."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from consingan.commands.parameters import RUNS, Device, RunName, RunsFolder
from consingan.commands.runs import train_visibly
from consingan.console import complain, escaped
from consingan.core.config import DEFAULT_PRESET, PRESETS
from consingan.errors import OptionError
from consingan.options import given, parameters
from consingan.plugins import LoadedMode, Plugins


def add(app: typer.Typer, plugins: Plugins) -> None:
    """Give `app` a group for every mode."""
    for name, loaded in plugins.modes.items():
        group = typer.Typer(no_args_is_help=True, help=loaded.mode.summary)
        train, apply = _train(plugins, loaded), _apply(loaded)
        group.command("train", help="Learn from a picture.", no_args_is_help=True)(train)
        group.command("apply", help="Make pictures from a trained run.", no_args_is_help=True)(
            apply
        )
        app.add_typer(group, name=name, rich_help_panel="Modes")


def _train(plugins: Plugins, loaded: LoadedMode) -> Callable[..., None]:
    def command(
        photo: Annotated[
            Path,
            typer.Argument(metavar="PHOTO", help="The picture to learn from.", show_default=False),
        ],
        preset: Annotated[
            str,
            typer.Option(
                metavar="|".join(PRESETS),
                help="What the options below start from: the paper's recipe, or a quick first look "
                "at a smaller picture.",
                autocompletion=lambda: list(PRESETS),
            ),
        ] = DEFAULT_PRESET,
        out: Annotated[
            Path, typer.Option(help="Folder for runs; each gets a new folder in it.")
        ] = RUNS,
        device: Device = "auto",
        **values: Any,
    ) -> None:
        from consingan.api import prepare

        options = given(values)
        train_visibly(
            lambda listener: prepare(
                plugins, photo, loaded.mode.name, preset, out, device, [listener], options
            ),
            device,
        )

    return _with_options(command, parameters(loaded.mode.TrainOptions))


def _apply(loaded: LoadedMode) -> Callable[..., None]:
    def command(
        run: RunName,
        out: Annotated[
            Path | None,
            typer.Option(
                help="Folder for the pictures, as PNG; or a name such as new/castle.jpg, whose "
                "suffix picks PNG, JPEG or WebP. Nothing is ever overwritten.",
                show_default="in the run's folder",
            ),
        ] = None,
        runs: RunsFolder = RUNS,
        device: Device = "auto",
        **values: Any,
    ) -> None:
        from consingan.api import open_run

        opened = open_run(run, runs=runs)
        if opened.mode != loaded.mode.name:
            raise OptionError(
                f"{str(opened.path)!r} was trained for {opened.mode}; "
                f"use: consingan {opened.mode} apply {run}"
            )
        if 0 < opened.stages_done < len(opened.sizes):
            size = opened.sizes[opened.stages_done - 1]
            complain(f"note: the run is unfinished; it makes pictures of {size} pixels so far")
        files = opened.apply(out, device, **given(values))
        print(f"{len(files)} pictures in {escaped(str(files[-1].parent))}")
        print(f"Look at: {escaped(str(files[-1]))}")

    return _with_options(command, parameters(loaded.mode.ApplyOptions))


def _with_options(
    command: Callable[..., None], options: list[inspect.Parameter]
) -> Callable[..., None]:
    """`command` with a signature that Typer reads: its own parameters, then a model's."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    signature = signature.replace(parameters=[*own, *options])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command
