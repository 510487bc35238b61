"""Compares with OpenCV's inpainting on a part of the photo that was held back.

    python -m benchmarks.compare_inpaint PHOTO ... [--hole 0.2] [--place 0.5,0.5] [--max-size 128]
        [--preset default] [--set niter=500 ...] [--judge judge.py] [--out FOLDER] [--json]

A rectangle of the photo, `--hole` of its sides around `--place`, is masked and filled. PSNR and
SSIM (higher is better) of the hole and a rim of 8 pixels say how near the filling is to what was
there, which nobody can know; the patch distance (lower is better) of the same part to the photo
says whether it looks like it. `--judge` names a Python file with a function `judge(real, samples)`
for Pillow images that returns named figures, of whole pictures. OpenCV's two methods,
Navier-Stokes and Telea's, take part if `opencv-python-headless` is installed, and smooth filling
always. `--out` keeps the pictures.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from consingan_inpaint.filling import filling
from PIL import Image

import consingan
from benchmarks.shared import (
    Judge,
    Row,
    comparison_line,
    load_judge,
    mean,
    options_of,
    print_means,
    run,
)
from consingan import (
    PatchDistance,
    Size,
    Span,
    Window,
    fill_unknown,
    fit,
    load_picture,
    psnr,
    resize,
    ssim,
    to_image,
    to_tensor,
)

if TYPE_CHECKING:
    from torch import Tensor
RADIUS, RIM = 3, 8
"""OpenCV's usual neighbourhood, and how much around the hole is scored with it, in pixels."""


def hole_of(size: Size, share: float, place: tuple[float, float]) -> Window:
    """A rectangle of that share of the sides around a place, (x, y) in [0, 1]."""
    spans = []
    for side, middle in zip(size, reversed(place), strict=True):
        length = max(1, round(share * side))
        start = min(max(0, round(middle * side - length / 2)), side - length)
        spans.append(Span(start, start + length))
    return Window(*spans)


def fillings(
    photo: Tensor, hole: Window, preset: str, options: dict[str, Any], out: Path
) -> dict[str, Tensor]:
    """The photo with its hole filled in each way."""
    known = torch.ones(1, 1, *photo.shape[-2:])
    hole.cut(known).zero_()
    made = {"smooth": fill_unknown(photo, known)}
    made |= opencv(photo, known)
    with tempfile.TemporaryDirectory() as folder:
        mask = Path(folder) / "mask.png"
        to_image((1 - 2 * known).expand(-1, 3, -1, -1)).save(mask)
        fixed = {"mask": mask, "margin": 0, "max_size": max(photo.shape[-2:])}
        run = consingan.train(
            to_image(photo), mode="inpaint", preset=preset, runs=out, **{**fixed, **options}
        )
    return made | {"inpaint": filling(run.sampler()).cpu()}


def opencv(photo: Tensor, known: Tensor) -> dict[str, Tensor]:
    """What OpenCV fills in by its two methods; nothing if it isn't installed."""
    try:
        cv2 = import_module("cv2")
    except ImportError:
        print("OpenCV is not installed: pip install opencv-python-headless", file=sys.stderr)
        return {}
    pixels = np.asarray(to_image(photo))
    mask = (255 * (1 - known[0, 0])).byte().numpy()
    ways = {"OpenCV NS": cv2.INPAINT_NS, "OpenCV Telea": cv2.INPAINT_TELEA}
    return {
        name: to_tensor(Image.fromarray(cv2.inpaint(pixels, mask, RADIUS, way)))
        for name, way in ways.items()
    }


def score(photo: Tensor, made: Tensor, hole: Window, judge: Judge | None) -> Row:
    """How near the filling is to what was there, and how like the rest."""
    height, width = photo.shape[-2:]
    rim = Window(_grown(hole.rows, height), _grown(hole.columns, width))
    first, second = ((rim.cut(picture) + 1) / 2 for picture in (photo, made))
    row = {
        "PSNR": psnr(first, second),
        "SSIM": ssim(first, second) or 0.0,
        "patch distance": PatchDistance((photo + 1) / 2)(second),
    }
    if judge is not None:
        figures = judge(to_image(photo), [to_image(made)])
        row |= {name: float(figures[name]) for name in figures if name not in ("n", "diversity")}
    return row


def _grown(span: Span, length: int) -> Span:
    return Span(max(0, span.start - RIM), min(length, span.stop + RIM))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, fill, score, print; the exit code."""
    parser = comparison_line(__doc__, 128)
    parser.add_argument("--hole", type=float, default=0.2, help="its sides, as a share")
    parser.add_argument("--place", default="0.5,0.5", metavar="X,Y", help="its middle, in 0 to 1")
    given = parser.parse_args(arguments)
    across, down = map(float, given.place.split(","))
    judge = load_judge(given.judge)
    options = options_of(given.set)
    each: dict[str, dict[str, Row]] = {}
    with tempfile.TemporaryDirectory() as runs:
        for file in given.photos:
            picture = load_picture(file)
            size = fit(picture.size, given.max_size)
            photo = to_tensor(to_image(resize(to_tensor(picture.image), size)))
            hole = hole_of(size, given.hole, (across, down))
            made = fillings(photo, hole, given.preset, options, given.out or Path(runs))
            each[file.name] = {name: score(photo, made[name], hole, judge) for name in made}
            if given.out:
                for name, shown in {"photo": photo, **made}.items():
                    to_image(shown).save(given.out / f"{file.stem}-{name}.png")
    ways = next(iter(each.values()))
    means = {way: mean([rows[way] for rows in each.values()]) for way in ways}
    print_means(means, each, given.json)
    return 0


if __name__ == "__main__":
    run(main)
