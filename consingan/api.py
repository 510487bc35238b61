"""The Python interface: train, fine-tune, plan, open and resume runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from consingan.core.hooks.dispatch import Hooks
from consingan.core.options.presets import DEFAULT_PRESET, train_options
from consingan.core.options.training import CHECKPOINT_EVERY, TrainOptions
from consingan.core.pictures.reading import Picture, from_image, load_picture
from consingan.core.run import Run
from consingan.core.runs.damage import find_damage
from consingan.core.runs.find import find_run
from consingan.core.runs.records import RunConfig
from consingan.core.system.devices import find_device, with_precision
from consingan.core.system.torch_settings import own_settings
from consingan.core.training.forecast import Forecast
from consingan.core.training.session import check_seconds, train_run
from consingan.core.training.start import create_fine_tuning, create_run, plan_training
from consingan.errors import OptionError, PictureError, RunError, RunNotFoundError
from consingan.listeners.log import MetricsLog
from consingan.listeners.previews import Previews
from consingan.plugins import LoadedMode, Plugins, find_plugins

RUNS = Path("runs")
"""The default folder of runs."""


def train(
    picture: str | Path | Image.Image,
    mode: str = "generation",
    *,
    preset: str = DEFAULT_PRESET,
    naive: str | Path | Image.Image | None = None,
    runs: str | Path = RUNS,
    device: str = "auto",
    listeners: Sequence[object] = (),
    checkpoint_every: float = CHECKPOINT_EVERY,
    **options: Any,
) -> Run:
    """Train on one picture.

    Args:
        picture: a file's path, or a Pillow image.
        mode: the name of an installed mode; `consingan modes` lists them.
        preset: `default`, `draft`, `best` or `paper`: sets the defaults of the options.
        naive: in modes that repaint, a picture that the previews show repainted. It is not trained
            on.
        runs: the folder of runs; the new run is `<runs>/<picture>/<time>-<mode>`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        listeners: names of installed listeners, or objects with listener hooks (see
            `docs/plugins.md`).
        checkpoint_every: seconds between checkpoints within a stage. `resume` continues from the
            last one.
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
    run = prepare(plugins, picture, mode, preset, naive, runs, device, listeners, options)
    train_run(run, device, checkpoint_every)
    return run


def fine_tune(
    run: str | Path,
    naive: str | Path | Image.Image,
    *,
    runs: str | Path = RUNS,
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


@own_settings()
def prepare(
    plugins: Plugins,
    picture: str | Path | Image.Image,
    mode: str,
    preset: str,
    naive: str | Path | Image.Image | None,
    runs: str | Path,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
) -> Run:
    """Check all arguments of `train`, and create the run folder. Nothing is trained yet."""
    loaded, parsed = _parse(plugins, mode, preset, options)
    source = _read_picture(picture)
    shown = None if naive is None else _read_picture(naive)
    place = find_device(device)
    parsed = with_precision(parsed, place)
    hooks = Hooks(loaded.mode, _all_listeners(plugins, listeners))
    return create_run(Path(runs), source, parsed, preset, loaded.plugin, hooks, place, shown)


@own_settings()
def plan(
    picture: str | Path | Image.Image,
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
    run: str | Path,
    naive: str | Path | Image.Image,
    runs: str | Path,
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
    return create_fine_tuning(Path(runs), parent, _read_picture(naive), options)


def open_run(
    run: str | Path,
    *,
    runs: str | Path = RUNS,
    mode: str | None = None,
    listeners: Sequence[object] = (),
) -> Run:
    """Open a run folder.

    Args:
        run: the folder's path; or `latest`; or a picture's name, for the latest run on it.
        runs: the folder in which names are looked up.
        mode: a preference for names: runs of this mode come first, among them trained ones.
        listeners: as in `train`; they are called if the run is resumed.

    Raises RunNotFoundError, RunError if the run is damaged, PluginError if its mode is missing.
    """
    plugins = find_plugins()

    def find_hooks(config: RunConfig) -> Hooks:
        return plugins.hooks_for(config, _all_listeners(plugins, listeners))

    return Run.open(find_run(str(run), Path(runs), mode), find_hooks)


def resume(
    run: str | Path,
    *,
    runs: str | Path = RUNS,
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


def open_unfinished(run: str | Path, runs: str | Path, listeners: Sequence[object]) -> Run:
    """Open a run that has stages to train, or to train again because of damaged files.

    Raises RunError if there are none.
    """
    opened = open_run(run, runs=runs, listeners=listeners)
    if opened.complete and find_damage(opened) is None:
        raise RunError(f"{str(opened.path)!r} is complete: there is nothing to resume")
    return opened


def _all_listeners(plugins: Plugins, listeners: Sequence[object]) -> list[object]:
    if isinstance(listeners, str) or not isinstance(listeners, Sequence):
        example = f"[{listeners!r}]" if isinstance(listeners, str) else "['tensorboard']"
        raise OptionError(f"give a list of names or objects, such as {example}", "listeners")
    return [MetricsLog(), Previews(), *map(plugins.listener, listeners)]


def _read_picture(picture: str | Path | Image.Image) -> Picture:
    if isinstance(picture, Image.Image):
        return from_image(picture)
    if not isinstance(picture, str | Path):
        kind = type(picture).__name__
        raise PictureError(f"a picture is a path or a Pillow image, not {kind}")
    return load_picture(picture, reduced=True)  # training reduces it further
