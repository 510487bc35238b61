"""Repainting a naive picture within its mask, for harmonization and editing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from consingan.core.options.fields import changed, option
from consingan.core.options.samples import SampleOptions
from consingan.core.options.size import Size
from consingan.errors import Note, PictureError

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs, Shown
    from consingan.core.pictures.reading import Picture
    from consingan.core.sampling.sampler import Sampler


REPAINT_PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        preset: {"niter": niter, "lr_scale": 0.1, "fine_noise": 1, "color_weight": 0, "window": 256}
        for preset, niter in {"default": 1000, "draft": 650, "best": 2000}.items()
    }
)
"""Changes to the presets: other iterations, and the paper's values of some options.

The presets tune these options for samples from noise, which repainting doesn't make.

With this window, pictures of the usual 250 pixels train on the whole. On windows, batch norm would
learn from statistics that are not the picture's (docs/research.md).
"""


SHARPER = 1.5
"""How much larger than the run a naive picture is that loses sharpness."""
MOST = 0.5
"""A naive picture of which more differs from the training picture was not made from it."""


class RepaintOptions(SampleOptions):
    """The options of `apply` in modes that repaint."""

    naive: Path = option(
        ..., "The picture to repaint: a rough paste or edit, of any size.", "Pictures"
    )
    mask: Path | None = option(
        None,
        "Mask: white where the naive picture was changed. Only this part is repainted. By default "
        "NAME_mask.* beside the naive picture is used, or else what differs from the training "
        "picture. If that is most of it, the whole picture is repainted.",
        "Pictures",
    )
    num_samples: int = changed(SampleOptions, "num_samples", 1)


def save_repainted(
    sampler: Sampler,
    outputs: Outputs,
    options: RepaintOptions,
    *,
    radius: int,
    input_noise: float = 0.0,
) -> None:
    """Repaint the naive picture and save, for each sample, the result and the raw picture.

    The raw picture is the whole picture, repainted. The result is the naive picture with the raw
    picture blended over it by the feathered mask; where that is 0, its pixels are kept bit for bit.
    Both have the naive picture's size. The generator works at its training scale.

    Args:
        sampler: makes the pictures.
        outputs: saves the pictures, and a contact sheet of before and after.
        options: picture, mask, and which samples.
        radius: how far the mask is dilated before it is feathered, in pixels.
        input_noise: standard deviation of the noise that is added at stage 0.
    """
    from consingan.core.options.size import fit
    from consingan.core.pictures.masks import composite, feather, find_mask, load_mask
    from consingan.core.pictures.reading import load_picture
    from consingan.core.pictures.resizing import resize
    from consingan.core.pictures.tensors import to_tensor
    from consingan.core.sampling.choosing import save_samples

    naive = load_picture(options.naive)
    for note in naive.notes:
        warnings.warn(note, Note, stacklevel=2)
    if max(naive.size) > SHARPER * max(sampler.size):
        warnings.warn(
            f"the naive picture ({naive.size}) is sharper than the run ({sampler.size}): what is "
            "repainted gets softer",
            Note,
            stacklevel=2,
        )
    mask_file = options.mask or find_mask(options.naive)
    marked = _changed(sampler, naive) if mask_file is None else load_mask(mask_file, naive.size)
    mask = None if marked is None else feather(marked, radius)
    original = to_tensor(naive.image)
    entering = resize(original, fit(naive.size, max(sampler.size)))
    if sampler.scaled_sizes(Size(*entering.shape[-2:]))[0] == (1, 1):
        raise PictureError(
            f"the naive picture {str(options.naive)!r} ({naive.size}) is too small to repaint"
        )

    def repainted(index: int) -> Tensor:
        return sampler.repaint(entering, index, options.seed, input_noise)

    def make(index: int) -> dict[str, Shown]:
        raw = resize(repainted(index).cpu(), naive.size)
        if mask is None:
            return {"raw": raw}
        return {"result": composite(naive.image, raw, mask), "raw": raw}

    save_samples(sampler, outputs, options, make, repainted, {"before": original})


def _changed(sampler: Sampler, naive: Picture) -> Tensor | None:
    """The mask of what differs from the training picture, (1, 1, H, W), with a note.

    It is None if nothing differs, or so much that the naive picture was made from another.
    """
    import numpy as np
    import torch

    from consingan.core.pictures.making_masks import changed_mask, share_of
    from consingan.core.pictures.masks import MIN_SHARE
    from consingan.core.pictures.tensors import to_image

    sought = f"no mask {naive.name}_mask.* was found beside the naive picture"
    if naive.size.has_aspect_of(sampler.size):
        mask = changed_mask(naive.image, to_image(sampler.picture))
        share = share_of(mask)
        if MIN_SHARE <= share <= MOST:
            what = f"what differs from the training picture is repainted, {share:.0%} of it"
            warnings.warn(f"{sought}: {what}", Note, stacklevel=3)
            return torch.from_numpy(np.array(mask) > 0).float()[None, None]
    warnings.warn(f"{sought}: the whole picture is repainted", Note, stacklevel=3)
    return None


def preview_repainted(
    sampler: Sampler, name: str, changed: Tensor, input_noise: float = 0.0
) -> Iterator[tuple[str, Tensor]]:
    """The preview: the picture, a changed copy and its result, the naive picture and its result.

    Args:
        sampler: makes the pictures.
        name: the caption of the changed copy.
        changed: (1, 3, H, W) in [-1, 1].
        input_noise: standard deviation of the noise that is added at stage 0.
    """
    yield "picture", sampler.picture
    yield name, changed
    yield "result", sampler.repaint(changed, input_noise=input_noise)
    if sampler.naive is not None:
        yield "naive", sampler.naive
        yield "result", sampler.repaint(sampler.naive, input_noise=input_noise)
