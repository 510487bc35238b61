"""Reading picture files. A file that cannot be used raises PictureError."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from consingan.core.options.size import Size
from consingan.core.pictures.tensors import strips
from consingan.errors import PictureError

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""The suffixes of picture files, in upper or lower case."""
EXIF_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to turn a picture upright, by its EXIF orientation."""
MAX_PIXELS = 64_000_000
"""The largest picture that is read. Decoders need up to 12 bytes a pixel, within 1 GB of memory."""
MAX_WEBP_PIXELS = 40_000_000
"""The largest WebP picture. Its decoder needs more memory a pixel than any other."""
MAX_BYTES = 300_000_000
"""The largest picture file. Some decoders read all of it at once."""
MAX_SCANS = 50
"""The most scans of a JPEG. Progressive ones have about 10. Each may take as long as a picture."""
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes for 16-bit grey pictures."""


@dataclass(frozen=True)
class Picture:
    """A picture as 8-bit RGB, upright."""

    name: str
    """The file's name without suffix, for folders and messages."""
    image: Image.Image
    notes: tuple[str, ...] = ()
    """The conversions that were needed."""

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        return Size(self.image.height, self.image.width)


def load_picture(path: str | Path, background: str = "white") -> Picture:
    """Read a picture file as 8-bit RGB, upright.

    It reads JPEG, PNG, WebP, TIFF, BMP and the first frame of a GIF. Grey, palette, CMYK and 16-bit
    pictures are converted, and transparent ones are composited on `background`. Raises PictureError
    if the file is missing, empty, truncated, not a picture, or larger than `MAX_PIXELS` or
    `MAX_BYTES`.
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
            warnings.simplefilter("ignore")  # Pillow's, on metadata and on sizes checked below
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
    except Exception as error:  # decoders may raise any exception on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PictureError(f"{shown!r} is damaged or truncated: {reason}") from None


def from_image(image: Image.Image, name: str = "picture", background: str = "white") -> Picture:
    """A Pillow image as a `Picture`: 8-bit RGB, upright, transparency composited on `background`.

    Raises PictureError if its mode cannot be converted to RGB unambiguously.
    """
    notes = []
    if getattr(image, "is_animated", False):  # n_frames could take very long
        notes.append("only the first frame is used")
    tags = getattr(image, "tag_v2", {})
    if image.mode in (*SIXTEEN_BIT, "I") and (tags.get(258, (16,)), tags.get(262, 1)) != ((16,), 1):
        raise PictureError("grey TIFF needs 8 or 16 bits with black at zero; convert it first")
    if image.mode in ("F", "La"):
        kind = {"F": "floating-point", "La": "premultiplied grey"}[image.mode]
        raise PictureError(f"{kind} values cannot be converted; save it with 8 or 16 bits")
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
        turn = EXIF_TRANSPOSES.get(image.getexif().get(0x0112, 1))
    except Exception:  # a picture with damaged metadata is still usable
        turn = None
    if turn is not None:
        notes.append("turned upright as its EXIF orientation says")
        converted = converted.transpose(turn)
    return Picture(name, converted, tuple(notes))


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert a 16-bit grey image to 8 bits; return any other unchanged."""
    if image.mode not in (*SIXTEEN_BIT, "I"):
        return image
    deep = np.asarray(image).clip(0, 65535)
    key = image.info.get("transparency")  # in a PNG: the grey value that is transparent
    image = Image.fromarray((deep // 257).astype(np.uint8))
    if key is not None:
        image.putalpha(Image.fromarray(((deep != key) * 255).astype(np.uint8)))
    return image


def _conversion_to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """The colour transform to sRGB; None if none is needed, or if the profile is unusable."""
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
