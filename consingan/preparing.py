"""Creating run folders from what the user gives: all is checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image

from consingan.core.hooks.dispatch import Hooks
from consingan.core.options.presets import train_options
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.reading import Picture, file_sha256, from_image, load_picture
from consingan.core.pictures.tensors import array_to_image
from consingan.core.run import Run
from consingan.core.runs.location import runs_folder
from consingan.core.system.devices import find_device, with_precision
from consingan.core.system.torch_settings import own_settings
from consingan.core.training.start import (
    create_fine_tuning,
    create_refinement,
    create_run,
)
from consingan.errors import OptionError, PictureError, RunNotFoundError
from consingan.opening import all_listeners, open_run
from consingan.plugins import LoadedMode, Plugins

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


Source: TypeAlias = "str | Path | Image.Image | NDArray[Any] | Tensor"
"""A picture: a file's path; a Pillow image; or an array or a tensor, uint8 (H, W, 3) or (H, W), or
floating-point (3, H, W) or (1, 3, H, W) in [-1, 1]."""


@own_settings()
def prepare(
    plugins: Plugins,
    picture: Source,
    mode: str,
    preset: str,
    name: str | None,
    naive: Source | None,
    runs: str | Path | None,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
) -> Run:
    """Check all arguments of `train`, and create the run folder. Nothing is trained yet."""
    loaded, parsed = parse(plugins, mode, preset, options)
    source = read_picture(picture)
    source = source if name is None else replace(source, name=name)
    shown = None if naive is None else read_picture(naive)
    place = find_device(device)
    parsed = with_precision(parsed, place)
    hooks = Hooks(loaded.mode, all_listeners(plugins, listeners))
    return create_run(runs_folder(runs), source, parsed, preset, loaded.plugin, hooks, place, shown)


@own_settings()
def prepare_fine_tuning(
    run: Run | str | Path,
    naive: Source,
    runs: str | Path | None,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
    mode: str | None = None,
) -> Run:
    """Check all arguments of `fine_tune`, and create the run folder. Nothing is trained yet."""
    find_device(device)
    try:
        parent = open_run(run, runs=runs, listeners=listeners)
    except RunNotFoundError:
        parent = open_run(run, listeners=listeners)
    if mode not in (None, parent.mode):
        raise OptionError(
            f"{str(parent.path)!r} was trained for {parent.mode}; "
            f"use: consingan {parent.mode} train",
            "from",
        )
    return create_fine_tuning(runs_folder(runs), parent, read_picture(naive), options)


@own_settings()
def prepare_refinement(
    run: Run | str | Path,
    runs: str | Path | None,
    device: str,
    listeners: Sequence[object],
    options: dict[str, Any],
) -> Run:
    """Check all arguments of `refine`, and create the run folder. Nothing is trained yet."""
    find_device(device)
    parent = open_run(run, runs=runs, listeners=listeners)
    return create_refinement(runs_folder(runs), parent, options)


def parse(
    plugins: Plugins, mode: str, preset: str, options: dict[str, Any]
) -> tuple[LoadedMode, TrainOptions]:
    """The mode, and its training options. Raises ModeError, or OptionError."""
    loaded = plugins.mode(mode)
    mode_class = loaded.mode
    parsed = train_options(mode_class.TrainOptions, preset, options, mode_class.presets)
    return loaded, parsed


def read_picture(picture: object) -> Picture:
    """The picture of a `Source`. Raises PictureError for anything else."""
    if isinstance(picture, str | Path):
        loaded = load_picture(picture, reduced=True)  # training reduces it further
        return replace(loaded, file_sha256=file_sha256(Path(picture)))
    if hasattr(picture, "__array__") and not isinstance(picture, Image.Image):
        return from_image(array_to_image(picture))
    if isinstance(picture, Image.Image):
        return from_image(picture, Path(getattr(picture, "filename", "")).stem or "picture")
    kind = type(picture).__name__
    raise PictureError(f"a picture is a path, a Pillow image, an array or a tensor, not {kind}")
