"""Compares with copied patches (image analogies) on a sketch whose photo is known.

    python -m benchmarks.compare_paint PHOTO ... [--colours 6] [--max-size 128] [--preset default]
        [--set niter=500 ...] [--judge judge.py] [--out FOLDER] [--json]

The sketch is the photo mirrored, coarsened and reduced to a few flat colours: shapes where the
photo has none, in colours that it has. The patch distance (lower is better) of what becomes of it
to the photo says whether it looks like a photo; the correlation with the sketch, both reduced to an
eighth, whether it still shows the sketch. `--judge` names a Python file with a function
`judge(real, samples)` for Pillow images that returns named figures. The rival is image analogies
(Hertzmann et al. 2001) at one scale: every patch of the sketch is replaced by the photo's patch
whose own sketch is nearest. `--out` keeps the pictures.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from consingan_paint.palette import in_colours, palette
from torch.nn import functional

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
    fit,
    load_picture,
    resize,
    to_image,
    to_tensor,
)

if TYPE_CHECKING:
    from torch import Tensor
COARSE, EIGHTH = 3, 8
PATCH, STEP = 8, 4
"""Side of a copied patch, and how far apart they are laid, in pixels."""
QUERIES = 512
"""How many patches are looked up at once."""


def flattened(photo: Tensor, colours: int) -> Tensor:
    """The photo, (1, 3, H, W) in [-1, 1], coarsened, in a few flat colours."""
    size = photo.shape[-2:]
    small = [max(1, side // COARSE) for side in size]
    soft = functional.interpolate(photo, small, mode="bilinear", antialias=True)
    soft = functional.interpolate(soft, size, mode="bilinear")
    flat: Tensor = in_colours(soft, palette(photo, colours))
    return flat


def analogy(sketch: Tensor, photo: Tensor, photo_sketch: Tensor) -> Tensor:
    """The sketch made of the photo's patches, those whose own sketch is nearest; overlaps mixed."""
    height, width = sketch.shape[-2:]
    covered = tuple(-(-side // STEP) * STEP + PATCH - STEP for side in (height, width))
    below, right = covered[0] - height, covered[1] - width
    keys = functional.unfold(photo_sketch, PATCH)[0].T
    values = functional.unfold(photo, PATCH)[0].T
    padded = functional.pad(sketch, (0, right, 0, below), mode="replicate")
    queries = functional.unfold(padded, PATCH, stride=STEP)[0].T
    found = torch.cat([torch.cdist(part, keys).argmin(1) for part in queries.split(QUERIES)])
    patches = torch.stack([values[found], torch.ones_like(values[found])]).transpose(1, 2)
    laid, count = functional.fold(patches, covered, PATCH, stride=STEP).split(1)
    mixed: Tensor = laid / count
    return mixed[:, :, :height, :width]


def painted(
    photo: Tensor, sketch: Tensor, preset: str, options: dict[str, Any], out: Path
) -> Tensor:
    """What the mode makes of the sketch after training on the photo."""
    options = {"max_size": max(photo.shape[-2:]), **options}
    run = consingan.train(to_image(photo), mode="paint", preset=preset, runs=out, **options)
    return run.sampler().repaint(sketch).cpu()


def score(photo: Tensor, sketch: Tensor, made: Tensor, judge: Judge | None) -> Row:
    """How like the photo it looks, and how much of the sketch it shows."""
    coarse = [functional.avg_pool2d(picture, EIGHTH).flatten() for picture in (sketch, made)]
    row = {
        "patch distance": PatchDistance((photo + 1) / 2)((made + 1) / 2),
        "correlation": float(torch.corrcoef(torch.stack(coarse))[0, 1]),
    }
    if judge is not None:
        figures = judge(to_image(photo), [to_image(made)])
        row |= {name: float(figures[name]) for name in figures if name not in ("n", "diversity")}
    return row


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, paint, score, print; the exit code."""
    parser = comparison_line(__doc__, 128)
    parser.add_argument("--colours", type=int, default=6)
    given = parser.parse_args(arguments)
    judge = load_judge(given.judge)
    options = options_of(given.set)
    each: dict[str, dict[str, Row]] = {}
    with tempfile.TemporaryDirectory() as runs:
        for file in given.photos:
            picture = load_picture(file)
            size = fit(picture.size, given.max_size)
            photo = to_tensor(to_image(resize(to_tensor(picture.image), size)))
            own = flattened(photo, given.colours)
            sketch = own.flip(-1)
            made = {"sketch": sketch, "copied patches": analogy(sketch, photo, own)}
            out = given.out or Path(runs)
            made["paint"] = painted(photo, sketch, given.preset, options, out)
            each[file.name] = {way: score(photo, sketch, made[way], judge) for way in made}
            if given.out:
                for name, shown in {"photo": photo, **made}.items():
                    to_image(shown).save(given.out / f"{file.stem}-{name}.png")
    ways = next(iter(each.values()))
    means = {way: mean([rows[way] for rows in each.values()]) for way in ways}
    print_means(means, each, given.json)
    return 0


if __name__ == "__main__":
    run(main)
