"""Pictures that people bring: read by consingan's own loader, not by Gradio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from consingan import ConsinganError, Size, load_picture
from consingan_studio.html import note
from consingan_studio.words import Words


def upload(label: str, elem_id: str, height: int = 280) -> gr.Image:
    """A place to drop, paste or choose a picture. It gives the path of the file as it came."""
    place = gr.Image(
        label=label,
        type="filepath",
        interactive=True,
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        height=height,
        elem_id=elem_id,
    )
    # Not a subclass: Gradio would write a file beside its code.
    setattr(place, "preprocess", _path)  # noqa: B010
    return place


def _path(payload: Any) -> str | None:
    """The path of an upload, unopened. Gradio has checked that it is one."""
    return None if payload is None or payload.path is None else str(payload.path)


def said_of(path: str | None, words: Words) -> str:
    """What the loader says of a picture, as HTML: its size and conversions, or what is wrong."""
    if path is None:
        return ""
    try:
        picture = load_picture(path, reduced=True)
    except ConsinganError as error:
        return note(named(error, path), "error")
    size: Size = picture.size
    return "".join(map(note, [words("{size} pixels", size=size), *picture.notes]))


def named(error: Exception, path: str | None) -> str:
    """An error's message, which names the file as its owner does."""
    return str(error) if path is None else str(error).replace(path, Path(path).name)
