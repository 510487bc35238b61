"""Example pictures, drawn by code, for trying consingan without a photo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from PIL import Image

from consingan.core.pictures.writing import save_image
from consingan.errors import RunError
from consingan.examples import edits, paintings

Painter = Callable[[], Image.Image]

EXAMPLES: Mapping[str, Painter] = MappingProxyType(
    {
        "landscape": paintings.landscape,
        "stone-wall": paintings.stone_wall,
        "lightning": paintings.lightning,
    }
)
"""Pictures to train on, by name; each painter returns an RGB image."""

EDITS: Mapping[str, Painter] = MappingProxyType(
    {
        "landscape_naive": edits.landscape_naive,
        "landscape_naive_mask": edits.landscape_naive_mask,
        "stone-wall_edit": edits.stone_wall_edit,
        "stone-wall_edit_mask": edits.stone_wall_edit_mask,
    }
)
"""Naive pictures made from them, and their masks (white where something was changed)."""


def write_examples(folder: Path) -> list[Path]:
    """Write every example to `folder` as <name>.png, and return the paths.

    Existing files are kept. Raises RunError if the folder cannot be written.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, paint in {**EXAMPLES, **EDITS}.items():
            path = folder / f"{name}.png"
            if not path.exists():
                save_image(path, paint())
            paths.append(path)
    except OSError as error:
        raise RunError(f"cannot write to {str(folder)!r}: {error.strerror}") from None
    return paths
