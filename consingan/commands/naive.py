"""`consingan mask` and `paste`: masks and naive pictures without an editor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consingan.console import escaped, quoted
from consingan.errors import OptionError

if TYPE_CHECKING:
    from PIL import Image


def mask(
    picture: Annotated[
        Path, typer.Argument(help="The picture that the mask is for.", show_default=False)
    ],
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="White in this box, in pixels from the left and the top. May be given several "
            "times.",
            show_default=False,
        ),
    ] = None,
    brush: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POINTS",
            help="White along a stroke from point to point: '10,20 40,60'. May be given several "
            "times.",
            show_default=False,
        ),
    ] = None,
    radius: Annotated[float, typer.Option(help="Radius of the brush, in pixels.", min=0.5)] = 10,
    changed_from: Annotated[
        Path | None,
        typer.Option(
            metavar="ORIGINAL",
            help="White where the picture differs from this one, which it was made from.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The mask's file.", show_default="PICTURE_mask.png, which is found"),
    ] = None,
) -> None:
    """Make a mask: white where harmonization, editing or inpaint is to paint."""
    from consingan.core.pictures import making_masks
    from consingan.core.pictures.reading import load_picture

    if sum(way is not None for way in (box or None, brush or None, changed_from)) != 1:
        raise OptionError("give one of --box, --brush and --changed-from")
    shown = load_picture(picture)
    if box:
        boxes = [_numbers(text, 4, "box") for text in box]
        made = making_masks.box_mask(shown.size, [(x, y, w, h) for x, y, w, h in boxes])
    elif brush:
        drawn = [[_numbers(point, 2, "brush") for point in text.split()] for text in brush]
        strokes = [[(x, y) for x, y in points] for points in drawn]
        made = making_masks.brush_mask(shown.size, strokes, radius)
    else:
        assert changed_from is not None
        made = making_masks.changed_mask(shown.image, load_picture(changed_from).image)
    file = _beside(picture, "_mask") if out is None else out
    _save({file: making_masks.check_mask(made)})
    print(f"Look at: {escaped(str(file))} ({making_masks.share_of(made):.1%} is white)")


def paste(
    thing: Annotated[
        Path,
        typer.Argument(
            metavar="OBJECT",
            help="The object's picture; where it is transparent, nothing is pasted.",
            show_default=False,
        ),
    ],
    onto: Annotated[Path, typer.Option(metavar="PICTURE", help="The picture to paste it onto.")],
    at: Annotated[
        str,
        typer.Option(metavar="X,Y", help="Where its left and top end up, in the picture's pixels."),
    ],
    scale: Annotated[float, typer.Option(help="Factor on its size.", min=0.001, max=1000)] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The naive picture's file. Its mask is written beside it.",
            show_default="PICTURE_naive.png",
        ),
    ] = None,
) -> None:
    """Paste an object onto a picture, for harmonization: a naive picture and its mask."""
    from consingan.core.pictures import making_masks
    from consingan.core.pictures.reading import load_picture

    x, y = _numbers(at, 2, "at")
    on_black, on_white = (load_picture(thing, back).image for back in ("black", "white"))
    alpha = making_masks.opacity(on_black, on_white)
    naive, mask = making_masks.paste(on_white, alpha, load_picture(onto).image, (x, y), scale)
    file = _beside(onto, "_naive") if out is None else out
    _save({file: naive, _beside(file, "_mask"): mask})
    print(f"Look at: {escaped(str(file))}")
    print(f"Next: consingan harmonization train {quoted(onto)} --naive {quoted(file)}")


def _numbers(text: str, count: int, option: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(abs(number) < 1e6 for number in numbers):
        raise OptionError(f"{count} numbers separated by commas are needed, not {text!r}", option)
    return numbers


def _beside(picture: Path, ending: str) -> Path:
    return picture.with_name(f"{picture.stem}{ending}.png")


def _save(pictures: dict[Path, Image.Image]) -> None:
    """Save pictures under these very names, where nothing is yet."""
    from consingan.core.pictures.outputs import Outputs

    for file in pictures:
        if file.exists():
            raise OptionError(f"{str(file)!r} exists already; give another file", "out")
    for file, image in pictures.items():
        outputs = Outputs(file)
        outputs.save_image("" if outputs.named else "mask", image.convert("RGB"))
