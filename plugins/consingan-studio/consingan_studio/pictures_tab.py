"""The tab on which pictures are made from a run, by looking, painting and picking."""

from __future__ import annotations

import warnings
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from consingan import (
    ConsinganError,
    Mode,
    Note,
    Run,
    command_line,
    installed_modes,
    load_picture,
    option_fields,
)
from consingan_studio import forms
from consingan_studio.gallery import gallery, has_samples
from consingan_studio.html import before_and_after, data_uri, figure, link, note
from consingan_studio.pasting import pasting
from consingan_studio.run_choice import run_choice
from consingan_studio.server import Studio


def pictures_tab(page: gr.Blocks, studio: Studio, tab: gr.Tab) -> None:
    """Put the tab on the page."""
    words = studio.words
    run = run_choice(studio, [page.load, tab.select], words("Run"), "run")

    @gr.render(inputs=[run], triggers=[run.change])
    def show(key: str | None) -> None:
        if key is None:
            gr.HTML(note(words("No run yet. Train one first.")))
            return
        try:
            opened = studio.library.open(key)
            mode = installed_modes()[opened.mode]
            picture = load_picture(opened.path / "picture.png").image
        except (ConsinganError, KeyError) as error:
            gr.HTML(note(str(error), "error"))
            return
        if has_samples(mode):
            gallery(studio, key, opened)
        _making(studio, key, opened, mode, picture)


def _making(studio: Studio, key: str, run: Run, mode: Mode[Any, Any], picture: Image.Image) -> None:
    """The form of the mode's options, and what comes out beside it."""
    words = studio.words
    with gr.Row(elem_classes="columns"):
        with gr.Column(min_width=320):
            form = forms.build(option_fields(mode.ApplyOptions), words, picture)
            for field, component in form:
                if isinstance(component, gr.ImageEditor) and field.name == "naive":
                    pasting(component, picture, words)
            button = gr.Button(words("Make and save"), variant="primary", elem_id="make")
        with gr.Column(min_width=320):
            result = gr.HTML(elem_id="result")
            command = gr.Textbox(
                label=words("The same on the command line"),
                buttons=["copy"],
                interactive=False,
                visible=False,
                elem_classes="command",
            )
    fields, inputs = [field for field, _ in form], [component for _, component in form]

    def make(*values: Any) -> tuple[str, Any]:
        try:
            options = forms.given(fields, values, picture, studio.painted, words)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", Note)
                files = studio.library.apply(key, **options)
        except ConsinganError as error:
            raise gr.Error(str(error), print_exception=False) from None
        shown = [_compared(studio, run, mode, files[0], options.get("naive"))]
        shown += [figure(studio.library, file, file.stem) for file in files]
        notes = [note(str(each.message)) for each in caught if each.category is Note]
        typed = command_line(mode.name, "apply", run.path, **options)
        html = f"{shown[0]}<div class='made'>{''.join(shown[1:])}</div>{''.join(notes)}"
        return html, gr.Textbox(typed, visible=True)

    button.click(make, inputs, [result, command])


def _compared(
    studio: Studio, run: Run, mode: Mode[Any, Any], made: Path, naive: Path | None
) -> str:
    """Before and after, in modes that change a picture and keep the rest of it."""
    before = naive or run.path / "picture.png"
    if not mode.repaints or made.suffix != ".png":
        return ""
    first, second = load_picture(before).image, load_picture(made)
    if first.size != second.image.size:
        return ""
    title = escape(studio.words("Before and after"))
    slider = before_and_after(data_uri(first), link(studio.library, made), studio.words)
    return f"<figure>{slider}<figcaption>{title}</figcaption></figure>"
