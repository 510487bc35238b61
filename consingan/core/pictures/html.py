"""Pictures and tables as HTML that needs no other file: the gallery, and what notebooks show."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from PIL import Image

from consingan.core.pictures.contact_sheet import Thumbnail, Thumbnails

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
    """A page with thumbnails that open the pictures, which it expects beside it."""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"<h1>{escape(title)}</h1>\n<main>\n{''.join(map(_figure, thumbnails))}</main>\n</html>\n"
    )


def pictures_html(pictures: Iterable[tuple[str, Image.Image]]) -> str:
    """Captions and RGB pictures in a row, reduced."""
    thumbnails = Thumbnails()
    for caption, image in pictures:
        thumbnails.add(caption, image)
    style = "display: flex; flex-wrap: wrap; gap: 1em"
    return f'<div style="{style}">{"".join(map(_figure, thumbnails.entries))}</div>'


def table_html(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table."""
    lines = [_row("th", header), *(_row("td", row) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _row(tag: str, cells: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"


def _figure(thumbnail: Thumbnail) -> str:
    caption, source = escape(thumbnail.caption), b64encode(thumbnail.jpeg).decode()
    image = f'<img alt="{caption}" src="data:image/jpeg;base64,{source}">'
    if thumbnail.file is not None:
        image = f'<a href="{escape(quote(thumbnail.file))}">{image}</a>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>\n"
