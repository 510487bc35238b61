"""The gallery of a run's samples. They are made when they are scrolled to."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import gradio as gr

from consingan import Mode, Run
from consingan_studio.html import note
from consingan_studio.studio import Studio

COUNT = 5000
"""How many samples the gallery has."""


def has_samples(mode: Mode[Any, Any]) -> bool:
    """Whether a mode makes numbered samples from nothing but a seed."""
    return {"index", "num_samples", "seed", "width"} <= mode.ApplyOptions.model_fields.keys()


def gallery(studio: Studio, key: str, run: Run) -> None:
    """Put the gallery on the page; `studio.js` fills it."""
    words = studio.words
    if not run.stages_done:
        gr.HTML(note(words("Getting ready ...")))
        return
    height, width = run.sizes[run.stages_done - 1]
    labels = {
        text: words(text)
        for text in (
            *("Sample", "Star", "Download", "Settings", "Previous", "Next", "Close"),
            "Drag the corner to change the size",
        )
    }
    with gr.Row():
        wide, tall = (
            gr.Slider(
                0.25,
                4,
                value=1,
                step=0.05,
                label=words(side),
                info=words("Times the training picture's"),
                min_width=160,
            )
            for side in ("Width", "Height")
        )
        seed = gr.Number(
            0,
            label=words("Seed"),
            info=words("The same seed gives the same pictures."),
            precision=0,
            minimum=0,
            min_width=160,
        )
        starred = gr.Checkbox(False, label=words("Only stars"), min_width=100)

    def place(w: float, h: float, number: float | None, only: bool) -> str:
        data = {
            "run": key,
            "seed": int(number or 0),
            "count": COUNT,
            "width": max(1, round(width * w)),
            "height": max(1, round(height * h)),
            "own": [width, height],
            "starred": only,
            "words": labels,
        }
        return f'<div class="samples" data-gallery="{escape(json.dumps(data))}"></div>'

    gr.HTML(place, inputs=[wide, tall, seed, starred], elem_id="gallery")
