"""Pictures that people bring: read by consingan's own loader, whatever the browser says they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from consingan import ConsinganError, Size, load_picture
from consingan_studio.html import note
from consingan_studio.words import Words

from gradio.events import Dependency

class Upload(gr.Image):
    """A place for a picture, which gives the path of the file itself, as it was uploaded."""

    is_template = True  # it looks like gr.Image

    def preprocess(self, payload: Any) -> str | None:
        """The path of the uploaded file. Gradio has checked that it is an upload."""
        return None if payload is None or payload.path is None else str(payload.path)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

def upload(label: str, elem_id: str, height: int = 280) -> Upload:
    """A place to drop, paste or choose a picture."""
    return Upload(
        label=label,
        type="filepath",
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        height=height,
        elem_id=elem_id,
    )

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
