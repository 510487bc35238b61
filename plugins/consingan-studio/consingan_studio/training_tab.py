"""The tab on which a training is started."""

from __future__ import annotations

import gradio as gr

from consingan import PRESETS, installed_modes, option_fields, preset_values, write_examples
from consingan_studio.html import note
from consingan_studio.library import UPLOADS
from consingan_studio.progress_panel import progress_panel
from consingan_studio.studio import Studio
from consingan_studio.training_form import TrainingForm
from consingan_studio.upload import said_of, upload

EXAMPLES = ("landscape", "stone-wall", "lightning")
"""The example pictures that one can begin with."""
FIRST_MODE, FIRST_PRESET = "generation", "draft"


def training_tab(page: gr.Blocks, studio: Studio) -> None:
    """Put the tab on the page."""
    words, modes = studio.words, installed_modes()
    names = sorted(modes, key=lambda name: (name != FIRST_MODE, name))
    with gr.Row(elem_classes="columns"):
        with gr.Column(min_width=320):
            picture = upload(words("Drop, paste or choose a picture"), "picture")
            said = gr.HTML(elem_id="said")
            with gr.Row(elem_classes="examples"):
                for name in EXAMPLES:
                    button = gr.Button(name, size="sm", min_width=80)
                    button.click(lambda name=name: _example(studio, name), None, picture)
            choices = [(words(name), name) for name in names]
            mode = gr.Radio(choices, value=FIRST_MODE, label=words("What to make"), elem_id="mode")
            summary = gr.HTML(note(words(modes[FIRST_MODE].summary)))
            qualities = [(words(name), name) for name in PRESETS]
            preset = gr.Radio(
                qualities, value=FIRST_PRESET, label=words("Quality"), elem_id="preset"
            )
            options = gr.Column()
        with gr.Column(min_width=320):
            started = progress_panel(page, studio)

    def show(path: str | None, name: str, quality: str) -> None:
        chosen = modes[name]
        fields = option_fields(chosen.TrainOptions, preset_values(quality, chosen.presets))
        TrainingForm(studio, path, name, quality, fields).show(started)

    picture.change(lambda path: said_of(path, words), picture, said, show_progress="hidden")
    mode.change(lambda name: note(words(modes[name].summary)), mode, summary)
    changes = [page.load, picture.change, mode.change, preset.change]
    with options:
        gr.render(inputs=[picture, mode, preset], triggers=changes)(show)


def _example(studio: Studio, name: str) -> str:
    folder = studio.library.runs / UPLOADS / "examples"
    return next(str(file) for file in write_examples(folder) if file.stem == name)
