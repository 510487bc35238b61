"""The tab on which pictures are made from a run, by looking, painting and picking."""

from __future__ import annotations

import gradio as gr

from consingan import ConsinganError, installed_modes, load_picture
from consingan_studio.gallery import gallery, has_samples
from consingan_studio.html import note
from consingan_studio.making import Making
from consingan_studio.run_choice import run_choice
from consingan_studio.studio import Studio


def pictures_tab(page: gr.Blocks, studio: Studio, tab: gr.Tab) -> None:
    """Put the tab on the page."""
    words = studio.words
    run = run_choice(studio, [page.load, tab.select], words("Run"), "run")

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
        Making(studio, key, opened, mode, picture).show()

    gr.render(inputs=[run], triggers=[run.change])(show)
