"""The folder of runs as the page sees it: which run is meant, its samples and its stars."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from consingan import ListedRun, Run, RunError, list_runs, open_run

if TYPE_CHECKING:
    from PIL import Image

    from consingan import Sampler

STUDIO = ".studio"
"""The studio's own folder in that of the runs: uploads and trainings."""
UPLOADS = f"{STUDIO}/uploads"
"""Where Gradio keeps what is uploaded, and what it shows."""
STARS = "stars.json"
"""The file in a run's folder with the samples that somebody liked."""
OPEN = 2
"""How many runs' networks are kept in memory."""
THUMBNAILS = 600
"""How many small pictures are kept in memory; one has about 10 kB."""
MOST_PIXELS = 4_000_000
"""The largest sample that the page shows. Larger ones are made with `apply`."""


class Library:
    """The runs below a folder. A run's key is its path from there: `landscape/2026...`."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._samplers: OrderedDict[tuple[str, int], Sampler] = OrderedDict()
        self._thumbnails: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = Lock()

    def listed(self) -> list[ListedRun]:
        """All runs, the newest first."""
        return list_runs(self.runs)

    def key(self, run: Path | str) -> str:
        """The key of a run's folder."""
        return Path(run).relative_to(self.runs).as_posix()

    def file(self, name: str) -> Path:
        """A file or a folder in a run's, by its path from the folder of runs.

        Raises RunError if it leads elsewhere, through links as well.
        """
        try:
            path = (self.runs / name).resolve()
            parts = path.relative_to(self.runs.resolve()).parts
        except (ValueError, OSError, RuntimeError):
            parts = ()
        if len(parts) < 2 or any(part.startswith(".") for part in parts):
            raise RunError(f"{name[:200]!r} is not in a run's folder")
        return self.runs.joinpath(*parts)

    def open(self, key: str) -> Run:
        """The run of a key. Raises RunError."""
        return open_run(self.file(key))

    def sample(self, key: str, index: int, seed: int, size: tuple[int, int] | None) -> Image.Image:
        """A sample of a run, as `apply` makes it. `size` is height and width. Raises RunError."""
        from consingan import to_image

        if size is not None and (min(size) < 1 or size[0] * size[1] > MOST_PIXELS):
            raise RunError("the page shows no picture of this size; use consingan apply")
        with self._lock:
            return to_image(self._sampler(key).sample(index, seed, size))

    def thumbnail(
        self, key: str, index: int, seed: int, size: tuple[int, int] | None, side: int
    ) -> bytes:
        """A sample as a JPEG file whose longer side is at most `side`."""
        place = (key, self.open(key).stages_done, index, seed, size, side)
        if place not in self._thumbnails:
            image = self.sample(key, index, seed, size)
            image.thumbnail((side, side))
            self._thumbnails[place] = jpeg(image)
            while len(self._thumbnails) > THUMBNAILS:
                self._thumbnails.popitem(last=False)
        return self._thumbnails[place]

    def apply(self, key: str, **options: Any) -> list[Path]:
        """Make pictures in a run's folder, as `consingan MODE apply` does; returns their files."""
        with self._lock:
            return self.open(key).apply(**options)

    def forget(self, key: str) -> None:
        """Drop what is kept of a run that is removed or renamed."""
        with self._lock:
            for place in [place for place in self._samplers if place[0] == key]:
                del self._samplers[place]

    def stars(self, key: str) -> list[str]:
        """The starred samples of a run: `seed-index`, or `seed-index-WIDTHxHEIGHT`."""
        try:
            found = json.loads((self.file(key) / STARS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        return [star for star in found if isinstance(star, str)] if isinstance(found, list) else []

    def star(self, key: str, sample: str, starred: bool) -> Sequence[str]:
        """Give a sample a star or take it away; returns all stars."""
        with self._lock:
            others = [star for star in self.stars(key) if star != sample]
            stars = [*others, sample] if starred else others
            file = self.file(key) / STARS
            temporary = file.with_suffix(".tmp")
            temporary.write_text(json.dumps(stars), encoding="utf-8")
            temporary.replace(file)
        return stars

    def _sampler(self, key: str) -> Sampler:
        run = self.open(key)
        place = (key, run.stages_done)
        if place not in self._samplers:
            self._samplers[place] = run.sampler()
            while len(self._samplers) > OPEN:
                self._samplers.popitem(last=False)
        self._samplers.move_to_end(place)
        return self._samplers[place]


def jpeg(image: Image.Image) -> bytes:
    """The bytes of a JPEG file of an RGB image."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
