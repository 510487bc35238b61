"""Placing an object on a picture by a click, as the start of a naive picture."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from consingan import ConsinganError, load_picture, opacity, paste
from consingan_studio.upload import named, upload
from consingan_studio.words import Words


def pasting(editor: gr.ImageEditor, picture: Image.Image, words: Words) -> None:
    """Put the tool on the page. What is placed becomes the background of `editor`."""
    with gr.Accordion(words("An object to paste"), open=False):
        thing = upload(words("Drop, paste or choose a picture"), "object", 160)
        share = gr.Slider(0.05, 1.0, value=0.3, step=0.05, label=words("Size of the object"))
        target = gr.Image(
            picture,
            label=words("Click on the picture to place it"),
            interactive=False,
            buttons=[],
            elem_id="target",
        )

    def place(path: str | None, size: float, click: gr.SelectData) -> dict[str, Any]:
        if path is None:
            raise gr.Error(words("Choose a picture first."), print_exception=False)
        try:
            black, white = (load_picture(path, back).image for back in ("black", "white"))
            scale = size * max(picture.size) / max(white.size)
            x, y = click.index
            corner = x - scale * white.width / 2, y - scale * white.height / 2
            naive, _ = paste(white, opacity(black, white), picture, corner, scale)
        except ConsinganError as error:
            raise gr.Error(named(error, path), print_exception=False) from None
        return {"background": naive, "layers": [], "composite": None}

    target.select(place, [thing, share], editor)
