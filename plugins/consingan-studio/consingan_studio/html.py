"""Small pieces of HTML. Every name and caption is escaped: a run's folder may be a stranger's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from consingan_studio.library import Library, jpeg
from consingan_studio.words import Words


def link(library: Library, file: Path) -> str:
    """The address of a file in a run's folder. A new file has a new one."""
    return f"/files/{quote(library.key(file))}?{file.stat().st_mtime_ns}"


def picture(address: str, caption: str) -> str:
    """A picture with its name as the text for those who don't see it."""
    return f'<img src="{escape(address)}" alt="{escape(caption)}" loading="lazy">'


def data_uri(image: Image.Image) -> str:
    """A picture as an address that holds all of it, as JPEG."""
    return f"data:image/jpeg;base64,{b64encode(jpeg(image)).decode()}"


def figure(library: Library, file: Path, caption: str) -> str:
    """A picture or a clip in a run's folder, which opens in full and can be downloaded."""
    address = link(library, file)
    if file.suffix in (".mp4", ".webm"):
        shown = f'<video src="{escape(address)}" controls loop muted autoplay></video>'
    else:
        shown = f'<a href="{escape(address)}" target="_blank">{picture(address, caption)}</a>'
    name = escape(file.name)
    download = f'<a href="{escape(address)}" download="{name}">{escape(caption)}</a>'
    return f"<figure>{shown}<figcaption>{download}</figcaption></figure>"


def before_and_after(before: str, after: str, words: Words) -> str:
    """Two pictures of one size over each other, with a slider between them."""
    label = escape(words("Before and after"))
    move = "this.parentNode.style.setProperty('--at', this.value + '%')"
    return (
        f'<div class="compared">{picture(before, "before")}{picture(after, "after")}'
        f'<input type="range" value="50" aria-label="{label}" oninput="{move}"></div>'
    )


def bar(share: float, label: str) -> str:
    """A progress bar."""
    return f'<progress max="1" value="{share:.4f}" aria-label="{escape(label)}"></progress>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are HTML already, the header is text."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        '<div class="table" tabindex="0" role="group">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def note(text: str, kind: str = "note") -> str:
    """A line of text."""
    return f'<p class="{kind}">{escape(text)}</p>'


def duration(seconds: float) -> str:
    """A time as people say it: `40 s`, `12 min`, `3 h 20 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
