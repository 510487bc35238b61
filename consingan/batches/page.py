"""The page of a batch: a table with pictures and links, sorted and filtered without a server.

Its rows are data, and it shows as many as are looked at: there may be ten thousand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

STYLE = """
:root { color-scheme: light dark;
  --ink: #26282b; --soft: #767b82; --line: #e6e8ea; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dcdee0; --soft: #969ba1; --line: #33373c; --bad: #f2837b; }
  body { background: #17191c; }
}
body { margin: 2rem clamp(1rem, 4vw, 4rem); font: 14px/1.45 system-ui, sans-serif;
  color: var(--ink); }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .4rem 1.5rem; }
h1 { margin: 0; font-size: 1.25rem; font-weight: 600; }
header p { margin: 0; color: var(--soft); }
input { margin-left: auto; width: 16rem; padding: .35rem .6rem; font: inherit; color: inherit;
  background: none; border: 1px solid var(--line); border-radius: 6px; }
.scroll { overflow-x: auto; }
table { width: 100%; margin-top: 1.25rem; border-collapse: collapse; }
th { padding: .4rem 1.2rem .4rem 0; border-bottom: 1px solid var(--soft); font-weight: 500;
  color: var(--soft); text-align: left; white-space: nowrap; cursor: pointer; user-select: none; }
th[aria-sort] { color: var(--ink); }
th[aria-sort=ascending]::after { content: " \\2191"; }
th[aria-sort=descending]::after { content: " \\2193"; }
td { padding: .5rem 1.2rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.pictures { white-space: nowrap; }
td.error { min-width: 16rem; color: var(--bad); }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: 3px; }
img { height: 64px; max-width: 220px; margin-right: 4px; border-radius: 3px; object-fit: cover;
  object-position: left top; vertical-align: middle; }
tr.failed td.state { color: var(--bad); }
"""
OWN = ("picture", "state", "run")
"""The columns that are always shown."""
SCRIPT = """
const {columns, rows} = JSON.parse(document.getElementById("table").textContent);
const STEP = 100, body = document.querySelector("tbody"), end = document.getElementById("end");
const heads = [...document.querySelectorAll("th")], count = document.getElementById("count");
const texts = rows.map(row => row.cells.map(cell => cell.text).join(" ").toLowerCase());
let found = rows.map((_, at) => at), shown = 0;
const add = (parent, tag, values) => parent.appendChild(
  Object.assign(document.createElement(tag), values));
const draw = row => {
  const line = add(body, "tr", {className: row.state});
  const pictures = add(line, "td", {className: "pictures"});
  for (const src of row.pictures)
    add(add(pictures, "a", {href: src}), "img", {src, loading: "lazy", alt: ""});
  row.cells.forEach((cell, at) => {
    const place = add(line, "td", {className: columns[at].kind, title: cell.title ?? ""});
    if (cell.href) add(place, "a", {href: cell.href, textContent: cell.text});
    else place.textContent = cell.text;
  });
};
const more = () => {
  found.slice(shown, shown + STEP).forEach(at => draw(rows[at]));
  shown = Math.min(shown + STEP, found.length);
};
const again = () => {
  body.replaceChildren(); shown = 0; more();
  count.textContent = found.length < rows.length ? `${found.length} shown` : "";
};
new IntersectionObserver(seen => seen[0].isIntersecting && more(), {rootMargin: "600px"})
  .observe(end);
const compare = new Intl.Collator(undefined, {numeric: true}).compare;
let order = (one, other) => one - other;
const filter = () => {
  const words = document.querySelector("input").value.toLowerCase().split(/\\s+/);
  found = rows.map((_, at) => at).filter(at => words.every(word => texts[at].includes(word)));
  found.sort(order); again();
};
document.querySelector("input").oninput = filter;
heads.forEach((head, place) => head.onclick = () => {
  if (!place) return;
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const value = at => rows[at].cells[place - 1].value ?? rows[at].cells[place - 1].text;
  order = (one, other) => {
    const a = value(one), b = value(other);
    if (a === "" || b === "") return (a === "") - (b === "");  // what is missing comes last
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : compare(a, b));
  };
  found.sort(order); again();
});
again();
"""


def page_of(table: Sequence[dict[str, Any]], folder: Path) -> str:
    """The page of a table with a column `run` and others; links are relative to `folder`."""
    shared = _shared(table)
    table = [{name: row[name] for name in row if name not in shared} for row in table]
    columns = [{"name": name.replace("_", " "), "kind": _kind(name, table)} for name in table[0]]
    heads = "".join(f'<th class="{c["kind"]}">{escape(c["name"])}</th>' for c in columns)
    content = json.dumps(
        {"columns": columns, "rows": [_row(row, folder) for row in table]}, separators=(",", ":")
    )
    failed = sum(row["state"] == "failed" for row in table)
    title = f"{len(table)} trainings"
    says = [f"{failed} failed" if failed else "none failed"]
    says += [
        f"{name.replace('_', ' ')} {value}" for name, value in shared.items() if value is not None
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n"
        f'<header><h1>{title}</h1><p>{escape(_shown(", ".join(says)))}</p><p id="count"></p>'
        '<input type="search" placeholder="Filter" aria-label="Filter"></header>\n'
        "<noscript><p>The table needs JavaScript; batch.csv has the same.</p></noscript>\n"
        f'<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead><tbody></tbody>'
        '</table></div>\n<div id="end"></div>\n'
        # Within a script nothing is escaped, and only `<` could end it.
        f'<script type="application/json" id="table">{content.replace("<", chr(92) + "u003c")}'
        f"</script>\n<script>{SCRIPT}</script>\n</html>\n"
    )


def _shared(table: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The columns with one value throughout: it is said once. Those of each run's own stay."""
    return {
        name: value
        for name, value in table[0].items()
        if name not in OWN
        and (len(table) > 1 or value is None)
        and all(row[name] == value for row in table)
    }


def _kind(name: str, table: Sequence[dict[str, Any]]) -> str:
    """How a column looks: its name, or `number` if it has nothing else."""
    values = [row[name] for row in table if row[name] is not None]
    numbers = values and all(type(value) in (int, float) for value in values)
    return "number" if numbers else name


def _row(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    cells = [_cell(name, value, folder) for name, value in row.items()]
    return {"state": row["state"], "pictures": _pictures(row["run"], folder), "cells": cells}


def _cell(name: str, value: Any, folder: Path) -> dict[str, Any]:
    """What a cell shows; and, where it differs, what it is sorted by and what it links to."""
    text = "" if value is None else _shown(str(value))
    if name in ("run", "applied") and value is not None:
        return {"text": _shown(Path(value).name), "href": _link(Path(value), folder)}
    if name == "picture":
        return {"text": _shown(Path(value).name), "title": text}
    if name == "weights" and text:
        return {"text": text[:8], "title": text}
    if name == "seconds" and value is not None:
        return {"text": f"{value:.1f}", "value": value}
    if isinstance(value, float):
        return {"text": f"{value:.4g}", "value": value}
    return {"text": text, "value": value} if isinstance(value, int) else {"text": text}


def _pictures(run: str | None, folder: Path) -> list[str]:
    """The training picture and the last preview, which the page finds where they are."""
    if run is None:
        return []
    files = [Path(run) / "picture.png", *sorted(Path(run).glob("previews/*.png"))[-1:]]
    return [_link(file, folder) for file in files]


def _shown(text: str) -> str:
    """Text without what no file in UTF-8 can have."""
    return text.encode(errors="backslashreplace").decode()


def _link(file: Path, folder: Path) -> str:
    return quote(os.path.relpath(file, folder).encode(errors="surrogateescape"))
