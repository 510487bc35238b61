"""Conversion of a picture's colours to sRGB, by its profile."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes for 16-bit grey pictures."""
MODES = {
    "RGB": ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA"),
    "GRAY": ("1", "L", "LA", "I", *SIXTEEN_BIT),
    "CMYK": ("CMYK",),
}
"""The modes of pictures that a profile fits, by its colour space."""
TOLERANCE = 1
"""How many levels a profile may move colours and still count as sRGB."""
CONVERTED = "colours were converted to sRGB"


@dataclass(frozen=True)
class Conversion:
    """How colours become sRGB; not at all without `transform` and `greys`."""

    transform: ImageCms.ImageCmsTransform | None = None
    """For RGB or CMYK."""
    greys: NDArray[np.uint8] | None = None
    """For grey: the level of every 16-bit value, (65536,)."""
    note: str | None = None
    """What is done, or why a profile is ignored."""

    def to_rgb(self, image: Image.Image) -> Image.Image:
        """The image as RGB in sRGB. It has 8 bits, and no transparency other than an alpha channel.

        Alpha is left out.
        """
        if self.greys is not None:
            return image.convert("RGB").point(self.greys[::257].tolist() * 3)
        if self.transform is None:
            return image.convert("RGB")
        if image.mode != "CMYK":
            image = image.convert("RGB")
        return ImageCms.applyTransform(image, self.transform) or image

    def deep_greys(self, values: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The 8-bit levels of 16-bit grey values of any shape, in 0..65535."""
        return (values // 257).astype(np.uint8) if self.greys is None else self.greys[values]


def conversion_to_srgb(image: Image.Image) -> Conversion:
    """How the image's colours become sRGB, by the profile in its `info`.

    Profiles that move no colour by more than `TOLERANCE` levels leave all as they are, whatever
    they are called. Unusable ones, and those of another colour space than the image's, are ignored
    with a note.
    """
    content = image.info.get("icc_profile")
    if not content:
        return Conversion()
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(content))
        space = profile.profile.xcolor_space.strip()
        if image.mode not in MODES.get(space, ()):
            return Conversion(note=f"its colour profile was ignored: it is for {space}")
        if space == "GRAY":
            return _of_greys(profile)
        return _of_colours(profile, space)
    except Exception:  # a picture with a damaged profile is still usable
        return Conversion(note="its colour profile was ignored: it is damaged")


def _of_greys(profile: ImageCms.ImageCmsProfile) -> Conversion:
    ramp = Image.fromarray(np.arange(2**16, dtype=np.uint16).reshape(256, 256))
    # Optimized, its curve would be coarse where it is dark.
    transform = _transform(profile, "I;16", ImageCms.Flags.NOOPTIMIZE)
    shown = ImageCms.applyTransform(ramp, transform) or ramp
    greys = np.asarray(shown)[..., 0].ravel()
    moved = np.abs(greys[::257].astype(int) - np.arange(256)).max()
    return Conversion() if moved <= TOLERANCE else Conversion(greys=greys, note=CONVERTED)


def _of_colours(profile: ImageCms.ImageCmsProfile, mode: str) -> Conversion:
    transform = _transform(profile, mode)
    if mode == "RGB":
        levels = np.linspace(0, 255, 18).astype(np.uint8)  # every 15th
        cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 18, 3)
        before = Image.fromarray(cube)
        after = ImageCms.applyTransform(before, transform) or before
        if np.abs(np.asarray(after).astype(int) - cube).max() <= TOLERANCE:
            return Conversion()
    return Conversion(transform, note=CONVERTED)


def _transform(
    profile: ImageCms.ImageCmsProfile, mode: str, flags: ImageCms.Flags = ImageCms.Flags.NONE
) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags | ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
