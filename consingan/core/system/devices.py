"""Which device computes, and in which precision."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from consingan.core.options.training import Precision, TrainOptions
from consingan.errors import OptionError

if TYPE_CHECKING:
    import torch


def find_device(name: str = "auto") -> torch.device:
    """The device called `name`: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    `auto` is the first CUDA device, or else Apple's GPU, or else the CPU. Raises OptionError if the
    name is unknown or this machine has no such device.
    """
    import torch

    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda:0" if cuda else "mps" if mps else "cpu")
    kind, _, number = name.partition(":")
    numbered = kind == "cuda" and number.isdecimal()
    if kind not in ("cpu", "cuda", "mps") or (number and not numbered):
        raise OptionError(f"{name!r} is not one of auto, cpu, cuda, cuda:N, mps", "device")
    if kind == "cuda" and int(number or 0) >= cuda:
        count = f"{cuda} CUDA device{'s' * (cuda != 1)}" if cuda else "no CUDA device"
        raise OptionError(f"{name}: this machine has {count}; leave --device out", "device")
    if kind == "mps" and not mps:
        raise OptionError("mps: this machine has no Apple GPU; leave --device out", "device")
    return torch.device(kind, int(number or 0)) if kind == "cuda" else torch.device(kind)


def with_precision(options: TrainOptions, device: torch.device) -> TrainOptions:
    """`options` with precision `auto` replaced by the one in which convolutions are faster.

    CPUs without bfloat16 instructions emulate it, which is many times slower.
    """
    if options.precision != "auto":
        return options
    return options.model_copy(update={"precision": faster_precision(device)})


@lru_cache
def faster_precision(device: torch.device) -> Precision:
    """`float32` or `bfloat16`: the one in which the device's convolutions are faster."""
    import torch

    if device.type != "cpu":
        # Without emulation, which older GPUs need.
        supported = device.type == "cuda" and torch.cuda.is_bf16_supported(False)
        return "bfloat16" if supported else "float32"
    full, half = (_seconds(dtype) for dtype in (torch.float32, torch.bfloat16))
    return "bfloat16" if half < full else "float32"


def _seconds(dtype: torch.dtype) -> float:
    """The time of a stage's usual convolution on the CPU: the shortest of a few."""
    import torch

    features = torch.zeros(1, 64, 64, 64, dtype=dtype).to(memory_format=torch.channels_last)
    weight = torch.zeros(64, 64, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
    times = []
    with torch.inference_mode():
        for _ in range(6):
            started = time.perf_counter()
            torch.conv2d(features, weight)
            times.append(time.perf_counter() - started)
    return min(times)
