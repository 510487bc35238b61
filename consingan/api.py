"""The Python interface: train, fine-tune, plan, open and resume runs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image

from consingan.core.hooks.dispatch import Hooks
from consingan.core.options.presets import DEFAULT_PRESET, train_options
from consingan.core.options.training import CHECKPOINT_EVERY, TrainOptions
from consingan.core.pictures.reading import Picture, from_image, load_picture
from consingan.core.pictures.tensors import array_to_image
from consingan.core.run import Run
from consingan.core.runs.damage import find_damage
from consingan.core.runs.find import find_run
from consingan.core.runs.listing import remove_run
from consingan.core.runs.location import runs_folder
from consingan.core.runs.records import RunConfig
from consingan.core.system.devices import find_device, with_precision
from consingan.core.system.torch_settings import own_settings
from consingan.core.training.forecast import Forecast
from consingan.core.training.session import check_seconds, train_run
from consingan.core.training.start import (
    create_fine_tuning,
    create_refinement,
    create_run,
    plan_training,
)
from consingan.errors import Note, OptionError, PictureError, RunError, RunNotFoundError
from consingan.listeners.log import MetricsLog
from consingan.listeners.previews import Previews
from consingan.plugins import LoadedMode, Plugins, find_plugins

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Source: TypeAlias = "str | Path | Image.Image | NDArray[Any] | Tensor"
"""A picture: a file's path; a Pillow image; or an array or a tensor, uint8 (H, W, 3) or (H, W), or
floating-point (3, H, W) or (1, 3, H, W) in [-1, 1]."""


BORDERS = {
    "oversize": "what lies at the picture's border may end up anywhere",
    "zero": "what lies at the picture's border stays there",
}
"""What each padding style means for a picture."""
CONSOLE = "console"
"""The name of the listener that shows the progress of a training."""


def train(
    picture: Source,
    mode: str = "generation",
    *,
    preset: str = DEFAULT_PRESET,
    name: str | None = None,
    naive: Source | None = None,
    runs: str | Path | None = None,
    device: str = "auto",
    listeners: Sequence[object] = (),
    checkpoint_every: float = CHECKPOINT_EVERY,
    progress: bool = False,
    **options: Any,
) -> Run:
    """Train on one picture.

    Args:
        picture: a file's path; a Pillow image; or an array or a tensor: uint8 (H, W, 3), or
            floating-point (3, H, W) in [-1, 1].
        mode: the name of an installed mode; `consingan modes` lists them.
        preset: `default`, `draft`, `best` or `paper`: sets the defaults of the options.
        name: the picture's name, which finds its runs; by default its file's, without suffix.
        naive: in modes that repaint, a picture that the previews show repainted. It is not trained
            on.
        runs: the folder of runs; the new run is `<runs>/<picture>/<time>-<mode>`. By default it
            is what the environment variable `CONSINGAN_RUNS` says, or `runs`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        listeners: names of installed listeners, or objects with listener hooks (see
            `docs/plugins.md`). `console` is the command line's progress.
        checkpoint_every: seconds between checkpoints within a stage. `resume` continues from the
            last one.
        progress: shows the progress, in a terminal or in a notebook: the listener `console`.
        options: the mode's training options, by name, such as `niter=500`.

    Returns:
        The finished run, ready for `run.apply()`.

    Raises:
        PictureError: a picture cannot be read, or is too small.
        OptionError: an option is unknown or out of range, or the device doesn't exist.
        ModeError: there is no such mode, or it failed.
        RunError: the run folder cannot be written.
    """
    check_seconds(checkpoint_every)
    plugins = find_plugins()
    heard = [*_checked(listeners), *[CONSOLE] * progress]
    run = prepare(plugins, picture, mode, preset, name, naive, runs, device, heard, options)
    for note in run.config.notes:
        warnings.warn(note, Note, stacklevel=2)
    train_run(run, device, checkpoint_every)
    return run


def fine_tune(
    run: Run | str | Path,
    naive: Source,
    *,
    runs: str | Path | None = None,
    device: str = "auto",
    listeners: Sequence[object] = (),
    **options: Any,
) -> Run:
    """Fine-tune a run: train its last stage again on one naive picture, as a new run.

    Args:
        run: as in `open_run`; names are looked up in `runs`, then in the default folder. The run
            itself is not changed.
        naive: the picture to fine-tune on.
        runs: the folder of runs, for the new run.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        listeners: as in `train`.
        options: training options that may change, such as `niter=500`.

    Raises OptionError if the run's mode has no fine-tuning, and the errors of `train` and
    `open_run`.
    """
    tuned = prepare_fine_tuning(run, naive, runs, device, listeners, options)
    train_run(tuned, device)
    return tuned


def refine(
    run: Run | str | Path,
    niter: int,
    *,
    runs: str | Path | None = None,
    device: str = "auto",
    listeners: Sequence[object] = (),
    **options: Any,
) -> Run:
    """Train the last stage of a finished run further, as a new run that names it as its parent.

    Its networks go on learning where they are, on the same picture; the optimizers start anew.

    Args:
        run: as in `open_run`. The run itself is not changed.
        niter: the number of iterations.
        runs: the folder of runs, for the new run.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        listeners: as in `train`.
        options: training options that may change, such as `lr_generator=0.0001`.

    Raises OptionError for an option that must stay, and the errors of `train` and `open_run`.
    """
    refined = prepare_refinement(run, runs, device, listeners, {"niter": niter, **options})
    train_run(refined, device)
    return refined


@own_settings()
def prepare_refinement(
    run: Run | str | Path,
    runs: str | Path | None,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
) -> Run:
    """Check all arguments of `refine`, and create the run folder. Nothing is trained yet."""
    find_device(device)
    parent = open_run(run, runs=runs, listeners=listeners)
    return create_refinement(runs_folder(runs), parent, options)


@own_settings()
def prepare(
    plugins: Plugins,
    picture: Source,
    mode: str,
    preset: str,
    name: str | None,
    naive: Source | None,
    runs: str | Path | None,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
) -> Run:
    """Check all arguments of `train`, and create the run folder. Nothing is trained yet."""
    loaded, parsed = _parse(plugins, mode, preset, options)
    source = _read_picture(picture)
    source = source if name is None else replace(source, name=name)
    shown = None if naive is None else _read_picture(naive)
    place = find_device(device)
    parsed = with_precision(parsed, place)
    hooks = Hooks(loaded.mode, _all_listeners(plugins, listeners))
    return create_run(runs_folder(runs), source, parsed, preset, loaded.plugin, hooks, place, shown)


@own_settings()
def plan(
    picture: Source,
    mode: str = "generation",
    *,
    preset: str = DEFAULT_PRESET,
    device: str = "auto",
    **options: Any,
) -> Forecast:
    """Forecast what `train` would do with the same arguments: its stages, time and memory.

    It times a few steps on this machine, within about ten seconds. Nothing is written. Raises the
    same errors as `train` does before it trains.
    """
    loaded, parsed = _parse(find_plugins(), mode, preset, options)
    source, place = _read_picture(picture), find_device(device)
    return plan_training(source, with_precision(parsed, place), Hooks(loaded.mode), place)


def _parse(
    plugins: Plugins, mode: str, preset: str, options: dict[str, Any]
) -> tuple[LoadedMode, TrainOptions]:
    loaded = plugins.mode(mode)
    mode_class = loaded.mode
    parsed = train_options(mode_class.TrainOptions, preset, options, mode_class.presets)
    return loaded, parsed


@own_settings()
def prepare_fine_tuning(
    run: Run | str | Path,
    naive: Source,
    runs: str | Path | None,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
    mode: str | None = None,
) -> Run:
    """Check all arguments of `fine_tune`, and create the run folder. Nothing is trained yet."""
    find_device(device)
    try:
        parent = open_run(run, runs=runs, listeners=listeners)
    except RunNotFoundError:
        parent = open_run(run, listeners=listeners)
    if mode not in (None, parent.mode):
        raise OptionError(
            f"{str(parent.path)!r} was trained for {parent.mode}; "
            f"use: consingan {parent.mode} train",
            "from",
        )
    return create_fine_tuning(runs_folder(runs), parent, _read_picture(naive), options)


def open_run(
    run: Run | str | Path,
    *,
    runs: str | Path | None = None,
    mode: str | None = None,
    apply_mode: str | None = None,
    listeners: Sequence[object] = (),
) -> Run:
    """Open a run folder.

    Args:
        run: the folder's path; or `latest`; or a picture's name, for the latest run on it; or
            an open run, whose folder is opened again.
        runs: the folder in which names are looked up.
        mode: a preference for names: runs of this mode come first, among them trained ones.
        apply_mode: the mode that makes pictures from the run, if not its own: generation and
            retarget apply each other's runs.
        listeners: as in `train`; they are called if the run is resumed.

    Raises RunNotFoundError, RunError if the run is damaged, PluginError if its mode is missing,
    OptionError if `apply_mode` cannot apply it.
    """
    plugins = find_plugins()

    def find_hooks(config: RunConfig) -> Hooks:
        return plugins.hooks_for(config, _all_listeners(plugins, listeners))

    path = run.path if isinstance(run, Run) else find_run(str(run), runs_folder(runs), mode)
    opened = Run.open(path, find_hooks)
    if apply_mode not in (None, opened.mode):
        _let_apply(opened, plugins.mode(apply_mode))
    return opened


def _let_apply(run: Run, loaded: LoadedMode) -> None:
    """Let another mode make pictures from a run, and note what differs."""
    own, other = run.hooks.mode, loaded.mode
    if own.name not in other.applies:
        raise OptionError(
            f"{str(run.path)!r} was trained for {own.name}; "
            f"use: consingan {own.name} apply {run.path}"
        )
    run.applier = Hooks(other)
    if own.padding_style != other.padding_style:
        warnings.warn(
            f"the run was trained for {own.name}: {BORDERS[own.padding_style]}, and not as in "
            f"{other.name}",
            Note,
            stacklevel=3,
        )


def remove(run: Run | str | Path, *, runs: str | Path | None = None) -> None:
    """Delete a run's folder, with all pictures in it. `run` is as in `open_run`.

    Raises RunNotFoundError, or RunError if it is being trained, is no run, or cannot be deleted.
    """
    path = run.path if isinstance(run, Run) else find_run(str(run), runs_folder(runs))
    remove_run(path)


def resume(
    run: Run | str | Path,
    *,
    runs: str | Path | None = None,
    device: str = "auto",
    listeners: Sequence[object] = (),
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Run:
    """Train the stages of a run that are not trained yet, or whose files are damaged.

    The lowest damaged stage and all above it are trained again, with a Note. Their old files are
    kept. Arguments and errors are those of `open_run` and `train`.
    """
    check_seconds(checkpoint_every)
    opened = open_unfinished(run, runs, listeners)
    train_run(opened, device, checkpoint_every)
    return opened


def open_unfinished(
    run: Run | str | Path, runs: str | Path | None, listeners: Sequence[object]
) -> Run:
    """Open a run that has stages to train, or to train again because of damaged files.

    Raises RunError if there are none.
    """
    opened = open_run(run, runs=runs, listeners=listeners)
    if opened.complete and find_damage(opened) is None:
        raise RunError(f"{str(opened.path)!r} is complete: there is nothing to resume")
    return opened


def _all_listeners(plugins: Plugins, listeners: Sequence[object]) -> list[object]:
    heard = [_listener(plugins, wanted) for wanted in _checked(listeners)]
    return [MetricsLog(), Previews(), *heard]


def _checked(listeners: Sequence[object]) -> Sequence[object]:
    """The list itself. Raises OptionError if it is none."""
    if isinstance(listeners, str) or not isinstance(listeners, Sequence):
        example = f"[{listeners!r}]" if isinstance(listeners, str) else "['tensorboard']"
        raise OptionError(f"give a list of names or objects, such as {example}", "listeners")
    return listeners


def _listener(plugins: Plugins, wanted: object) -> object:
    if wanted == CONSOLE and CONSOLE not in plugins.listeners:
        from rich.console import Console

        from consingan.listeners.console import ConsoleProgress

        return ConsoleProgress(Console(stderr=True))
    return plugins.listener(wanted)


def _read_picture(picture: object) -> Picture:
    if isinstance(picture, str | Path):
        return load_picture(picture, reduced=True)  # training reduces it further
    if hasattr(picture, "__array__") and not isinstance(picture, Image.Image):
        return from_image(array_to_image(picture))
    if isinstance(picture, Image.Image):
        return from_image(picture, Path(getattr(picture, "filename", "")).stem or "picture")
    kind = type(picture).__name__
    raise PictureError(f"a picture is a path, a Pillow image, an array or a tensor, not {kind}")
