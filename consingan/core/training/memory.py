"""How much memory a training needs, and whether this machine has it."""

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
"""How many times a step holds all feature maps of a layer: in any case, and more for each layer.

Measured on two threads at 250 and 400 pixels, under the paper's preset and with two layers, and
rounded up. On one thread, where nothing is computed in parallel, it is a third less.
"""
MARGIN = 5
"""Pixels around a window, for each layer, that the generator also computes; rounded up."""
BATCH_NORM_FACTOR = 1.25
"""Factor on the memory of windows with batch norm, as the stages with it are computed whole.

Measured with one and two such stages at 450x600 pixels, and rounded up.
"""
BYTES_A_NUMBER = 4
"""The size of a float32. In bfloat16 a step needs less."""
SUGGESTED_WINDOWS = (512, 256, 192, 128, 96, 64)
"""Values of --window that the error message may suggest."""


def step_memory(size: Size, options: TrainOptions) -> int:
    """The approximate peak memory, in bytes, of a training step of a stage of `size`."""
    from consingan.core.networks.stage_sizes import training_window

    window = training_window(size, options)
    margin = 0 if window == size else 2 * MARGIN * options.layers
    pixels = (window.height + margin) * (window.width + margin)
    maps = BASE_MAPS + LAYER_MAPS * options.layers
    factor = BATCH_NORM_FACTOR if margin and options.batch_norm else 1
    return round(pixels * maps * options.filters * BYTES_A_NUMBER * factor)


def check_memory(sizes: Sequence[Size], options: TrainOptions, device: torch.device) -> None:
    """Raise OptionError, with advice, if training these stages needs more memory than is free.

    Does nothing if the free memory is unknown.
    """
    free = free_memory(device)
    needed = max(step_memory(size, options) for size in sizes)
    if free is None or needed <= free:
        return
    gigabytes = f"{needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free"
    for window in SUGGESTED_WINDOWS:
        smaller = options.model_copy(update={"window": window})
        if max(step_memory(size, smaller) for size in sizes) <= free / 2:
            option, advice = "window", f"use --window {window}"
            break
    else:
        option, advice = "filters", "use fewer"
    raise OptionError(f"a training step needs about {gigabytes}; {advice}", option)
