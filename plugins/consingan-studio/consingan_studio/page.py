"""The page: three tabs, in the order in which one works."""

from __future__ import annotations

from html import escape

import gradio as gr

from consingan_studio.pictures_tab import pictures_tab
from consingan_studio.runs_tab import runs_tab
from consingan_studio.studio import Studio
from consingan_studio.training_tab import training_tab
from consingan_studio.words import LANGUAGES

HEAD = '<link rel="icon" href="data:,"><script src="/studio.js" defer></script>'
FONTS = ("system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Noto Sans CJK SC", "sans-serif")


def theme() -> gr.themes.Base:
    """Quiet greys, one colour, and the fonts of the machine: nothing is loaded from elsewhere."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        radius_size="sm",
        font=FONTS,
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_text_color="white",
        button_large_text_weight="500",
        button_small_text_weight="400",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_600",
        button_border_width="1px",
        button_border_width_dark="1px",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_border_width="1px",
        checkbox_label_border_width_dark="1px",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
    )


def build_page(studio: Studio) -> gr.Blocks:
    """The page in the studio's language."""
    words = studio.words
    page = gr.Blocks(title="consingan studio", analytics_enabled=False)
    with page:
        gr.HTML(_header(words.language, words("Learn from one picture, then make new ones.")))
        with gr.Tabs():
            with gr.Tab(words("Train"), id="train"):
                training_tab(page, studio)
            with gr.Tab(words("Pictures"), id="pictures") as pictures:
                pictures_tab(page, studio, pictures)
            with gr.Tab(words("Runs"), id="runs") as runs:
                runs_tab(page, studio, runs)
    return page


def _header(language: str, subtitle: str) -> str:
    others = [
        f'<a href="/{code}/" lang="{code}" hreflang="{code}">{escape(name)}</a>'
        for code, name in LANGUAGES.items()
        if code != language
    ]
    return (
        f'<header lang="{language}"><h1>consingan studio</h1><p>{escape(subtitle)}</p>'
        f"<nav>{''.join(others)}</nav></header>"
    )
