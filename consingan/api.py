"""Training from Python; the command line calls the same functions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consingan.core.hooks.dispatch import Hooks
from consingan.core.options.presets import DEFAULT_PRESET
from consingan.core.options.training import CHECKPOINT_EVERY
from consingan.core.run import Run
from consingan.core.system.devices import find_device, with_precision
from consingan.core.system.torch_settings import own_settings
from consingan.core.training.forecast import Forecast
from consingan.core.training.session import check_seconds, train_run
from consingan.core.training.start import (
    plan_training,
)
from consingan.errors import Note
from consingan.loading import find_plugins
from consingan.opening import CONSOLE, check_listeners, open_unfinished
from consingan.preparing import (
    Source,
    parse,
    prepare,
    prepare_fine_tuning,
    prepare_refinement,
    read_picture,
)


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
    heard = [*check_listeners(listeners), *[CONSOLE] * progress]
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
    loaded, parsed = parse(find_plugins(), mode, preset, options)
    source, place = read_picture(picture), find_device(device)
    return plan_training(source, with_precision(parsed, place), Hooks(loaded.mode), place)
