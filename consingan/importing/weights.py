"""Reading weights from untrusted `.pth` files. Nothing else reads such files.

A pickle can run any code. So files are checked first, and then read with torch's restricted
unpickler. Of its result only numbers and ordinary tensors are used, as copies.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan.core.system.atomic_files import find_file
from consingan.importing.pickles import check_tensor_file
from consingan.importing.settings import AGAIN, fault

if TYPE_CHECKING:
    from torch import Tensor

MAX_WEIGHTS = 2 * 10**9
"""The largest .pth file that is read, in bytes."""


def read_tensors(
    folder: Path,
    name: str,
    kind: type[dict[Any, Any]] | type[list[Any]],
    *,
    leave_out: tuple[str, ...] = (),
    advice: str = AGAIN,
) -> dict[str, Tensor]:
    """The tensors of a .pth file by name, or by index for a list: finite, float32, on the CPU.

    Args:
        folder: the folder that must contain the file; links out of it are refused.
        name: the file's name in the folder.
        kind: the type that the file must contain.
        leave_out: endings of names that are not read.
        advice: what to do about a file that cannot be used.

    Raises RunError if the file contains anything else. It never runs code from the file.
    """
    import torch

    file = find_file(folder, name, MAX_WEIGHTS, advice)
    try:
        with file.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about files that are refused below
            check_tensor_file(stream)
            stream.seek(0)
            loaded = torch.load(stream, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise fault(file, f"cannot be read: {error.strerror}; {advice}") from None
    except Exception:  # the unpickler may raise any exception on damaged files
        reason = "is damaged, or holds more than tensors, as a pickled module does"
        raise fault(file, f"{reason}, which could run any code; {advice}") from None
    if not isinstance(loaded, kind):
        raise fault(file, f"holds no {kind.__name__} of tensors; {advice}")
    # The class's own method, since a pickle can replace methods of its objects.
    items = dict.items(loaded if isinstance(loaded, dict) else dict(enumerate(loaded)))
    left, tensors = file.stat().st_size, {}
    for key, value in items:
        if isinstance(key, str) and key.endswith(leave_out):
            continue
        tensor = _ordinary(value)
        if tensor is None or not isinstance(key, str | int):
            raise fault(file, f"holds something other than tensors and numbers; {advice}")
        left -= tensor.nbytes
        if left < 0:  # tensors that share storage, whose copies could fill the memory
            raise fault(file, f"claims more numbers than it has bytes for; {advice}")
        tensor = tensor.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
        if not tensor.isfinite().all():
            raise fault(file, f"holds numbers that are infinite or undefined; {advice}")
        tensors[str(key)] = tensor
    return tensors


def _ordinary(value: Any) -> Tensor | None:
    """A number or an ordinary floating-point tensor, as a plain tensor; None for anything else."""
    import torch

    if type(value) in (int, float):
        return torch.tensor(float(value)) if abs(value) < 2**63 else None
    if type(value) not in (torch.Tensor, torch.nn.Parameter):
        return None
    tensor: Tensor = torch.Tensor.detach(value)
    dense = tensor.layout is torch.strided and not tensor.is_nested
    return tensor if dense and tensor.is_floating_point() and tensor.device.type == "cpu" else None
