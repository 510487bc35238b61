"""A gallery: one HTML page with the thumbnails of many pictures, which open the pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from consingan.core.pictures.contact_sheet import Thumbnail

STYLE = """
body { margin: 2rem; font: 15px/1.4 system-ui, sans-serif; color: #333; background: #fff; }
h1 { font-size: 1.2rem; font-weight: 600; }
main { display: flex; flex-wrap: wrap; gap: 1.2rem; }
figure { margin: 0; }
img { display: block; height: 200px; max-width: 100%; object-fit: contain; }
figcaption { color: #777; }
a { color: inherit; }
"""


def gallery(title: str, thumbnails: Sequence[Thumbnail]) -> str:
    """The page's HTML. It needs no other file but the pictures, which it expects beside it."""
    figures = "\n".join(map(_figure, thumbnails))
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"<h1>{escape(title)}</h1>\n<main>\n{figures}\n</main>\n</html>\n"
    )


def _figure(thumbnail: Thumbnail) -> str:
    caption = escape(thumbnail.caption)
    image = f'<img alt="{caption}" src="{inlined(thumbnail)}">'
    if thumbnail.file is not None:
        image = f'<a href="{escape(quote(thumbnail.file))}">{image}</a>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def inlined(thumbnail: Thumbnail) -> str:
    """The thumbnail as the `src` of an HTML image, which needs no file."""
    return f"data:image/jpeg;base64,{b64encode(thumbnail.jpeg).decode()}"
