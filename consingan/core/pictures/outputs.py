"""Where a mode's pictures go. Nothing that exists is ever overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image

from consingan.core.options.size import Size
from consingan.core.pictures.clips import CLIP_SUFFIXES, check_clip, write_clip
from consingan.core.pictures.contact_sheet import Thumbnails
from consingan.core.pictures.html import gallery
from consingan.core.pictures.tensors import to_image
from consingan.core.pictures.writing import FORMATS, save_image
from consingan.core.system.atomic_files import Place, place_new, write_bytes, write_json
from consingan.errors import OptionError, RunError

if TYPE_CHECKING:
    from torch import Tensor

Shown: TypeAlias = "Tensor | Image.Image"
"""A picture: (1, 3, H, W) in [-1, 1], or an RGB image."""


class Outputs:
    """Saves pictures and clips into one folder; a name that is taken gets a number.

    `out` is a folder, and pictures are PNG files; or it is a name with a suffix of `FORMATS` or
    `CLIP_SUFFIXES`, such as `new/castle.jpg`: then what is saved is of that format, in `new`, and
    its names start with `castle-`. `fresh` says that the folder was made for this. Raises
    OptionError if `out` names no such place, RunError if it cannot be created.
    """

    def __init__(self, out: Path, fresh: bool = False) -> None:
        try:
            suffix = "" if out.is_dir() else out.suffix.lower()
            if suffix and suffix not in (*FORMATS, *CLIP_SUFFIXES):
                known = ", ".join(dict.fromkeys((*FORMATS, *CLIP_SUFFIXES)))
                raise OptionError(
                    f"{suffix!r} is no format to write; end in {known}, or name a folder", "out"
                )
            self.folder = out.parent if suffix else out
            self._fresh = fresh or not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise OptionError(f"{str(self.folder)!r} is not a folder", "out") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"cannot create {str(out)!r}: {reason}") from None
        self.files: list[Path] = []
        """The pictures and clips that were saved so far, in order."""
        self.sheet: Path | None = None
        """The first page of the contact sheet, once it is saved."""
        self.gallery: Path | None = None
        """The page that shows them, once it is saved."""
        self._suffix = suffix
        self._stem = out.stem if suffix else ""
        self._thumbnails = Thumbnails()

    @property
    def named(self) -> bool:
        """Whether `out` names a file: a picture saved as `""` then gets this very name."""
        return bool(self._stem)

    def discard(self) -> None:
        """Take the folder away again, if it was made for this and holds nothing."""
        if self._fresh:
            with suppress(OSError):
                self.folder.rmdir()

    def show(self, caption: str, picture: Tensor) -> None:
        """Put (1, 3, H, W) in [-1, 1] on the contact sheet without saving it."""
        self._thumbnails.add(caption, to_image(picture))

    def save(self, name: str, picture: Tensor) -> Path:
        """Save (1, 3, H, W) in [-1, 1] as `name`, and put it on the contact sheet."""
        return self.save_image(name, to_image(picture))

    def save_bands(self, name: str, size: Size, bands: Iterable[Tensor]) -> Path:
        """Save a picture of `size` that comes in bands, (1, 3, h, W) in [-1, 1], from the top.

        It goes on the contact sheet as well. Raises ValueError if the bands don't make up `size`.
        """
        self._still_suffix()  # before the bands are made
        image, top = Image.new("RGB", (size.width, size.height)), 0
        for band in map(to_image, bands):
            if band.width != size.width:
                raise ValueError(f"a band is {band.width} pixels wide, not {size.width}")
            image.paste(band, (0, top))
            top += band.height
        if top != size.height:
            raise ValueError(f"the bands have {top} rows, not {size.height}")
        return self.save_image(name, image)

    def save_image(self, name: str, image: Image.Image) -> Path:
        """Save an RGB image as `name`, and put it on the contact sheet."""
        path = self._save_image(name, image)
        self._thumbnails.add(name or path.stem, image, path.name)
        return path

    def save_sheet(self, name: str = "sheet", row: int = 1) -> Path:
        """Save a contact sheet of the pictures so far, and return its first page's path.

        Two dozen pictures make a page. Several are called `sheet-1`, `sheet-2`, ... So many
        pictures as `row` says belong together, and are kept in one row.
        """
        pages = list(self._thumbnails.pages(row))
        numbers = [f"-{number}" for number in range(1, len(pages) + 1)] if len(pages) > 1 else [""]
        saved = [self._save_image(name + n, page) for n, page in zip(numbers, pages, strict=True)]
        self.sheet = saved[0]
        return self.sheet

    def save_gallery(self, title: str) -> Path | None:
        """Save `gallery.html` beside the pictures: thumbnails that open them.

        None if fewer than two pictures were saved.
        """
        entries = self._thumbnails.entries
        if sum(entry.file is not None for entry in entries) < 2:
            return None
        page = gallery(title, entries).encode(errors="backslashreplace")
        self.gallery = self._write(
            "gallery", ".html", lambda path, new: write_bytes(path, page, new)
        )
        return self.gallery

    def save_clip(
        self,
        name: str,
        frames: Iterable[Image.Image],
        fps: float,
        palette_frames: Iterable[Image.Image] = (),
        expected: int = 0,
    ) -> Path:
        """Save RGB frames as an animated `name`, GIF unless `out` says otherwise.

        A clip called `clip` takes the very name that `out` gives. No frame is made before it is
        clear that the format can be written, and one before it is clear that as many as `expected`
        fit into memory, 0 if that isn't known. See `clips.write_clip`.
        """
        suffix = self._suffix or ".gif"
        if suffix not in CLIP_SUFFIXES:
            known = ", ".join(CLIP_SUFFIXES)
            raise OptionError(f"{suffix!r} holds no moving pictures; use {known}", "out")
        check_clip(Path(name + suffix), fps)
        path = self._write(
            "" if name == "clip" and self._stem else name,
            suffix,
            lambda path, new: write_clip(path, frames, fps, palette_frames, expected, new),
        )
        self.files.append(path)
        return path

    def save_record(self, content: Any, name: str = "options") -> Path:
        """Save what made the pictures as JSON beside them."""
        return self._write(name, ".json", lambda path, new: write_json(path, content, new))

    def _still_suffix(self) -> str:
        suffix = self._suffix or ".png"
        if suffix not in FORMATS:
            raise OptionError(
                f"{suffix!r} holds no still pictures; use {', '.join(FORMATS)}", "out"
            )
        return suffix

    def _save_image(self, name: str, image: Image.Image) -> Path:
        suffix = self._still_suffix()
        path = self._write(name, suffix, lambda path, new: save_image(path, image, new))
        self.files.append(path)
        return path

    def _write(self, name: str, suffix: str, write: Callable[[Path, Place], object]) -> Path:
        """Write a file under the first free name, which it gets when it is whole.

        Raises ValueError if the name would lead out of the folder.
        """
        if name != Path(name).name:
            raise ValueError(f"{name!r} is no file name; a mode writes into its folder alone")
        stem = "-".join(part for part in (self._stem, name) if part)
        named: list[Path] = []

        def place(temporary: Path, path: Path) -> None:
            for number in count(1):
                free = path.with_name(f"{stem}-{number}{suffix}") if number > 1 else path
                with suppress(FileExistsError):
                    place_new(temporary, free)
                    named.append(free)
                    return

        path = self.folder / f"{stem}{suffix}"
        try:
            write(path, place)
        except (OSError, ValueError) as error:  # ValueError: too large for the format
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"cannot write {str(path)!r}: {reason}") from None
        return named[0]
