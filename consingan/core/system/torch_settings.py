"""Computing the same whatever settings of torch the caller has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from consingan.errors import RunError


@contextmanager
def own_settings() -> Iterator[None]:
    """Compute without the caller's autocast, default device, `no_grad` and `inference_mode`.

    Convolutions in float32 on CUDA are not rounded to TF32. Raises RunError under another default
    dtype, which would change other threads too. Before torch is loaded there are no settings.
    """
    if "torch" not in sys.modules:  # so that wrong usage is told at once
        yield
        return
    import torch

    if torch.get_default_dtype() != torch.float32:
        default = str(torch.get_default_dtype()).removeprefix("torch.")
        raise RunError(
            f"torch's default dtype is {default}; "
            "call torch.set_default_dtype(torch.float32) around consingan"
        )
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        # Only where needed: it runs Python in each call of torch, and a signal at such a moment
        # leaves torch's stack of modes in disorder.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        cudnn: Any = torch.backends.cudnn  # its attributes are made at run time
        convolutions = cudnn.conv
        before, convolutions.fp32_precision = convolutions.fp32_precision, "ieee"
        try:
            yield
        finally:
            convolutions.fp32_precision = before
