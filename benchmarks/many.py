"""Ten thousand runs: what listing, a batch that is done, and the report of them cost.

    python -m benchmarks.many [--runs 10000] [--json]

It trains a tiny run, copies its records (not its weights) so many times into a temporary folder,
and says the CPU seconds of `consingan list` and of finding out what is trained already, and the
bytes and the seconds of the report. Then it counts the operations on files of a tiny training, by
Python's audit events: what a file system sees that many machines share.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import consingan
from benchmarks.kills import draw
from benchmarks.shared import command_line, run
from consingan import Job, Outcome, cli
from consingan.batches.finding import known_runs
from consingan.batches.report import Row, write_report
from consingan.core.runs.find import after_all
from consingan.core.runs.records import RunConfig, parse_record
from consingan.core.training import loop

OPTIONS: dict[str, Any] = {"max_size": 40, "min_size": 14, "train_stages": 3, "niter": 40}
RECORDS = ("config.json", "config.backup.json", "state.json", "state.backup.json", ".lock")
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.scandir", "os.link")


def multiply(trained: Path, folder: Path, count: int) -> list[Path]:
    """So many runs with the records of one, each on a picture of its own name."""
    made = []
    for number in range(count):
        path = folder / f"picture-{number:05}" / trained.name
        path.mkdir(parents=True)
        for name in RECORDS:
            if (trained / name).is_file():
                shutil.copy(trained / name, path / name)
        made.append(path)
    return made


def report(folder: Path, paths: list[Path]) -> None:
    """A report with a row for each run."""
    job = Job(0, "/photos/a.png", "generation", "default", {"seed": 0, "niter": 40}, {}, "")
    rows = [
        Row(job, Outcome(number, "complete", run=str(path), seconds=number / 7, weights="ab" * 32))
        for number, path in enumerate(paths)
    ]
    write_report(folder, rows)


def operations() -> Counter[str]:
    """The operations on files while a run is trained, a minute of logs and checkpoints apart."""
    counted: Counter[str] = Counter()
    counting = [True]

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if counting[0] and event in EVENTS and folder in str(arguments[0]):
            counted[event] += 1

    with tempfile.TemporaryDirectory() as folder:
        sys.addaudithook(count)
        consingan.train(draw(), runs=folder, device="cpu", **OPTIONS)
        counting[0] = False
    return counted


def cost(folder: Path) -> dict[str, int]:
    """The files and bytes of a run folder."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {"files": len(files), "bytes": sum(file.stat().st_size for file in files)}


def main() -> int:
    """Measure, print; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    given = parser.parse_args()
    seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(name: str) -> Any:
        started = time.process_time()
        yield
        seconds[name] = round(time.process_time() - started, 2)

    with tempfile.TemporaryDirectory() as folder:
        trained = consingan.train(draw(), runs=Path(folder) / "one", device="cpu", **OPTIONS)
        runs = Path(folder) / "runs"
        paths = multiply(trained.path, runs, given.runs)
        with timed("list"), contextlib.redirect_stdout(io.StringIO()):
            cli.run(["list", "--runs", str(runs)])
        with timed("find what is trained"):
            known_runs(runs)
        with timed("a name for a new run"):
            after_all(runs, parse_record(RunConfig, trained.path, RunConfig.file).created)
        with timed("report"):
            report(runs, paths)
        found = {
            "runs": given.runs,
            "CPU seconds": seconds,
            "page bytes": (runs / "batch.html").stat().st_size,
            "a tiny run": cost(trained.path),
        }
    found["operations of a tiny training"] = dict(operations())
    found["log seconds"] = loop.LOG_SECONDS
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    run(main)
