"""`consingan MODE train` and `consingan MODE apply`, made from each mode's option models."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from consingan.commands.parameters import (
    RUNS,
    CheckpointEvery,
    Device,
    Listen,
    Preset,
    RunName,
    RunsFolder,
    complete_run,
)
from consingan.commands.runs import train_visibly
from consingan.commands.typer_options import given, parameters
from consingan.console import complain, escaped, tile_progress
from consingan.core.options.presets import DEFAULT_PRESET, preset_values
from consingan.core.options.training import CHECKPOINT_EVERY
from consingan.errors import OptionError
from consingan.plugins import LoadedMode, Plugins

if TYPE_CHECKING:
    from consingan.core.run import Run


def add(app: typer.Typer, plugins: Plugins) -> None:
    """Give `app` a group for every mode."""
    for name, loaded in plugins.modes.items():
        group = typer.Typer(no_args_is_help=True, help=loaded.mode.summary)
        train, apply = _train(plugins, loaded), _apply(loaded)
        group.command("train", help="Learn from a picture.")(train)
        group.command("apply", help="Make pictures from a trained run.")(apply)
        app.add_typer(group, name=name, rich_help_panel="Modes")


def _train(plugins: Plugins, loaded: LoadedMode) -> Callable[..., None]:
    def command(
        photo: Annotated[
            Path | None,
            typer.Argument(metavar="PHOTO", help="The picture to learn from.", show_default=False),
        ] = None,
        preset: Preset = None,
        out: Annotated[
            Path, typer.Option(help="Folder for runs; each gets a new folder in it.")
        ] = RUNS,
        naive: Path | None = None,
        parent: str | None = None,
        device: Device = "auto",
        listen: Listen = None,
        checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
        **values: Any,
    ) -> None:
        from consingan.api import prepare, prepare_fine_tuning

        options = given(values)

        def begin(listener: object) -> Run:
            name, listeners = loaded.mode.name, [listener, *(listen or [])]
            if parent is None:
                if photo is None:
                    raise OptionError("give the PHOTO to learn from")
                start = preset or DEFAULT_PRESET
                return prepare(plugins, photo, name, start, naive, out, device, listeners, options)
            if not loaded.mode.takes_naive:
                raise OptionError(f"mode {name} has no fine-tuning", "from")
            if naive is None:
                raise OptionError("fine-tuning needs the --naive PICTURE to learn for", "from")
            if photo is not None:
                shown = str(photo)
                raise OptionError(f"fine-tuning takes no PHOTO; leave {shown!r} out", "from")
            if preset is not None:
                raise OptionError("fine-tuning keeps the options of its run", "preset")
            return prepare_fine_tuning(parent, naive, out, device, listeners, options, name)

        train_visibly(begin, device, checkpoint_every, naive)

    command.__annotations__ |= _naive_annotations(hidden=not loaded.mode.takes_naive)
    shown = preset_values(DEFAULT_PRESET, loaded.mode.presets)
    return with_options(command, parameters(loaded.mode.TrainOptions, shown))


def _naive_annotations(hidden: bool) -> dict[str, Any]:
    """`--naive` and `--from`: every mode understands them, to say clearly if it has no use."""
    naive = typer.Option(
        metavar="PICTURE",
        help="A picture that the previews show the effect on; it is never trained on, except with "
        "--from.",
        hidden=hidden,
    )
    parent = typer.Option(
        "--from",
        metavar="RUN",
        help="Fine-tune: train the last stage of this run again, on the --naive picture, into a "
        "new run. PHOTO is left out.",
        autocompletion=complete_run,
        hidden=hidden,
    )
    return {"naive": Annotated[Path | None, naive], "parent": Annotated[str | None, parent]}


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
        tile: Annotated[
            int | None,
            typer.Option(
                help="Larger pictures are made in squares of this many pixels a side: smaller ones "
                "need less memory.",
                show_default="512",
            ),
        ] = None,
        **values: Any,
    ) -> None:
        from consingan.api import open_run

        opened = open_run(run, runs=runs, mode=loaded.mode.name)
        if opened.mode != loaded.mode.name:
            raise OptionError(
                f"{str(opened.path)!r} was trained for {opened.mode}; "
                f"use: consingan {opened.mode} apply {opened.path}"
            )
        if 0 < opened.stages_done < len(opened.sizes):
            size = opened.sizes[opened.stages_done - 1]
            complain(f"note: the run is unfinished; it makes pictures of {size} pixels so far")
        with tile_progress() as on_tile:
            files = opened.apply(out, device, tile, on_tile, **given(values))
        if len(files) > 1:
            print(f"{len(files)} files in {escaped(str(files[-1].parent))}")
        print(f"Look at: {escaped(str(files[-1]))}")

    return with_options(command, parameters(loaded.mode.ApplyOptions))


def with_options(
    command: Callable[..., None], options: list[inspect.Parameter]
) -> Callable[..., None]:
    """`command` with a signature that Typer reads: its own parameters, then a model's."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    signature = signature.replace(parameters=[*own, *options])
    # `inspect.signature` reads this attribute, which the type of functions doesn't have.
    cast(Any, command).__signature__ = signature
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return command
