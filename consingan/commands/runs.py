"""`consingan resume`, `show` and `import`, for runs of any mode."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consingan.commands.parameters import (
    RUNS,
    AsJson,
    CheckpointEvery,
    Device,
    Listen,
    RunName,
    RunsFolder,
)
from consingan.console import complain, duration, escaped, print_json, print_table, quoted
from consingan.core.options.fields import flag, in_words
from consingan.core.options.training import CHECKPOINT_EVERY
from consingan.errors import Terminated

if TYPE_CHECKING:
    from consingan.core.run import Run
    from consingan.listeners.console import ConsoleProgress

TRAIN_BUDGET = 4.0
"""Seconds for the forecast before a training."""


def resume(
    run: RunName,
    runs: RunsFolder = RUNS,
    device: Device = "auto",
    listen: Listen = None,
    checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
) -> None:
    """Continue an unfinished training from where it stopped."""
    from consingan.opening import open_unfinished

    names = listen or []
    train_visibly(
        lambda listener: open_unfinished(run, runs, [listener, *names]), device, checkpoint_every
    )


def refine(
    run: RunName,
    niter: Annotated[int, typer.Option(help="Number of iterations.", min=1, show_default=False)],
    runs: RunsFolder = RUNS,
    device: Device = "auto",
    listen: Listen = None,
    checkpoint_every: CheckpointEvery = CHECKPOINT_EVERY,
) -> None:
    """Train the last stage of a finished run further, as a new run."""
    from consingan.preparing import prepare_refinement

    def begin(listener: object) -> Run:
        return prepare_refinement(run, runs, device, [listener, *(listen or [])], {"niter": niter})

    train_visibly(begin, device, checkpoint_every)


def show(
    run: RunName,
    curves: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the losses of the training into this picture file.",
            show_default=False,
        ),
    ] = None,
    runs: RunsFolder = RUNS,
    as_json: AsJson = False,
) -> None:
    """Show a run: its picture, options and progress, and the next command."""
    from consingan.opening import open_run

    opened = open_run(run, runs=runs)
    if curves is not None:
        from consingan.core.pictures.outputs import Outputs

        outputs = Outputs(curves)
        drawn = outputs.save_image("" if outputs.named else "curves", opened.curves())
        complain(f"note: the losses are in {str(drawn)!r}")
    summary = _summary(opened)
    if as_json:
        print_json(summary)
        return
    print(escaped(f"{opened.path}: {opened.mode} on {opened.config.picture}, {summary['status']}"))
    rows = []
    for stage, size in enumerate(opened.sizes):
        saved = opened.state.stages[stage] if stage < opened.stages_done else None
        rows.append(
            (str(stage + 1), str(size), duration(saved.seconds) if saved else "not trained")
        )
    print_table(("stage", "picture size", "took"), rows)
    fields = type(opened.options).model_fields
    options = ", ".join(
        f"{name} {in_words(fields[name], value)}"
        for name, value in opened.options
        if value != fields[name].default
    )
    if opened.config.parent is not None:
        how = "fine-tuned from" if opened.config.fine_tuned else "refined from"
        print(escaped(f"{how} {opened.config.parent}"))
    print(escaped(f"preset {opened.config.preset}" + (f"; {options}" if options else "")))
    if summary["damage"]:
        print(escaped(f"Damaged: {summary['damage']}"))
    elif summary["status"] == "training":
        print("Next: wait until it is trained, or stop it with Ctrl-C where it runs")
    else:
        print(f"Next: {summary['next']}")


def import_run(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL_DIR",
            help="A model folder of the published code, with parameters.txt, the .pth files and "
            "the stage folders 0, 1, ... G.pth, a pickled module, is not needed.",
            show_default=False,
        ),
    ],
    runs: RunsFolder = RUNS,
) -> None:
    """Import a model of the published ConSinGAN code as a run."""
    from consingan.importing.models import import_model

    run = import_model(folder, runs)
    for note in run.config.notes:
        complain(f"note: {note}")
    print(f"Imported: {escaped(str(run.path))}")
    print(f"Next: {next_command(run)}")


def train_visibly(
    prepare: Callable[[ConsoleProgress], Run],
    device: str,
    checkpoint_every: float,
    naive: Path | None = None,
) -> None:
    """Prepare a run, train it with progress on the terminal, and print the next command.

    `prepare` gets the listener that shows the progress. `naive` is the run's naive picture, if any.
    """
    from rich.console import Console

    from consingan.core.runs.stored_inputs import read_pyramid
    from consingan.core.system.devices import find_device
    from consingan.core.training.forecast import forecast
    from consingan.core.training.session import train_run
    from consingan.listeners.console import ConsoleProgress

    class Stderr(Console):
        def on_broken_pipe(self) -> None:  # Rich's own closes stdout and exits
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    progress = ConsoleProgress(Stderr(stderr=True))
    run = prepare(progress)
    for note in run.config.notes:
        complain(f"note: {note}")
    place = find_device(device)
    try:
        progress.forecast = forecast(
            read_pyramid(run, place), run.options, run.hooks, place, TRAIN_BUDGET
        )
        train_run(run, device, checkpoint_every)
    except (KeyboardInterrupt, Terminated):
        done, stages = run.stages_done, len(run.sizes)
        part = run.state.checkpoint
        within = f", and {part.step} steps of stage {part.stage + 1}" if part else ""
        saved = f"{done} of {stages} stages are saved{within}"
        complain(f"stopped; {saved}. Next: {next_command(run)}")
        raise
    total = duration(sum(stage.seconds for stage in run.state.stages))
    print(f"Trained in {total}: {escaped(str(run.path))}")
    print(f"Next: {next_command(run, naive)}")


def next_command(run: Run, naive: Path | None = None) -> str:
    """The next command for a run: `resume` if it is unfinished, or else `apply`.

    `naive` is the naive picture to apply it to, if known.
    """
    path = quoted(run.path)
    if not run.complete:
        return f"consingan resume {path}"
    known = {} if naive is None else {"naive": quoted(naive)}
    fields = run.hooks.mode.ApplyOptions.model_fields.items()
    needed = [name for name, field in fields if field.is_required()]
    values = [f" {flag(name)} {known.get(name, name.upper())}" for name in needed]
    return f"consingan {run.mode} apply {path}{''.join(values)}"


def _summary(run: Run) -> dict[str, Any]:
    from consingan.core.runs.damage import find_damage, remedy
    from consingan.core.runs.locks import being_trained

    damage, state = find_damage(run.path, run.state), run.state.model_dump(mode="json")
    if state["status"] == "training" and not being_trained(run.path):
        state["status"] = "stopped"  # its process was killed
    return {
        "path": str(run.path),
        **run.config.model_dump(mode="json"),
        **state,
        "damage": damage and f"{damage[1]}, or {remedy(run, damage[0])}",
        "next": next_command(run),
    }
