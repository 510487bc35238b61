"""`consingan list`, `compare` and `remove`: many runs at a time."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consingan.commands.parameters import (
    RUNS,
    AsJson,
    Device,
    RunName,
    RunsFolder,
    SampleCount,
    SampleSeed,
)
from consingan.console import duration, escaped, print_json, print_table

if TYPE_CHECKING:
    from consingan.core.runs.listing import ListedRun
    from consingan.evaluation import Evaluation


def list_all(runs: RunsFolder = RUNS, as_json: AsJson = False) -> None:
    """List all runs, by their folders, the newest first."""
    from consingan.core.runs.listing import list_runs

    listed = list_runs(runs)
    if as_json:
        print_json([run.model_dump(mode="json") for run in listed])
        return
    if not listed:
        print(f"no run is below {escaped(str(runs))} yet")
        print("Next: consingan generation train PHOTO")
        return
    by_folder: dict[Path, list[ListedRun]] = {}
    for run in listed:
        by_folder.setdefault(Path(run.path).parent, []).append(run)
    rows: list[tuple[str, ...]] = []
    for folder, inside in by_folder.items():
        rows += [(f"{folder}{os.sep}", *[""] * 6), *map(_row, inside)]
    print_table(("run", "preset", "size", "state", "made", "took", "applied"), rows)


def compare(
    run: RunName,
    other: RunName,
    num_samples: SampleCount = 10,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A picture file for a sheet with samples of both, side by side.",
            show_default=False,
        ),
    ] = None,
    seed: SampleSeed = 0,
    runs: RunsFolder = RUNS,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Compare two runs: the options that differ, the figures, and samples side by side."""
    from consingan import comparison
    from consingan.opening import open_run

    pair = open_run(run, runs=runs), open_run(other, runs=runs)
    found = comparison.compare(*pair, num_samples, out=out, seed=seed, device=device)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    names = [escaped(path) for path in found.runs]
    print(f"1: {names[0]}\n2: {names[1]}")
    rows = [
        (name.replace("_", " "), *("-" if value is None else str(value) for value in values))
        for name, values in found.options.items()
    ]
    print_table(("setting", "1", "2"), rows or [("all settings are the same", "", "")])
    print_table(("figure", "1", "2"), _figures(*found.figures))
    if found.sheet is not None:
        print(f"Look at: {escaped(str(found.sheet))}")


def remove(
    run: RunName,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    runs: RunsFolder = RUNS,
) -> None:
    """Delete a run and the pictures in its folder. It asks first."""
    from consingan.core.runs.find import find_run
    from consingan.core.runs.listing import remove_run

    folder = find_run(run, runs)
    if not yes:
        typer.confirm(f"Delete {escaped(str(folder))} and all pictures in it?", abort=True)
    remove_run(folder)
    print(f"Removed: {escaped(str(folder))}")


def _row(run: ListedRun) -> tuple[str, ...]:
    return (
        Path(run.path).name,
        run.preset or "",
        "" if run.size is None else str(run.size),
        run.state,
        "" if run.created is None else _age(run.created),
        "" if run.seconds is None else duration(run.seconds),
        str(len(run.applied)) if run.applied else "",
    )


def _age(created: datetime) -> str:
    """How long ago: `5 min ago`, `3 h ago`, `12 days ago`."""
    seconds = max(0.0, (datetime.now(timezone.utc) - created).total_seconds())
    for length, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"


def _figures(first: Evaluation, second: Evaluation) -> list[tuple[str, ...]]:
    pair = first.samples, second.samples
    names = {
        "patch distance": "patch_distance",
        "diversity": "diversity",
        "distance to the picture": "distance",
        "patches in place": "in_place",
        "sharpness": "sharpness",
    }
    rows = [
        (name, *("-" if v is None else f"{v:.4f}" for v in (getattr(s, field) for s in pair)))
        for name, field in names.items()
    ]
    return [*rows, ("verdict", first.verdict.finding, second.verdict.finding)]
