"""Output of the command line: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from consingan.core.training.forecast import Forecast

GAP = 2
"""The spaces between the columns of a table."""


def escaped(text: str) -> str:
    """`text` on one line, with control characters escaped, as it may be untrusted."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def literal(text: str) -> str:
    """`text` on one line, for help that Rich reads as markup: it is shown as it is."""
    text = escaped(" ".join(text.split()))
    if "[" in text or text.endswith("\\"):
        from rich.markup import escape

        text = escape(text)
    # Tags around nothing keep Rich from taking `:name:` for an emoji.
    parts = re.split(r"(\\+\[[a-z#/@][^[]*?\])", text)
    parts[::2] = [re.sub(":(?=[^ :]+:)", ":[none][/none]", part) for part in parts[::2]]
    return "".join(parts)


def quoted(word: object) -> str:
    """A path or name quoted for a shell, on one line."""
    return escaped(shlex.quote(str(word)))


def complain(message: str) -> None:
    """Print one line on stderr. A stderr that is closed or full is no error."""
    if sys.stderr is not None:  # `print` would use stdout
        with suppress(OSError, ValueError):
            print(f"consingan: {escaped(message)}", file=sys.stderr)


def print_json(content: Any) -> None:
    """Print JSON on stdout, with control characters escaped."""
    print(json.dumps(content, indent=2))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table without rules, as wide as its content and at most as the terminal."""
    # Rich's own tables take a millisecond a row, and there may be ten thousand.
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    shown = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(header, *shown, strict=True)]
    room = max(console.width - GAP * (len(widths) - 1), len(widths))
    while sum(widths) > room:
        widths[widths.index(max(widths))] -= 1

    def laid_out(row: Sequence[str]) -> str:
        folded = [
            [cell] if _width(cell) <= width else _folded(Text(cell), console, width)
            for cell, width in zip(row, widths, strict=True)
        ]
        lines = zip_longest(*folded, fillvalue="")
        return "\n".join(_padded(line, widths) for line in lines)

    console.print(Text(laid_out(header), style="bold"), soft_wrap=True)
    if shown:
        print("\n".join(map(laid_out, shown)))


def _width(cell: str) -> int:
    """How many columns of a terminal a text takes."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _folded(cell: Text, console: Console, width: int) -> list[str]:
    return [line.plain for line in cell.wrap(console, width, overflow="fold")]


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    ends = (" " * (width - _width(cell) + GAP) for cell, width in zip(cells, widths, strict=True))
    return "".join(cell + end for cell, end in zip(cells, ends, strict=True)).rstrip()


def duration(seconds: float) -> str:
    """A duration as text: `40 s`, `6 min` or `1 h 12 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def outlook(forecast: Forecast, stage: int = 0, step: int = 0) -> str:
    """The time from a step of a stage on, and the memory: `about 12 min, 700 MB of memory`."""
    memory = f", {forecast.memory / 1e6:.0f} MB of memory" if forecast.memory else ""
    return f"about {duration(forecast.left(stage, step))}{memory}"


@contextmanager
def tile_progress() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar for the tiles of a large picture, if stderr is a terminal.

    The context manager gives a function that takes the number of tiles done and their total.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("large picture", visible=False)
        yield lambda done, count: bar.update(
            task, completed=done, total=count, visible=done < count
        )
