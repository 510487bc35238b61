"""The tab on which a training is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from consingan import (
    PRESETS,
    ConsinganError,
    command_line,
    installed_modes,
    load_picture,
    option_fields,
    preset_values,
    write_examples,
)
from consingan_studio import forms
from consingan_studio.brushes import CANVAS
from consingan_studio.forecast import forecast
from consingan_studio.html import note
from consingan_studio.progress_panel import progress_panel
from consingan_studio.server import Studio
from consingan_studio.trainings import Request
from consingan_studio.upload import named, said_of, upload

EXAMPLES = ("landscape", "stone-wall", "lightning")
"""The example pictures that one can begin with."""
START = "generation"


def training_tab(page: gr.Blocks, studio: Studio) -> None:
    """Put the tab on the page."""
    words, modes = studio.words, installed_modes()
    with gr.Row(elem_classes="columns"):
        with gr.Column(min_width=320):
            picture = upload(words("Drop, paste or choose a picture"), "picture")
            said = gr.HTML(elem_id="said")
            with gr.Row(elem_classes="examples"):
                for name in EXAMPLES:
                    button = gr.Button(name, size="sm", min_width=80)
                    button.click(lambda name=name: _example(studio, name), None, picture)
            choices = [(words(name), name) for name in modes]
            mode = gr.Radio(choices, value=START, label=words("What to make"), elem_id="mode")
            summary = gr.HTML(note(words(modes[START].summary)))
            qualities = [(words(name), name) for name in PRESETS]
            preset = gr.Radio(qualities, value="draft", label=words("Quality"), elem_id="preset")
            options = gr.Column()
        with gr.Column(min_width=320):
            chosen = progress_panel(page, studio)
    picture.change(lambda path: said_of(path, words), picture, said, show_progress="hidden")
    mode.change(lambda name: note(words(modes[name].summary)), mode, summary)

    with options:

        @gr.render(
            inputs=[picture, mode, preset],
            triggers=[page.load, picture.change, mode.change, preset.change],
        )
        def show_options(path: str | None, name: str, quality: str) -> None:
            model, presets = modes[name].TrainOptions, modes[name].presets
            fields = option_fields(model, preset_values(quality, presets))
            image = None if path is None else _reduced(path)
            form = forms.build(fields, words, image)
            asked, inputs = [field for field, _ in form], [component for _, component in form]

            def request_of(*values: Any) -> Request:
                if path is None:
                    raise gr.Error(words("Choose a picture first."), print_exception=False)
                given = forms.given(asked, values, image, studio.painted, words)
                return Request(picture=Path(path), mode=name, preset=quality, options=given)

            def foresee(*values: Any) -> str:
                if path is None:
                    return note(words("Choose a picture to see how long it takes."))
                try:
                    asking = request_of(*values)
                    told = forecast(path, name, quality, asking.options, words)
                    return note(f"{words('Forecast')}: {told}")
                except ConsinganError as error:
                    return note(named(error, path), "error")

            def begin(*values: Any) -> str:
                try:
                    asking = request_of(*values)
                    load_picture(asking.picture, reduced=True)
                    started = studio.trainings.submit(asking)
                except ConsinganError as error:
                    raise gr.Error(named(error, path), print_exception=False) from None
                gr.Info(words("The training is queued. It goes on when this page is closed."))
                return started

            def typed(*values: Any) -> str:
                try:
                    asking = request_of(*values)
                except (ConsinganError, gr.Error):
                    return ""
                file = asking.picture.name
                return command_line(name, "train", file, preset=quality, **asking.options)

            gr.HTML(foresee, inputs=inputs, elem_id="forecast")
            start = gr.Button(words("Start training"), variant="primary", elem_id="start")
            start.click(begin, inputs, chosen)
            gr.Textbox(
                typed,
                inputs=inputs,
                label=words("The same on the command line"),
                buttons=["copy"],
                interactive=False,
                elem_classes="command",
            )


def _example(studio: Studio, name: str) -> str:
    folder = studio.library.runs / ".studio" / "uploads" / "examples"
    return next(str(file) for file in write_examples(folder) if file.stem == name)


def _reduced(path: str) -> Image.Image | None:
    """The picture as it is painted on; None if it cannot be read, which is said elsewhere."""
    try:
        image = load_picture(path, reduced=True).image
    except ConsinganError:
        return None
    image.thumbnail((CANVAS, CANVAS))
    return image
