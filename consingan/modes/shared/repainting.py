"""What harmonization and editing share: a naive picture, its mask, and the repainted result."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from consingan.core.options.fields import Options, option
from consingan.core.options.size import Size
from consingan.errors import Note, PictureError

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler


REPAINT_PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        preset: {"niter": niter, "lr_scale": 0.1, "fine_noise": 1, "color_weight": 0, "window": 256}
        for preset, niter in {"default": 1000, "draft": 650, "best": 2000}.items()
    }
)
"""The presets' iterations, and what they changed for samples from noise as in the paper.

Pictures of the usual 250 pixels are trained on whole: batch norm on windows learns from statistics
that aren't the picture's (docs/research.md).
"""


class RepaintOptions(Options):
    """What to repaint, and where."""

    naive: Path = option(
        ..., "The picture to repaint: a crude paste or edit, of any size.", "Pictures"
    )
    mask: Path | None = option(
        None,
        "White where the naive picture was changed; only there is it repainted. Without it, "
        "NAME_mask.* beside the naive picture is taken; without that, all is repainted.",
        "Pictures",
    )
    seed: int = option(
        0, "Which result: another seed makes another, the same makes the same.", "Pictures", ge=0
    )


def save_repainted(
    sampler: Sampler,
    outputs: Outputs,
    options: RepaintOptions,
    *,
    radius: int,
    input_noise: float = 0.0,
    num_samples: int = 1,
) -> None:
    """Repaint the naive picture and save, for each sample, the result and the raw picture.

    The raw picture is what the network makes of the whole; the result has it only inside the
    feathered mask, and the naive picture's own pixels, bit for bit, where the mask is 0. Both have
    the naive picture's size; the network works at the scale that it was trained at.

    Args:
        sampler: the trained generator.
        outputs: where the pictures go, with a sheet of before and after.
        options: picture, mask and seed.
        radius: how far, in pixels, the mask is dilated before it is feathered.
        input_noise: how much N(0, 1) noise is added at stage 0.
        num_samples: how many results to make.
    """
    from consingan.core.options.size import fit
    from consingan.core.pictures.masks import composite, feather, find_mask, load_mask
    from consingan.core.pictures.reading import load_picture
    from consingan.core.pictures.resizing import resize
    from consingan.core.pictures.tensors import to_tensor

    naive = load_picture(options.naive)
    for note in naive.notes:
        warnings.warn(note, Note, stacklevel=2)
    mask_file = options.mask or find_mask(options.naive)
    if mask_file is None:
        warnings.warn("no mask was found: the whole picture is repainted", Note, stacklevel=2)
        mask = None
    else:
        mask = feather(load_mask(mask_file, naive.size), radius)
    original = to_tensor(naive.image)
    entering = resize(original, fit(naive.size, max(sampler.size)))
    if sampler.scaled_sizes(Size(*entering.shape[-2:]))[0] == (1, 1):
        raise PictureError(
            f"the naive picture {str(options.naive)!r} ({naive.size}) is too small to repaint"
        )
    outputs.show("before", original)
    for index in range(num_samples):
        number = f"-{index:03}" if num_samples > 1 else ""
        made = sampler.repaint(entering, index, options.seed, input_noise)
        raw = resize(made.cpu(), naive.size)
        outputs.save(f"raw{number}", raw)
        if mask is not None:
            outputs.save_image(f"result{number}", composite(naive.image, raw, mask))
    outputs.save_sheet()


def preview_repainted(
    sampler: Sampler, name: str, changed: Tensor, input_noise: float = 0.0
) -> Iterator[tuple[str, Tensor]]:
    """What training shows: the picture, a changed one and its result, and the naive one's."""
    yield "picture", sampler.picture
    yield name, changed
    yield "result", sampler.repaint(changed, input_noise=input_noise)
    if sampler.naive is not None:
        yield "naive", sampler.naive
        yield "result", sampler.repaint(sampler.naive, input_noise=input_noise)
