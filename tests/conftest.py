"""What the tests share: tiny options, a tiny picture, and the shared folder if it is there."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Tiny networks are slower on several threads; before torch loads, and for subprocesses too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image

from consingan.entry_points import BUILT_IN, entries_of, installed_entries, origin_of
from consingan.loading import COMMANDS

SHARED = Path(__file__).parents[2] / "shared"

TINY: dict[str, Any] = {
    "max_size": 24,
    "min_size": 12,
    "train_stages": 3,
    "niter": 3,
    "last_share": 1.0,
    "precision": "float32",
    "filters": 4,
}
"""Options under which a training takes about a second."""


def tiny_image(height: int = 20, width: int = 30, seed: int = 0) -> Image.Image:
    """A small RGB picture with some structure and some noise."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.stack([rows / height, columns / width, np.sin(rows / 3) / 2 + 0.5], axis=-1)
    noise = random.uniform(-0.1, 0.1, waves.shape)
    return Image.fromarray(((waves + noise).clip(0, 1) * 255).astype(np.uint8))


def image_size(file: Path) -> tuple[int, int]:
    """Width and height of a picture file."""
    with Image.open(file) as image:
        return image.size


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A tiny picture's file."""
    path = tmp_path / "photo.png"
    tiny_image().save(path)
    return path


@pytest.fixture
def shared() -> Path:
    """The team's shared folder; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("no shared folder here")
    return SHARED


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Pretends that nothing is installed but what is named: `install(group, entry=class)`.

    The built-in commands stay, unless commands are named. Each entry point is of a package of its
    own name, unless one package is given for all.
    """

    def only(
        group: str, package: str | None = None, entries: Sequence[object] = (), **classes: object
    ) -> None:
        pretended = [
            SimpleNamespace(
                name=entry,
                dist=SimpleNamespace(
                    name=package or entry, version="1", metadata={"Summary": f"Has {entry}."}
                ),
                load=lambda found=found: found,
            )
            for entry, found in classes.items()
        ]
        installed[group] = [*entries, *pretended]

    built_in = [
        entry
        for entry in entries_of(COMMANDS, installed_entries())
        if origin_of(entry.dist).package == BUILT_IN
    ]
    installed = defaultdict[str, Sequence[object]](list, {COMMANDS: built_in})
    found = SimpleNamespace(select=lambda group: installed[group])
    monkeypatch.setattr("consingan.entry_points.entry_points", lambda: found)
    return only
