"""`consingan batch`: many pictures under many options."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consingan.commands.parameters import RUNS, AsJson, Device, Preset, RunsFolder
from consingan.console import complain, duration, escaped, print_json
from consingan.core.options.presets import DEFAULT_PRESET
from consingan.errors import OptionError

if TYPE_CHECKING:
    from rich.table import Table

    from consingan.batches.jobs import Job
    from consingan.batches.work import Outcome


def batch(
    mode: Annotated[str, typer.Argument(metavar="MODE", help="A mode.", show_default=False)],
    pictures: Annotated[
        list[Path],
        typer.Argument(
            metavar="PICTURES",
            help="Files, folders, or CSV lists with a column `picture` and columns of options.",
            show_default=False,
        ),
    ],
    preset: Preset = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE,...",
            help="A training option with one or more values. All combinations are trained.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Train each with so many seeds.")] = 1,
    apply: Annotated[bool, typer.Option("--apply", help="Make pictures of each run too.")] = False,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Compute the figures of each run too.")
    ] = False,
    jobs: Annotated[
        str,
        typer.Option(metavar="NUMBER", help="How many at once; `auto`: what is fastest is timed."),
    ] = "auto",
    threads: Annotated[
        str, typer.Option(metavar="NUMBER", help="CPU threads of each training, or `auto`.")
    ] = "auto",
    gpus: Annotated[
        float, typer.Option(min=0, help="The share of a GPU that each takes: 0.25 for four on one.")
    ] = 0.0,
    on: Annotated[
        str, typer.Option(help="Who trains: `local`, or an executor of a plugin.")
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="The executor's cluster, as it takes it.", show_default=False)
    ] = None,
    runs: RunsFolder = RUNS,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train on many pictures, side by side. The same command again goes on where it stopped."""
    from rich.console import Console
    from rich.live import Live

    from consingan.batches.batch import batch as run_batch
    from consingan.batches.executor import Resources
    from consingan.batches.report import table_of

    resources = Resources(_number(jobs, "jobs"), _number(threads, "threads"), gpus, address)
    progress, console = _Progress(), Console(stderr=True)
    live = Live(get_renderable=progress.table, console=console, refresh_per_second=2)
    with live if console.is_terminal else nullcontext():
        done = run_batch(
            pictures,
            mode,
            preset=preset or DEFAULT_PRESET,
            sweep=_swept(sweep or []),
            seeds=seeds,
            apply=apply,
            evaluate=evaluate,
            runs=runs,
            device=device,
            on=on,
            resources=resources,
            on_jobs=progress.begin,
            on_outcome=progress.take,
        )
    failed = [row for row in done.rows if row.outcome.state == "failed"]
    for reason, count in Counter(row.outcome.error for row in failed).items():
        complain(f"failed: {reason}" + (f" ({count} trainings)" if count > 1 else ""))
    if as_json:
        print_json(table_of(done.rows))
    else:
        print(f"{len(done.rows) - len(failed)} of {len(done.rows)} are trained")
        for file in done.files:
            print(f"Look at: {escaped(str(file))}")
    if failed:
        raise typer.Exit(1)


def _number(given: str, option: str) -> int | None:
    if given == "auto":
        return None
    if not (given.isdecimal() and int(given)):
        raise OptionError(f"give a number of 1 or more, or auto, not {given!r}", option)
    return int(given)


def _swept(given: list[str]) -> dict[str, list[Any]]:
    swept: dict[str, list[Any]] = {}
    for text in given:
        name, sign, values = text.partition("=")
        if not (name and sign and values):
            raise OptionError(f"give NAME=VALUE, or NAME=VALUE,VALUE, not {text!r}", "set")
        swept[name.strip().replace("-", "_")] = [value.strip() for value in values.split(",")]
    return swept


class _Progress:
    """How far a batch is: counts, the time left, and what runs."""

    def __init__(self) -> None:
        from time import monotonic

        self.clock = monotonic
        self.jobs: list[Job] = []
        self.state: dict[int, str] = {}
        self.begun = 0.0

    def begin(self, jobs: list[Job]) -> None:
        self.jobs, self.begun = jobs, self.clock()

    def take(self, outcome: Outcome) -> None:
        self.state[outcome.number] = outcome.state

    def left(self) -> str:
        """The time left for all, by the mean of those that ended; nothing is known before."""
        ended = sum(state != "running" for state in self.state.values())
        if not ended or ended == len(self.jobs):
            return "" if ended else "?"
        return duration((self.clock() - self.begun) / ended * (len(self.jobs) - ended))

    def table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        states = list(self.state.values())
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for name in ("done", "running", "failed", "waiting", "time left"):
            table.add_column(name)
        counts = [states.count(state) for state in ("complete", "running", "failed")]
        table.add_row(*map(str, [*counts, len(self.jobs) - len(states)]), self.left())
        for job in self.jobs:
            if self.state.get(job.number) == "running":
                name = escaped(Path(job.picture).name)
                changes = " ".join(f"{name}={value}" for name, value in job.changes.items())
                table.add_row("", Text(f"{name} {escaped(changes)}"))
        return table
