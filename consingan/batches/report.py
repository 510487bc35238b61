"""The report of a batch: a CSV file, a Parquet file, and one HTML page that needs no server."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from consingan.batches.jobs import Job
from consingan.batches.work import Outcome
from consingan.core.system.atomic_files import write_bytes
from consingan.errors import RunError

STYLE = """
body { margin: 2rem; font: 15px/1.4 system-ui, sans-serif; color: #333; background: #fff; }
h1 { font-size: 1.2rem; font-weight: 600; }
table { border-collapse: collapse; }
th { cursor: pointer; text-align: left; user-select: none; }
th[aria-sort=ascending]::after { content: " \\2191"; }
th[aria-sort=descending]::after { content: " \\2193"; }
td, th { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
img { height: 72px; }
.failed { color: #b00; }
"""
SCRIPT = """
const body = document.querySelector("tbody"), heads = [...document.querySelectorAll("th")];
document.querySelector("input").oninput = event => {
  const words = event.target.value.toLowerCase().split(/\\s+/);
  for (const row of body.rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
  }
};
const value = (row, at) => row.cells[at].dataset.value ?? row.cells[at].textContent;
heads.forEach((head, at) => head.onclick = () => {
  const up = head.getAttribute("aria-sort") !== "ascending";
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const sign = up ? 1 : -1, compare = new Intl.Collator(undefined, {numeric: true}).compare;
  const number = text => text.trim() === "" ? NaN : Number(text);
  body.append(...[...body.rows].sort((one, other) => {
    const a = value(one, at), b = value(other, at), difference = number(a) - number(b);
    return sign * (Number.isNaN(difference) ? compare(a, b) : difference);
  }));
});
"""


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
            "seconds": round(outcome.seconds, 1) if outcome.run else None,
            **{name: outcome.figures.get(name) for name in figures},
            "weights": outcome.weights,
            "run": outcome.run,
            "applied": outcome.applied,
            "error": outcome.error,
        }


def write_report(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Write `batch.csv`, `batch.html`, and `batch.parquet` if pyarrow is installed.

    Older ones are replaced. Raises RunError if the folder cannot be written.
    """
    table = table_of(rows)
    files = {"batch.csv": _csv(table), "batch.html": _html(table, folder).encode()}
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


def _html(table: Sequence[dict[str, Any]], folder: Path) -> str:
    heads = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in ("", *table[0]))
    rows = "".join(_row(row, folder) for row in table)
    failed = sum(row["state"] == "failed" for row in table)
    title = f"{len(table)} trainings, {failed} failed"
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n"
        '<p><input type="search" placeholder="filter" aria-label="filter"></p>\n'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table>\n"
        f"<script>{SCRIPT}</script>\n</html>\n"
    )


def _row(row: dict[str, Any], folder: Path) -> str:
    cells = [f"<td>{_pictures(row['run'], folder)}</td>"]
    for name, value in row.items():
        text = "" if value is None else str(value)
        shown = escape(text)
        if name in ("run", "applied") and text:
            shown = f'<a href="{_link(Path(text), folder)}">{escape(Path(text).name)}</a>'
        elif name == "picture":
            shown = escape(Path(text).name)
        elif name == "weights":
            shown = escape(text[:8])
        elif isinstance(value, float):
            shown = f"{value:.4g}"
        cells.append(f'<td data-value="{escape(text)}">{shown}</td>')
    return f'<tr class="{escape(row["state"])}">{"".join(cells)}</tr>\n'


def _pictures(run: str | None, folder: Path) -> str:
    """The training picture and the last preview, which the page finds where they are."""
    if run is None:
        return ""
    files = [Path(run) / "picture.png", *sorted(Path(run).glob("previews/*.png"))[-1:]]
    links = [_link(file, folder) for file in files]
    return " ".join(
        f'<a href="{link}"><img loading="lazy" alt="" src="{link}"></a>' for link in links
    )


def _link(file: Path, folder: Path) -> str:
    return escape(quote(os.path.relpath(file, folder).encode(errors="surrogateescape")))
