"""Writes the option tables of parameters.md from the option models: the help's own text.

    python docs/make_parameters.py

The text between the markers is replaced; a test fails when the page is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from consingan.commands.typer_options import description
from consingan.core.options.fields import Options, flag
from consingan.core.options.training import TrainOptions
from consingan.entry_points import BUILT_IN
from consingan.loading import find_plugins

PAGE = Path(__file__).parent / "parameters.md"
TABLES = re.compile(r"(<!-- options: begin -->\n).*(<!-- options: end -->)", re.DOTALL)


def render(page: str) -> str:
    """The page's text with fresh tables."""
    tables = "\n".join(_lines())
    return TABLES.sub(lambda match: f"{match[1]}\n{tables}\n{match[2]}", page)


def _lines() -> Iterator[str]:
    found = find_plugins().modes.items()
    modes = {name: loaded for name, loaded in found if loaded.plugin.package == BUILT_IN}
    yield from _tables("`train`, in every mode", TrainOptions, set())
    yield "Defaults that differ by mode:"
    yield ""
    yield "| mode | defaults |"
    yield "| --- | --- |"
    for name, loaded in modes.items():
        base, own = TrainOptions.model_fields, loaded.mode.TrainOptions.model_fields
        changed = [
            f"`{flag(field)}`" + ("" if own[field].default is True else f" {own[field].default}")
            for field in base
            if own[field].default != base[field].default
        ]
        yield f"| `{name}` | {', '.join(changed) or 'as above'} |"
    yield ""
    for name, loaded in modes.items():
        if own := set(loaded.mode.TrainOptions.model_fields) - set(TrainOptions.model_fields):
            known = set(TrainOptions.model_fields)
            yield from _tables(f"`{name} train`", loaded.mode.TrainOptions, known - own)
        yield from _tables(f"`{name} apply`", loaded.mode.ApplyOptions, set())


def _tables(title: str, model: type[Options], leave_out: set[str]) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    yield "| option | what it does to the picture |"
    yield "| --- | --- |"
    for name, field in model.model_fields.items():
        if name not in leave_out:
            yield f"| `{flag(name)}` | {description(field, field.default)} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
