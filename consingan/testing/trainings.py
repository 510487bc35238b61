"""Tiny trainings, of modes that need not be installed."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from consingan.core.hooks.dispatch import AnyMode
from consingan.core.hooks.specs import hookimpl
from consingan.core.run import Run
from consingan.core.runs.records import Plugin
from consingan.core.training.session import train_run
from consingan.plugins import LoadedMode, Plugins
from consingan.preparing import prepare

PRESET = "paper"
"""The preset of tiny trainings: float32, whole pictures, no EMA."""
TINY: Mapping[str, Any] = MappingProxyType(
    {
        "max_size": 24,
        "min_size": 12,
        "train_stages": 3,
        "niter": 3,
        "filters": 4,
        "lr_generator": 0.01,  # at the default rate, three steps don't change 8-bit pixels
    }
)
"""Options for a training of about a second."""

_seeds = count(1)


def tiny_picture(height: int = 20, width: int = 30) -> Image.Image:
    """An RGB picture with some structure and some noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.stack([rows / height, columns / width, np.sin(rows / 3) / 2 + 0.5], axis=-1)
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, waves.shape)
    return Image.fromarray(((waves + noise).clip(0, 1) * 255).astype(np.uint8))


def plugins_with(mode: type[AnyMode]) -> Plugins:
    """Plugins with a new instance of the mode only."""
    return Plugins({mode.name: LoadedMode(mode(), Plugin(package="tested", version="0"))})


def train_tiny(
    mode: type[AnyMode],
    folder: Path,
    options: Mapping[str, Any] = MappingProxyType({}),
    listeners: Sequence[object] = (),
    picture: Image.Image | None = None,
) -> Run:
    """Train the mode on a tiny picture, as a new run below `folder`.

    Args:
        mode: the mode's class; it need not be installed.
        folder: the folder of runs.
        options: training options on top of `TINY`.
        listeners: listeners with hooks.
        picture: the picture; by default `tiny_picture()`.
    """
    reseed_globals()
    given = {**TINY, **options}
    run = prepare(
        plugins_with(mode),
        picture or tiny_picture(),
        mode.name,
        PRESET,
        None,
        None,
        folder,
        "cpu",
        listeners,
        given,
    )
    train_run(run, "cpu")
    return run


def reopen(run: Run, mode: type[AnyMode]) -> Run:
    """Open the run as another process would, with a new instance of the mode."""
    reseed_globals()
    return Run.open(run.path, plugins_with(mode).hooks_for)


def weights(run: Run) -> dict[str, bytes]:
    """The content of every stage file, by name."""
    return {file.name: file.read_bytes() for file in sorted((run.path / "stages").iterdir())}


def reseed_globals() -> None:
    """Reseed all global random number generators with new seeds. No result may depend on them."""
    import torch

    seed = next(_seeds)
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


class Interrupt:
    """A listener that stops training after its first stage, as Ctrl-C does."""

    @hookimpl
    def stage_saved(self) -> None:
        """Stop."""
        raise KeyboardInterrupt


def loads_torch(plugin: type[object]) -> bool:
    """Whether importing the plugin's module, in a new process, imports torch."""
    code = f"import sys; sys.path[:] = {sys.path!r}; import {plugin.__module__}"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1] == "True"
