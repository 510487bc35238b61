"""A list of the runs, of which one is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from consingan import ListedRun
from consingan_studio.studio import Studio


def run_choice(studio: Studio, events: Sequence[Any], label: str, elem_id: str) -> gr.Dropdown:
    """Put the list on the page; it is read again at each of the events."""
    choice = gr.Dropdown([], label=label, elem_id=elem_id)

    def read(chosen: str | None) -> gr.Dropdown:
        choices = [
            (run_label(studio, run), studio.library.key(run.path))
            for run in studio.library.listed()
            if run.state != "damaged"
        ]
        keys = [key for _, key in choices]
        return gr.Dropdown(choices, value=chosen if chosen in keys else next(iter(keys), None))

    for event in events:
        event(read, choice, choice, show_progress="hidden")
    return choice


def run_label(studio: Studio, run: ListedRun) -> str:
    """A run's picture, mode, time and state in one line."""
    words = studio.words
    name = studio.library.key(run.path).split("/")[0]
    made = "" if run.created is None else f"{run.created:%Y-%m-%d %H:%M:%S}"
    return f"{name}, {words(run.mode or '')}, {made}: {words(run.state)}"
