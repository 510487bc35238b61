"""What the benchmarks share: their command line, judges, JPEG, and tables of mean figures."""

from __future__ import annotations

import argparse
import json
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from statistics import fmean
from typing import Any, NoReturn

from PIL import Image

from consingan import PRESETS, ConsinganError
from consingan.console import print_table

JPEG_QUALITY = 75
"""Of the published samples."""
Judge = Callable[[Image.Image, list[Image.Image]], dict[str, float]]
"""Named figures of samples, given the training picture."""
Row = dict[str, float]


def command_line(doc: str | None) -> argparse.ArgumentParser:
    """A parser with `--json`, whose description is the first line of a module's docstring."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def comparison_line(doc: str | None, max_size: int) -> argparse.ArgumentParser:
    """The same for a comparison on photos that trains: presets, options, a judge, a folder."""
    parser = command_line(doc)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--max-size", type=int, default=max_size)
    parser.add_argument("--preset", default="default", choices=list(PRESETS))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="any option")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--out", type=Path)
    return parser


def options_of(pairs: Sequence[str]) -> dict[str, Any]:
    """Options from `NAME=VALUE` each."""
    return dict(pair.split("=", 1) for pair in pairs)


def load_judge(file: Path | None, function: str = "judge") -> Any:
    """A function of a Python file; None without a file."""
    return None if file is None else runpy.run_path(str(file))[function]


def as_jpeg(image: Image.Image, quality: int = JPEG_QUALITY) -> Image.Image:
    """The picture after saving it as JPEG."""
    packed = BytesIO()
    image.save(packed, "JPEG", quality=quality)
    return Image.open(packed)


def mean(rows: Sequence[Row]) -> Row:
    """The mean of each figure."""
    return {name: fmean(row[name] for row in rows) for name in rows[0]}


def print_means(means: Mapping[str, Row], each: Mapping[str, Any], as_json: bool) -> None:
    """Print a row of figures for each name; as JSON, with the figures that they are means of."""
    if as_json:
        print(json.dumps({"each": each, "means": means}, indent=2))
        return
    header = list(dict.fromkeys(figure for row in means.values() for figure in row))
    cells = [
        [name, *(f"{row[figure]:.4g}" if figure in row else "" for figure in header)]
        for name, row in means.items()
    ]
    print_table(["mean of", *header], cells)


def run(main: Callable[[], int]) -> NoReturn:
    """End the process with the exit code of `main`, or with one line for an expected error."""
    try:
        sys.exit(main())
    except (ConsinganError, OSError) as error:
        sys.exit(str(error))
