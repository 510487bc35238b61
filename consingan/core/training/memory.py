"""What memory a training needs, and whether this machine has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.system.memory import free_memory
from consingan.errors import OptionError

if TYPE_CHECKING:
    import torch

BASE_MAPS, LAYER_MAPS = 19.0, 8.0
"""Feature maps that a step holds for each pixel, and more of them for each layer; measured on two
threads at 250 and 400 pixels, under the paper's preset and with two layers, rounded up. On one
thread, where nothing is computed side by side, it is a third less."""
MARGIN = 5
"""Pixels around a window, for each layer, that the generator computes as well; rounded up."""
WHOLE_BELOW = 1.25
"""Times as much with batch norm on windows, where the stages below are computed whole; measured
with one and two of them at 450x600 pixels, rounded up."""
BYTES = 4
"""Of a number in float32; in bfloat16 a step takes less."""
WINDOWS = (512, 256, 192, 128, 96, 64)
"""Windows that are offered when something doesn't fit."""


def step_memory(size: Size, options: TrainOptions) -> int:
    """About how many bytes a training step of a stage of `size` takes at its peak."""
    from consingan.core.networks.stage_sizes import training_window

    window = training_window(size, options)
    margin = 0 if window == size else 2 * MARGIN * options.layers
    pixels = (window.height + margin) * (window.width + margin)
    maps = BASE_MAPS + LAYER_MAPS * options.layers
    whole_below = WHOLE_BELOW if margin and options.batch_norm else 1
    return round(pixels * maps * options.filters * BYTES * whole_below)


def check_memory(sizes: Sequence[Size], options: TrainOptions, device: torch.device) -> None:
    """Raise OptionError, with a setting that fits, if these stages take more than is free.

    Passes where the system doesn't tell how much that is.
    """
    free = free_memory(device)
    needed = max(step_memory(size, options) for size in sizes)
    if free is None or needed <= free:
        return
    gigabytes = f"{needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
    for window in WINDOWS:
        smaller = options.model_copy(update={"window": window})
        if max(step_memory(size, smaller) for size in sizes) <= free / 2:
            option, advice = "window", f"use --window {window}"
            break
    else:
        option, advice = "filters", "use fewer"
    raise OptionError(f"training on so much at once takes about {gigabytes}; {advice}", option)
