"""Where the computing happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan.errors import OptionError

if TYPE_CHECKING:
    import torch


def find_device(name: str = "auto") -> torch.device:
    """The device called `name`: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    `auto` takes the first CUDA device, or else Apple's GPU, or else the CPU. Raises OptionError if
    the name means nothing or this machine has no such device.
    """
    import torch

    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda:0" if cuda else "mps" if mps else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdigit())):
        raise OptionError(f"{name!r} is not one of auto, cpu, cuda, cuda:N, mps", "device")
    if kind == "cuda" and int(number or 0) >= cuda:
        count = f"{cuda} CUDA device{'s' * (cuda != 1)}" if cuda else "no CUDA device"
        raise OptionError(f"{name}: this machine has {count}; leave --device out", "device")
    if kind == "mps" and not mps:
        raise OptionError("mps: this machine has no Apple GPU; leave --device out", "device")
    return torch.device(kind, int(number or 0)) if kind == "cuda" else torch.device(kind)
