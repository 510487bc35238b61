"""Which device computes, and in which precision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from consingan.core.options.training import Precision, TrainOptions
from consingan.errors import OptionError, RunError

if TYPE_CHECKING:
    import torch

BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
"""Of x86 CPUs, as torch names them. On others bfloat16 was not measured, and float32 is taken."""


def find_device(name: str = "auto") -> torch.device:
    """The device called `name`: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    `auto` is the first CUDA device, or else Apple's GPU, or else the CPU. Raises OptionError if the
    name is unknown or this machine has no such device, RunError as `check_fork`, and in a
    working directory that was deleted: MKL would end the process.
    """
    import torch

    from consingan.core.system.threads import check_fork

    check_fork()
    _check_working_directory()
    if not isinstance(name, str) or len(name) > 20:
        raise OptionError("write auto, cpu, cuda, cuda:N or mps", "device")
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda:0" if cuda else "mps" if mps else "cpu")
    kind, _, number = name.partition(":")
    numbered = kind == "cuda" and number.isascii() and number.isdecimal()
    if kind not in ("cpu", "cuda", "mps") or (number and not numbered):
        raise OptionError(f"{name!r} is not one of auto, cpu, cuda, cuda:N, mps", "device")
    if kind == "cuda" and int(number or 0) >= cuda:
        count = f"{cuda} CUDA device{'s' * (cuda != 1)}" if cuda else "no CUDA device"
        raise OptionError(f"{name}: this machine has {count}; leave --device out", "device")
    if kind == "mps" and not mps:
        raise OptionError("mps: this machine has no Apple GPU; leave --device out", "device")
    return torch.device(kind, int(number or 0)) if kind == "cuda" else torch.device(kind)


def _check_working_directory() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise RunError("the working directory was deleted; change to another") from None


def with_precision(options: TrainOptions, device: torch.device) -> TrainOptions:
    """`options` with precision `auto` replaced by the one in which convolutions are faster."""
    if options.precision != "auto":
        return options
    return options.model_copy(update={"precision": faster_precision(device)})


def faster_precision(device: torch.device) -> Precision:
    """`float32` or `bfloat16`: the one in which the device's convolutions are faster.

    It depends on the hardware alone, not on a measurement, so that on one machine the answer is
    always the same, and with it the pictures of a seed. Hardware without instructions for bfloat16
    emulates it, which is many times slower.
    """
    import torch

    if device.type == "cuda":
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
        supported = any(capabilities.get(name) for name in BFLOAT16_INSTRUCTIONS)
    return "bfloat16" if supported else "float32"
