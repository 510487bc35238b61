"""Picture files to tensors and back. Every file that cannot be used becomes a PictureError."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from consingan.core.config import MAX_PIXELS, Size
from consingan.errors import PictureError

if TYPE_CHECKING:
    from torch import Tensor

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""What their files end in, in upper or lower case."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True)
class Picture:
    """A picture as read: 8-bit RGB, and what had to be done to make it so."""

    name: str
    """The file's name without suffix, for folders and messages."""
    image: Image.Image
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        return Size(self.image.height, self.image.width)


def load_picture(path: str | Path, background: str = "white") -> Picture:
    """Read a picture file as 8-bit RGB, upright.

    Reads JPEG, PNG, WebP, TIFF, BMP and the first frame of a GIF; grey, palette, CMYK and 16-bit
    pictures are converted, transparent ones composited on `background`. Raises PictureError if the
    file is missing, empty, truncated, no picture, or larger than `MAX_PIXELS`.
    """
    path = Path(path)
    shown = str(path)
    try:
        if not path.exists():
            raise PictureError(f"{shown!r} does not exist; give the path of a picture")
        if not path.is_file():
            raise PictureError(f"{shown!r} is not a file; give the path of a picture")
        if path.stat().st_size == 0:
            raise PictureError(f"{shown!r} is empty; give a picture")
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # about metadata, and about sizes checked below
            image = stack.enter_context(Image.open(path, formats=FORMATS))
            if image.width * image.height > MAX_PIXELS:
                raise PictureError(
                    f"{shown!r} has {image.width}x{image.height} pixels, more than "
                    f"{MAX_PIXELS // 10**6} million; give a smaller one"
                )
            image.load()
            try:
                return from_image(image, path.stem, background)
            except PictureError as error:
                raise PictureError(f"{shown!r} cannot be used: {error}") from None
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(f"{shown!r} claims an absurd size; give a smaller picture") from None
    except UnidentifiedImageError:
        formats = ", ".join(FORMATS)
        raise PictureError(
            f"{shown!r} is none of {formats}, or damaged at its start; convert it first"
        ) from None
    except PermissionError:
        raise PictureError(f"{shown!r} may not be read; check its permissions") from None
    except OSError as error:
        reason = error.strerror or error
        what = "cannot be read" if error.errno else "is damaged or truncated"
        raise PictureError(f"{shown!r} {what}: {reason}") from None
    except Exception as error:  # decoders raise nearly anything on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PictureError(f"{shown!r} is damaged or truncated: {reason}") from None


def from_image(image: Image.Image, name: str = "picture", background: str = "white") -> Picture:
    """A Pillow image as a `Picture`: 8-bit RGB, upright, transparency composited on `background`.

    Raises PictureError if its mode has no plain reading as colours.
    """
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append("only the first frame is used")
    tags = getattr(image, "tag_v2", {})
    if image.mode in (*SIXTEEN_BIT, "I") and (tags.get(258, (16,)), tags.get(262, 1)) != ((16,), 1):
        raise PictureError("grey TIFF needs 8 or 16 bits with black at zero; convert it first")
    try:
        turn = TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata is no damaged picture
        turn = None
    if turn is not None:
        notes.append("turned upright as its EXIF orientation says")
        image = image.transpose(turn)
    if image.mode in (*SIXTEEN_BIT, "I"):
        notes.append("16-bit values were reduced to 8")
        deep = np.asarray(image).clip(0, 65535)
        key = image.info.get("transparency")  # of PNG: the grey value that is transparent
        image = Image.fromarray((deep // 257).astype(np.uint8))
        if key is not None:
            image.putalpha(Image.fromarray(((deep != key) * 255).astype(np.uint8)))
    elif image.mode in ("F", "La"):
        kind = {"F": "floating-point", "La": "premultiplied grey"}[image.mode]
        raise PictureError(f"{kind} values have no plain reading; save it with 8 or 16 bits")
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        image, converted = _to_srgb(image, profile)
        notes += ["colours were converted to sRGB"] * converted
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            notes.append(f"transparent parts were composited on {background}")
        image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    return Picture(name, image.convert("RGB"), tuple(notes))


def _to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, bool]:
    """The image in sRGB, and whether that changed it; as it is if its profile is unusable."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return image, False
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image, False
    return (image, False) if converted is None else (converted, True)


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as (1, 3, H, W) float32 in [-1, 1]."""
    import torch

    pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return (pixels.permute(2, 0, 1)[None].float() / 127.5 - 1).contiguous()


def to_image(tensor: Tensor) -> Image.Image:
    """(1, 3, H, W) in [-1, 1], on any device, as an RGB image; values outside are clipped."""
    pixels = ((tensor[0].float() + 1) * 127.5).round().clamp(0, 255).byte()
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())
