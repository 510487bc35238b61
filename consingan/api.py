"""The toolkit from Python: train, fine-tune, open, resume."""

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
from consingan.core.training.forecast import Forecast
from consingan.core.training.session import train_run
from consingan.core.training.start import create_fine_tuning, create_run, plan_training
from consingan.errors import OptionError, PictureError, RunError, RunNotFoundError
from consingan.listeners.log import MetricsLog
from consingan.listeners.previews import Previews
from consingan.plugins import LoadedMode, Plugins, find_plugins

RUNS = Path("runs")
"""Where runs are kept unless another folder is named."""


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
    """Learn from one picture.

    Args:
        picture: a file's path, or a Pillow image.
        mode: the name of an installed mode; `consingan modes` lists them.
        preset: `default`, `draft`, `best` or `paper`: what the options start from.
        naive: a picture that the previews show the effect on, in modes that repaint pictures; it
            is never trained on.
        runs: the folder of runs; the new run is `<runs>/<picture>/<time>-<mode>`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        listeners: names of installed listeners, or objects with notification hooks (see
            `docs/plugins.md`), told how training goes.
        checkpoint_every: seconds after which what is done of a stage is saved, so that `resume`
            can go on within it.
        options: the mode's training options, by name, such as `niter=500`.

    Returns:
        The finished run, ready for `run.apply()`.

    Raises:
        PictureError: a picture cannot be read, or is too small.
        OptionError: an option is unknown or out of range, or the device isn't there.
        ModeError: there is no such mode, or it failed.
        RunError: the run folder cannot be written.
    """
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
    """Train the last stage of a run again, on one naive picture; the run itself stays as it is.

    Args:
        run: as in `open_run`; names are looked up in `runs`, then in the default folder.
        naive: the picture that is to come out well.
        runs: the folder of runs; the new one names its parent.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        listeners: told how training goes.
        options: training options that may change, such as `niter=500`.

    Raises OptionError if the run's mode has no fine-tuning; otherwise as `train` and `open_run`.
    """
    tuned = prepare_fine_tuning(run, naive, runs, device, listeners, options)
    train_run(tuned, device)
    return tuned


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
    """Check everything that `train` is given, then make the run folder; nothing trains yet."""
    loaded, parsed = _parse(plugins, mode, preset, options)
    source = _read_picture(picture)
    shown = None if naive is None else _read_picture(naive)
    place = find_device(device)
    parsed = with_precision(parsed, place)
    hooks = Hooks(loaded.mode, _with_own(plugins, listeners))
    return create_run(Path(runs), source, parsed, preset, loaded.plugin, hooks, place, shown)


def plan(
    picture: str | Path | Image.Image,
    mode: str = "generation",
    *,
    preset: str = DEFAULT_PRESET,
    device: str = "auto",
    **options: Any,
) -> Forecast:
    """Say what `train` would do with the same arguments, stage by stage, and how long it takes.

    Times a few steps on this machine, within about ten seconds; nothing is written. Raises what
    `train` raises before it trains.
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


def prepare_fine_tuning(
    run: str | Path,
    naive: str | Path | Image.Image,
    runs: str | Path,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
    mode: str | None = None,
) -> Run:
    """Check everything that `fine_tune` is given, then make the run folder."""
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
        run: its path; or `latest`; or a picture's name, for the latest run on it.
        runs: the folder in which names are looked up.
        mode: a name finds a run of this mode that has a trained stage, if there is one.
        listeners: told how training goes, if the run is resumed.

    Raises RunNotFoundError, RunError if it is damaged, and PluginError if its mode is missing.
    """
    plugins = find_plugins()

    def find_hooks(config: RunConfig) -> Hooks:
        return plugins.hooks_for(config, _with_own(plugins, listeners))

    return Run.open(find_run(str(run), Path(runs), mode), find_hooks)


def resume(
    run: str | Path,
    *,
    runs: str | Path = RUNS,
    device: str = "auto",
    listeners: Sequence[object] = (),
    checkpoint_every: float = CHECKPOINT_EVERY,
) -> Run:
    """Train the stages that an unfinished run lacks, or whose files are damaged.

    From the lowest damaged one on all are trained again, and a Note says so; the old files are
    kept. Arguments and errors as in `open_run`.
    """
    opened = open_unfinished(run, runs, listeners)
    train_run(opened, device, checkpoint_every)
    return opened


def open_unfinished(run: str | Path, runs: str | Path, listeners: Sequence[object]) -> Run:
    """Open a run that has stages left to train, or to train again as their files are damaged.

    Raises RunError if it has none.
    """
    opened = open_run(run, runs=runs, listeners=listeners)
    if opened.complete and find_damage(opened) is None:
        raise RunError(f"{str(opened.path)!r} is complete: there is nothing to resume")
    return opened


def _with_own(plugins: Plugins, listeners: Sequence[object]) -> list[object]:
    return [MetricsLog(), Previews(), *map(plugins.listener, listeners)]


def _read_picture(picture: str | Path | Image.Image) -> Picture:
    if isinstance(picture, Image.Image):
        return from_image(picture)
    if not isinstance(picture, str | Path):
        kind = type(picture).__name__
        raise PictureError(f"a picture is a path or a Pillow image, not {kind}")
    return load_picture(picture)
