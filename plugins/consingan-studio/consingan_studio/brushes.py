"""Painting on a picture: masks, naive pictures and sketches, as files for a mode's options."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageChops

from consingan_studio.html import note

COLOURS = 8
"""How many of a picture's colours are on the palette."""
CANVAS = 640
"""The longer side, in pixels, that a picture is painted at."""
MARKED = "rgb(255, 60, 60)"
"""The colour in which masks are painted."""


def brush(name: str, label: str, info: str, picture: Image.Image | None) -> gr.ImageEditor:
    """An editor for an option that is a picture's file.

    An option called `mask` is painted over the picture in one colour. For others, such as a naive
    picture or a sketch, the picture's own colours are on the palette.
    """
    masks = is_mask(name)
    colours = [MARKED] if masks or picture is None else palette(picture)
    width, height = (CANVAS, CANVAS) if picture is None else picture.size
    start: Any = {"background": picture, "layers": [], "composite": None} if picture else None
    gr.HTML(note(info))
    return gr.ImageEditor(
        start,
        label=label,
        interactive=True,
        type="pil",
        image_mode="RGBA",
        format="png",
        sources=None if masks else ["upload", "clipboard"],
        transforms=None,
        layers=not masks,
        brush=gr.Brush(
            default_size=max(2, min(width, height) // 12),
            colors=[*colours],
            default_color=colours[0],
            color_mode="fixed" if masks else "defaults",
        ),
        canvas_size=(width, height),
        fixed_canvas=False,
        elem_classes="brush",
    )


def is_mask(name: str) -> bool:
    """Whether an option of this name says where, not what."""
    return name == "mask" or name.endswith("_mask")


def painted(name: str, value: Any, picture: Image.Image | None, folder: Path) -> Path | None:
    """Save what was painted on `picture` as a new file in `folder`; None if nothing was.

    A mask is white where it was painted on, and of the picture's size. Anything else is the picture
    with all that is on it.
    """
    if not isinstance(value, dict):
        return None
    if is_mask(name):
        marked = mask_of([layer for layer in value.get("layers") or [] if layer is not None])
        return None if marked is None else _saved(marked, folder, name)
    composite = value.get("composite")
    if composite is None:
        return None
    made = composite.convert("RGB")
    if picture is not None and made.size == picture.size and not _differ(made, picture):
        return None
    return _saved(made, folder, name)


def mask_of(layers: list[Image.Image]) -> Image.Image | None:
    """White where any layer is painted on; None if none is."""
    found: Image.Image | None = None
    for layer in layers:
        alpha = layer.convert("RGBA").getchannel("A").point(lambda value: 255 * (value > 0))
        found = alpha if found is None else ImageChops.lighter(found, alpha)
    return found if found is not None and found.getbbox() else None


def _differ(made: Image.Image, picture: Image.Image) -> bool:
    return ImageChops.difference(made, picture.convert("RGB")).getbbox() is not None


def palette(picture: Image.Image) -> list[str]:
    """The main colours of a picture, as CSS writes them."""
    small = picture.convert("RGB")
    small.thumbnail((128, 128))
    reduced = small.quantize(COLOURS).convert("RGB")
    counts = sorted(reduced.getcolors() or [], reverse=True)
    return [f"rgb{colour}" for _, colour in counts]


def _saved(image: Image.Image, folder: Path, name: str) -> Path:
    """Save a picture under a name that is its content's, so that it is saved once."""
    buffer = BytesIO()
    image.save(buffer, "PNG")
    content = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}.png"
    file.write_bytes(content)
    return file
