"""Opening runs that are there, and removing them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from consingan.core.hooks.dispatch import Hooks
from consingan.core.run import Run
from consingan.core.runs.damage import find_damage
from consingan.core.runs.find import find_run
from consingan.core.runs.listing import remove_run, rename_run
from consingan.core.runs.location import runs_folder
from consingan.core.runs.records import RunConfig
from consingan.errors import Note, OptionError, RunError
from consingan.listeners.log import MetricsLog
from consingan.listeners.previews import Previews
from consingan.loading import find_plugins
from consingan.plugins import LoadedMode, Plugins

BORDERS = {
    "oversize": "what lies at the picture's border may end up anywhere",
    "zero": "what lies at the picture's border stays there",
}
"""What each padding style means for a picture."""


CONSOLE = "console"
"""The name of the listener that shows the progress of a training."""


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
            retarget apply each other's runs. For names, runs that it can apply come next.
        listeners: as in `train`; they are called if the run is resumed.

    Raises RunNotFoundError, RunError if the run is damaged, PluginError if its mode is missing,
    OptionError if `apply_mode` cannot apply it.
    """
    plugins = find_plugins()

    def find_hooks(config: RunConfig) -> Hooks:
        return plugins.hooks_for(config, all_listeners(plugins, listeners))

    modes = [] if mode is None else [mode]
    if apply_mode is not None:
        modes += plugins.mode(apply_mode).mode.applies
    path = run.path if isinstance(run, Run) else find_run(str(run), runs_folder(runs), modes)
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


def open_unfinished(
    run: Run | str | Path, runs: str | Path | None, listeners: Sequence[object]
) -> Run:
    """Open a run that has stages to train, or to train again because of damaged files.

    Raises RunError if there are none.
    """
    opened = open_run(run, runs=runs, listeners=listeners)
    if opened.complete and find_damage(opened.path, opened.state) is None:
        raise RunError(f"{str(opened.path)!r} is complete: there is nothing to resume")
    return opened


def remove(run: Run | str | Path, *, runs: str | Path | None = None) -> None:
    """Delete a run's folder, with all pictures in it. `run` is as in `open_run`.

    Raises RunNotFoundError, or RunError if it is being trained, is no run, or cannot be deleted.
    """
    path = run.path if isinstance(run, Run) else find_run(str(run), runs_folder(runs))
    remove_run(path)


def rename(run: Run | str | Path, name: str, *, runs: str | Path | None = None) -> Path:
    """Give a run another picture's name, by which it is found then. Returns its new folder.

    `run` is as in `open_run`. Raises RunNotFoundError; or RunError if it is being trained, is no
    run, or cannot be moved.
    """
    path = run.path if isinstance(run, Run) else find_run(str(run), runs_folder(runs))
    return rename_run(path, name)


def all_listeners(plugins: Plugins, listeners: Sequence[object]) -> list[object]:
    """Those that every run has, and `listeners`. Raises the errors of `Plugins.listener`."""
    heard = [_listener(plugins, wanted) for wanted in check_listeners(listeners)]
    return [MetricsLog(), Previews(), *heard]


def check_listeners(listeners: Sequence[object]) -> Sequence[object]:
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
