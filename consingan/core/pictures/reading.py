"""Reading picture files. A file that cannot be used raises PictureError."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import warnings
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError, _imaging, features

from consingan.core.options.size import Size
from consingan.core.pictures.colour_profiles import SIXTEEN_BIT, Conversion, conversion_to_srgb
from consingan.core.pictures.declared import check_opened, check_start
from consingan.core.pictures.jpeg import START, open_jpeg
from consingan.core.pictures.tensors import strips
from consingan.errors import PictureError

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
"""What every Pillow reads; with AVIF and HEIC, the formats of pictures."""
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
    *(".avif", ".heic", ".heif"),
)
"""The suffixes of picture files, in upper or lower case."""
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""What HEIC and HEIF files say at their start; AVIF files say `avif` or `avis`."""
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
MAX_BYTES = 300_000_000
"""The largest picture file. Some decoders read all of it at once."""


@dataclass(frozen=True)
class Picture:
    """A picture as 8-bit RGB, upright."""

    name: str
    """The file's name without suffix, for folders and messages."""
    image: Image.Image
    notes: tuple[str, ...] = ()
    """The conversions that were needed."""
    file_sha256: str | None = None
    """The checksum of its file's content, where a run of it is made; see `file_sha256`."""

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        return Size(self.image.height, self.image.width)


def load_picture(path: str | Path, background: str = "white", *, reduced: bool = False) -> Picture:
    """Read a picture file as 8-bit RGB, upright.

    It reads JPEG, PNG, WebP, TIFF, BMP, AVIF and the first frame of a GIF; and HEIC with the extra
    `heic`. Grey, palette, CMYK and 16-bit
    pictures are converted, and transparent ones are composited on `background`. With `reduced`,
    JPEG photos over the limit are decoded at a half, a quarter or an eighth of their sides. Raises
    PictureError if the file is missing, empty, truncated, not a picture, or declares more than the
    limits here and in `declared` and `jpeg`.
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
            try:
                image, note = _open(path, reduced)
                stack.enter_context(image)
                check_opened(image)
            except PictureError as error:
                raise PictureError(f"{shown!r} {error}") from None
            image.load()
            try:
                picture = from_image(image, path.stem, background)
            except PictureError as error:
                raise PictureError(f"{shown!r} cannot be used: {error}") from None
            return picture if note is None else replace(picture, notes=(note, *picture.notes))
    except PictureError:
        raise
    except Image.DecompressionBombError:
        raise PictureError(f"{shown!r} claims an absurd size; give a smaller picture") from None
    except UnidentifiedImageError:
        formats = ", ".join((*FORMATS, "AVIF", "HEIC"))
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


def file_sha256(path: Path) -> str:
    """The SHA-256 checksum of a file's content, in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def decode_jpeg(content: bytes) -> Image.Image:
    """The RGB image in the bytes of a JPEG file that was written here; it is not checked."""
    image: Image.Image = Image.open(BytesIO(content), formats=("JPEG",))
    image.load()
    return image


def from_image(image: Image.Image, name: str = "picture", background: str = "white") -> Picture:
    """A Pillow image as a `Picture`: 8-bit RGB, upright, transparency composited on `background`.

    Raises PictureError if it has no pixels, is closed or truncated, or if its mode cannot be
    converted to RGB unambiguously.
    """
    try:
        image.load()
    except Exception as error:  # decoders may raise any exception on damaged files
        raise PictureError(f"picture {name!r} is closed, damaged or truncated: {error}") from None
    if 0 in image.size:
        raise PictureError(f"picture {name!r} has no pixels; give one of 1x1 or more")
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
    conversion = conversion_to_srgb(image)
    if conversion.note is not None:
        notes.append(conversion.note)
    converted, transparent = Image.new("RGB", image.size), False
    for top, strip in strips(image):
        if strip.mode in (*SIXTEEN_BIT, "I"):
            strip, alpha = _to_eight_bits(strip, conversion)
        else:
            if strip.has_transparency_data:
                strip = strip.convert("RGBA")
            alpha = strip.getchannel("A") if strip.mode == "RGBA" else None
            strip = conversion.to_rgb(strip)
        if alpha is not None:
            transparent = transparent or alpha.getextrema() != (255, 255)
            strip.putalpha(alpha)
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


@cache
def _silence_libtiff() -> None:
    """Keep libtiff, and Pillow's log of it, from writing to the terminal.

    Its errors become exceptions all the same. The handler is libtiff's own setting, for all
    threads; redirecting the stream would take other threads' text too. Where libtiff is linked into
    Pillow without its name, as on Windows, it goes on writing.
    """
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    with suppress(AttributeError, OSError):
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


def _open(path: Path, reduced: bool) -> tuple[ImageFile.ImageFile, str | None]:
    """Open a picture file, and say how it will be reduced if it will be."""
    _silence_libtiff()
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        check_start(file)
    if start.startswith(START):
        return open_jpeg(path, reduced)
    if start[4:8] == b"ftyp":
        return Image.open(path, formats=[_container(start[8:])]), None
    return Image.open(path, formats=FORMATS), None


def _container(brand: bytes) -> str:
    """The format of a file like HEIC or AVIF, which Pillow then reads.

    Raises PictureError, with advice, if it cannot, UnidentifiedImageError for another brand.
    """
    if brand in HEIF_BRANDS:
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise PictureError(
                "is a HEIC photo; to read it: pip install 'consingan[heic]', or save it as JPEG"
            ) from None
        register_heif_opener(thumbnails=False)
        return "HEIF"
    if brand not in (b"avif", b"avis"):
        raise UnidentifiedImageError
    if not features.check("avif"):
        raise PictureError("is an AVIF picture, which this Pillow cannot read; save it as PNG")
    return "AVIF"


def _to_eight_bits(
    image: Image.Image, conversion: Conversion
) -> tuple[Image.Image, Image.Image | None]:
    """Convert a 16-bit grey image to 8-bit RGB, and its transparency, if any, to alpha."""
    deep = np.asarray(image).clip(0, 65535)
    key = image.info.get("transparency")  # in a PNG: the grey value that is transparent
    alpha = None if key is None else Image.fromarray(((deep != key) * 255).astype(np.uint8))
    return Image.fromarray(conversion.deep_greys(deep)).convert("RGB"), alpha
