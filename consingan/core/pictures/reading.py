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

from consingan.core.options.size import Size
from consingan.core.pictures.tensors import strips
from consingan.errors import PictureError

if TYPE_CHECKING:
    pass

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
MAX_PIXELS = 64_000_000
"""Of a picture that is read: decoders need up to 12 bytes for each, and that is to fit in 1 GB."""
MAX_WEBP_PIXELS = 40_000_000
"""WebP's decoder needs more for each than any other."""
MAX_BYTES = 300_000_000
"""Of a picture's file; some decoders read all of it at once."""
MAX_SCANS = 50
"""Of a JPEG file; progressive ones have about 10, and each may take as long as a whole picture."""
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
    file is missing, empty, truncated, no picture, or larger than `MAX_PIXELS` or `MAX_BYTES`.
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
        if path.stat().st_size > MAX_BYTES:
            raise PictureError(
                f"{shown!r} has more than {MAX_BYTES // 10**6} million bytes; give a smaller file"
            )
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # about metadata, and about sizes checked below
            image = stack.enter_context(Image.open(path, formats=FORMATS))
            limit = MAX_WEBP_PIXELS if image.format == "WEBP" else MAX_PIXELS
            if image.width * image.height > limit:
                raise PictureError(
                    f"{shown!r} has {image.width}x{image.height} pixels, more than "
                    f"{limit // 10**6} million; give a smaller one"
                )
            if image.format in ("JPEG", "MPO") and path.read_bytes().count(b"\xff\xda") > MAX_SCANS:
                raise PictureError(f"{shown!r} has too many scans; save it as an ordinary JPEG")
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
    if getattr(image, "is_animated", False):  # counting the frames could take for ever
        notes.append("only the first frame is used")
    tags = getattr(image, "tag_v2", {})
    if image.mode in (*SIXTEEN_BIT, "I") and (tags.get(258, (16,)), tags.get(262, 1)) != ((16,), 1):
        raise PictureError("grey TIFF needs 8 or 16 bits with black at zero; convert it first")
    if image.mode in ("F", "La"):
        kind = {"F": "floating-point", "La": "premultiplied grey"}[image.mode]
        raise PictureError(f"{kind} values have no plain reading; save it with 8 or 16 bits")
    if image.mode in (*SIXTEEN_BIT, "I"):
        notes.append("16-bit values were reduced to 8")
    to_srgb = _conversion_to_srgb(image)
    if to_srgb is not None:
        notes.append("colours were converted to sRGB")
    converted, transparent = Image.new("RGB", image.size), False
    for top, strip in strips(image):
        strip = _to_eight_bits(strip)
        if to_srgb is not None:
            strip = ImageCms.applyTransform(strip, to_srgb) or strip
        if strip.has_transparency_data:
            strip = strip.convert("RGBA")
            transparent = transparent or bool(np.asarray(strip.getchannel("A")).min() < 255)
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, background), strip)
        converted.paste(strip.convert("RGB"), (0, top))
    if transparent:
        notes.append(f"transparent parts were composited on {background}")
    try:
        turn = TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata is no damaged picture
        turn = None
    if turn is not None:
        notes.append("turned upright as its EXIF orientation says")
        converted = converted.transpose(turn)
    return Picture(name, converted, tuple(notes))


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """A 16-bit grey image as an 8-bit one, any other as it is."""
    if image.mode not in (*SIXTEEN_BIT, "I"):
        return image
    deep = np.asarray(image).clip(0, 65535)
    key = image.info.get("transparency")  # of PNG: the grey value that is transparent
    image = Image.fromarray((deep // 257).astype(np.uint8))
    if key is not None:
        image.putalpha(Image.fromarray(((deep != key) * 255).astype(np.uint8)))
    return image


def _conversion_to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """What converts the image's colours to sRGB; None if they are, or its profile is unusable."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
