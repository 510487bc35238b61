"""`consingan MODE plan`, `train` and `apply`, with the options of each mode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consingan.commands.parameters import (
    RUNS,
    AsJson,
    CheckpointEvery,
    Device,
    HelpAll,
    Listen,
    PictureName,
    Preset,
    RunName,
    RunsFolder,
    complete_run,
)
from consingan.commands.plan import print_plan
from consingan.commands.runs import train_visibly
from consingan.commands.typer_options import given, parameters, with_options
from consingan.console import complain, escaped, literal, tile_progress
from consingan.core.options.presets import DEFAULT_PRESET, preset_values
from consingan.core.options.training import CHECKPOINT_EVERY
from consingan.errors import OptionError
from consingan.forms import command_line
from consingan.plugins import LoadedMode, Plugins

if TYPE_CHECKING:
    from consingan.core.run import Run


def mode_group(plugins: Plugins, loaded: LoadedMode) -> typer.Typer:
    """The group of a mode's commands."""
    group = typer.Typer(no_args_is_help=True, help=literal(loaded.mode.summary))
    forecast = "Forecast a training: its stages, and its time and memory on this machine."
    group.command("plan", help=forecast)(_plan(loaded))
    group.command("train", help="Learn from a picture.")(_train(plugins, loaded))
    group.command("apply", help="Make pictures from a trained run.")(_apply(loaded))
    return group


def _plan(loaded: LoadedMode) -> Callable[..., None]:
    def command(
        photo: Annotated[
            Path,
            typer.Argument(metavar="PHOTO", help="The picture to learn from.", show_default=False),
        ],
        preset: Preset = None,
        name: PictureName = None,
        runs: RunsFolder = RUNS,
        naive: Path | None = None,
        device: Device = "auto",
        listen: Listen = None,
        checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
        as_json: AsJson = False,
        help_all: HelpAll = False,
        **values: Any,
    ) -> None:
        from consingan import api

        mode, options = loaded.mode.name, given(values)
        start = preset or DEFAULT_PRESET
        forecast = api.plan(photo, mode, preset=start, device=device, **options)
        own: dict[str, tuple[Any, Any]] = {
            "preset": (preset, None),
            "name": (name, None),
            "runs": (runs, RUNS),
            "naive": (naive, None),
            "device": (device, "auto"),
            "listen": (listen, None),
            "checkpoint_every": (checkpoint_every, CHECKPOINT_EVERY),
        }
        typed = {option: value for option, (value, default) in own.items() if value != default}
        command = command_line(mode, "train", photo, **given(typed), **options)
        print_plan(forecast, escaped(command), as_json)

    return _with_train_options(command, loaded, {"naive": _naive(loaded)})


def _train(plugins: Plugins, loaded: LoadedMode) -> Callable[..., None]:
    def command(
        photo: Annotated[
            Path | None,
            typer.Argument(metavar="PHOTO", help="The picture to learn from.", show_default=False),
        ] = None,
        preset: Preset = None,
        name: PictureName = None,
        runs: RunsFolder = RUNS,
        naive: Path | None = None,
        parent: str | None = None,
        device: Device = "auto",
        listen: Listen = None,
        checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
        help_all: HelpAll = False,
        **values: Any,
    ) -> None:
        from consingan.preparing import prepare, prepare_fine_tuning

        options = given(values)

        def begin(listener: object) -> Run:
            mode, listeners = loaded.mode.name, [listener, *(listen or [])]
            if parent is None:
                if photo is None:
                    raise OptionError("give the PHOTO to learn from")
                start = preset or DEFAULT_PRESET
                return prepare(
                    plugins, photo, mode, start, name, naive, runs, device, listeners, options
                )
            if not loaded.mode.takes_naive:
                raise OptionError(f"mode {mode} has no fine-tuning", "from")
            if naive is None:
                raise OptionError("fine-tuning needs --naive PICTURE", "from")
            if photo is not None:
                shown = str(photo)
                raise OptionError(f"fine-tuning takes no PHOTO; leave {shown!r} out", "from")
            if preset is not None:
                raise OptionError("fine-tuning keeps the options of its run", "preset")
            if name is not None:
                raise OptionError("fine-tuning keeps the name of its run's picture", "name")
            return prepare_fine_tuning(parent, naive, runs, device, listeners, options, mode)

        train_visibly(begin, device, checkpoint_every, naive)

    annotations = {"naive": _naive(loaded), "parent": _parent(loaded)}
    return _with_train_options(command, loaded, annotations)


def _with_train_options(
    command: Callable[..., None], loaded: LoadedMode, annotations: dict[str, Any]
) -> Callable[..., None]:
    """Complete the annotations of `command`, and add the mode's training options to it."""
    command.__annotations__ |= annotations
    shown = preset_values(DEFAULT_PRESET, loaded.mode.presets)
    return with_options(command, parameters(loaded.mode.TrainOptions, shown))


def _naive(loaded: LoadedMode) -> Any:
    """The option `--naive`. Modes that don't support it hide it, and have a clear error for it."""
    naive = typer.Option(
        metavar="PICTURE",
        help="A picture that the previews show repainted. It is trained on only with --from.",
        hidden=not loaded.mode.takes_naive,
    )
    return Annotated[Path | None, naive]


def _parent(loaded: LoadedMode) -> Any:
    """The option `--from`, hidden likewise."""
    parent = typer.Option(
        "--from",
        metavar="RUN",
        help="Fine-tune this run: train its last stage again, on the --naive picture, as a new "
        "run. Leave PHOTO out.",
        autocompletion=complete_run,
        hidden=not loaded.mode.takes_naive,
    )
    return Annotated[str | None, parent]


def _apply(loaded: LoadedMode) -> Callable[..., None]:
    def command(
        run: RunName,
        out: Annotated[
            Path | None,
            typer.Option(
                help="Folder for PNG files; or a file name such as new/castle.jpg, whose suffix "
                "selects PNG, JPEG or WebP. Nothing is ever overwritten.",
                show_default="in the run's folder",
            ),
        ] = None,
        runs: RunsFolder = RUNS,
        device: Device = "auto",
        tile: Annotated[
            int | None,
            typer.Option(
                help="Side, in pixels, of the tiles that large pictures are made in. Smaller tiles "
                "need less memory.",
                show_default="512",
            ),
        ] = None,
        help_all: HelpAll = False,
        **values: Any,
    ) -> None:
        from consingan.opening import open_run

        name = loaded.mode.name
        opened = open_run(run, runs=runs, mode=name, apply_mode=name)
        if 0 < opened.stages_done < len(opened.sizes):
            size = opened.sizes[opened.stages_done - 1]
            complain(f"note: the run is unfinished; it makes pictures of {size} pixels so far")
        with tile_progress() as on_tile:
            made = opened.outputs(out, device, tile, on_tile, **given(values))
        if len(made.files) > 1:
            print(f"{len(made.files)} files in {escaped(str(made.folder))}")
        if made.gallery is not None:
            print(f"Open in a browser: {escaped(str(made.gallery))}")
        print(f"Look at: {escaped(str(made.sheet or made.files[-1]))}")

    return with_options(command, parameters(loaded.mode.ApplyOptions))
