"""The report of a batch: a CSV file, a Parquet file, and one HTML page that needs no server."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consingan.batches.jobs import Job
from consingan.batches.page import page_of
from consingan.batches.work import Outcome
from consingan.core.system.atomic_files import write_bytes
from consingan.errors import RunError


@dataclass(frozen=True)
class Row:
    """A job and what became of it."""

    job: Job
    outcome: Outcome

    def values(self, changes: Sequence[str], figures: Sequence[str]) -> dict[str, Any]:
        """A table's cells, by column. None where there is no value."""
        job, outcome = self.job, self.outcome
        return {
            "picture": job.picture,
            "mode": job.mode,
            "preset": job.preset,
            **{name: job.changes.get(name) for name in changes},
            "state": outcome.state,
            "error": outcome.error,
            "seconds": round(outcome.seconds, 1) if outcome.run else None,
            **{name: outcome.figures.get(name) for name in figures},
            "weights": outcome.weights,
            "run": outcome.run,
            "applied": outcome.applied,
        }


def write_report(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Write `batch.csv`, `batch.html`, and `batch.parquet` if pyarrow is installed.

    Older ones are replaced. Raises RunError if the folder cannot be written.
    """
    table = table_of(rows)
    files = {"batch.csv": _csv(table), "batch.html": page_of(table, folder).encode()}
    if (parquet := _parquet(table)) is not None:
        files["batch.parquet"] = parquet
    try:
        for name, content in files.items():
            write_bytes(folder / name, content)
    except OSError as error:
        raise RunError(f"cannot write to {str(folder)!r}: {error.strerror}") from None
    return [folder / name for name in files]


def table_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """All rows with the same columns."""
    changes = list(dict.fromkeys(name for row in rows for name in row.job.changes))
    figures = list(dict.fromkeys(name for row in rows for name in row.outcome.figures))
    return [row.values(changes, figures) for row in rows]


def _csv(table: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue().encode(errors="backslashreplace")


def _parquet(table: Sequence[dict[str, Any]]) -> bytes | None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return None
    plain = [{name: _plain(value) for name, value in row.items()} for row in table]
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(plain), sink)
    return bytes(sink.getvalue())


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict) else value
