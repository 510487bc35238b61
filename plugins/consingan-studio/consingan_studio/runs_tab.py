"""The tab of all runs: looking, comparing, renaming, deleting."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from consingan import ConsinganError, command_line, compare, remove, rename
from consingan_studio.html import duration, link, note, picture, table
from consingan_studio.run_choice import run_choice
from consingan_studio.studio import Studio


def runs_tab(page: gr.Blocks, studio: Studio, tab: gr.Tab) -> None:
    """Put the tab on the page."""
    words, library = studio.words, studio.library
    listed = gr.HTML(elem_id="runs-list")
    changed = gr.Textbox(visible=False)
    events = [page.load, tab.select, changed.change]
    with gr.Row(elem_classes="columns"):
        with gr.Column(min_width=280):
            run = run_choice(studio, events, words("Run"), "one-run")
            name = gr.Textbox(label=words("New name"), elem_id="new-name", max_lines=1)
            renaming = gr.Button(words("Rename"), elem_id="rename")
            sure = gr.Checkbox(False, label=words("Yes, delete this run and all its pictures"))
            deleting = gr.Button(words("Delete"), variant="stop", elem_id="delete")
        with gr.Column(min_width=280):
            other = run_choice(studio, events, words("Compare with"), "other-run")
            comparing = gr.Button(words("Compare"), elem_id="compare")
            compared = gr.HTML(elem_id="compared")
            command = gr.Textbox(
                label=words("The same on the command line"),
                buttons=["copy"],
                interactive=False,
                elem_classes="command",
            )
    for event in events:
        event(lambda: _table(studio), None, listed, show_progress="hidden")

    def on_rename(key: str | None, new: str) -> tuple[str, str]:
        folder = _chosen(studio, key)
        library.forget(str(key))
        moved = rename(folder, new)
        return str(moved), command_line("show", moved)

    def on_delete(key: str | None, confirmed: bool) -> tuple[str, str, bool]:
        folder = _chosen(studio, key)
        if not confirmed:
            raise ConsinganError(words("Yes, delete this run and all its pictures"))
        library.forget(str(key))
        remove(folder)
        return f"-{folder}", command_line("remove", folder), False

    def on_compare(key: str | None, second: str | None) -> tuple[str, str]:
        pair = [_chosen(studio, key), _chosen(studio, second)]
        return _compared(studio, *pair), command_line("compare", *pair)

    renaming.click(_told(on_rename), [run, name], [changed, command])
    deleting.click(_told(on_delete), [run, sure], [changed, command, sure], show_progress="hidden")
    comparing.click(_told(on_compare), [run, other], [compared, command])


def _told(act: Any) -> Any:
    """The function, whose errors the page shows."""

    def told(*values: Any) -> Any:
        try:
            return act(*values)
        except ConsinganError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return told


def _chosen(studio: Studio, key: str | None) -> Path:
    if key is None:
        raise ConsinganError(studio.words("Nothing is selected."))
    return studio.library.file(key)


def _table(studio: Studio) -> str:
    words, library, rows = studio.words, studio.library, []
    for run in library.listed():
        folder = Path(run.path)
        shown = folder / "picture.png"
        rows.append(
            [
                picture(link(library, shown), "") if shown.is_file() else "",
                escape(library.key(folder)),
                escape(words(run.mode or "")),
                escape(words(run.preset or "")),
                escape(str(run.size or "")),
                escape(words(run.state)),
                "" if run.seconds is None else duration(run.seconds),
            ]
        )
    if not rows:
        return note(words("No run yet. Train one first."))
    header = ("Picture", "Run", "Mode", "Preset", "Size", "State", "Took")
    return table([words(title) for title in header], rows)


def _compared(studio: Studio, first: Path, second: Path) -> str:
    """The settings that differ, and the figures."""
    words, found = studio.words, compare(first, second)
    settings = [
        [escape(str(name)), *(escape("-" if value is None else str(value)) for value in pair)]
        for name, pair in found.options.items()
    ]
    figures = [
        [
            escape(name.replace("_", " ")),
            *(f"{getattr(each.samples, name):.4f}" for each in found.figures),
        ]
        for name in ("patch_distance", "diversity", "sharpness")
        if all(getattr(each.samples, name) is not None for each in found.figures)
    ]
    head = [words("setting"), "1", "2"]
    same = "" if settings else note(words("All settings are the same."))
    return same + table(head, [*settings, *figures])
