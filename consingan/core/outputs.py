"""Where a mode's pictures go. Nothing that exists is ever overwritten."""

from __future__ import annotations

from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from consingan.core.files import write_atomically, write_json
from consingan.core.pictures import to_image
from consingan.core.sheets import Thumbnails
from consingan.errors import OptionError, RunError

if TYPE_CHECKING:
    from torch import Tensor

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "quality": 95},
}
"""Suffix of a picture file: how Pillow saves it."""


class Outputs:
    """Saves pictures into one folder; a name that is taken gets a number.

    `out` is a folder, and pictures are PNG files; or it is a name with a suffix of `FORMATS`, such
    as `new/castle.jpg`: then pictures are of that format, in `new`, and start with `castle-`.
    Raises OptionError if `out` names no such place, RunError if it cannot be created.
    """

    def __init__(self, out: Path) -> None:
        suffix = "" if out.is_dir() else out.suffix.lower()
        if suffix and suffix not in FORMATS:
            known = ", ".join(FORMATS)
            raise OptionError(f"{suffix!r} is no picture format; use {known}, or a folder", "out")
        self.folder = out.parent if suffix else out
        self.files: list[Path] = []
        """What was saved so far, in order."""
        self._suffix = suffix or ".png"
        self._stem = f"{out.stem}-" if suffix else ""
        self._thumbnails = Thumbnails()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise OptionError(f"{str(self.folder)!r} is not a folder", "out") from None
        except OSError as error:
            raise RunError(f"cannot create {str(self.folder)!r}: {error.strerror}") from None

    def save(self, name: str, picture: Tensor) -> Path:
        """Save (1, 3, H, W) in [-1, 1] as `name`, and remember it for the contact sheet."""
        image = to_image(picture)
        self._thumbnails.add(name, image)
        return self._save_image(name, image)

    def save_sheet(self, name: str = "sheet") -> Path:
        """Save a contact sheet of the pictures saved so far (the first two dozen)."""
        return self._save_image(name, self._thumbnails.sheet())

    def save_record(self, content: Any, name: str = "options") -> Path:
        """Save what made the pictures as JSON beside them."""
        path = self._claim(name, ".json")
        write_json(path, content)
        return path

    def _save_image(self, name: str, image: Image.Image) -> Path:
        path = self._claim(name, self._suffix)
        try:
            save_image(path, image)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise RunError(f"cannot write {str(path)!r}: {error.strerror}") from None
            raise
        self.files.append(path)
        return path

    def _claim(self, name: str, suffix: str) -> Path:
        """An empty file under the first free name: nobody else can take it from here on."""
        for number in count(1):
            tail = f"-{number}" if number > 1 else ""
            path = self.folder / f"{self._stem}{name}{tail}{suffix}"
            try:
                path.open("xb").close()
            except FileExistsError:
                continue
            except OSError as error:
                raise RunError(f"cannot write {str(path)!r}: {error.strerror}") from None
            return path
        raise AssertionError("count() does not end")


def encode_png(image: Image.Image) -> bytes:
    """The image as the content of a PNG file."""
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def save_image(path: Path, image: Image.Image) -> None:
    """Write an image atomically, in the format of the path's suffix. Raises OSError."""
    write_atomically(path, lambda file: image.save(file, **FORMATS[path.suffix.lower()]))
