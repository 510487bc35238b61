"""The weights of SIFID's network: from a file, or downloaded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from consingan.errors import ConsinganError, Note, OptionError
from consingan.importing.settings import fault
from consingan.importing.weights import read_tensors

if TYPE_CHECKING:
    from consingan.core.metrics.frechet import EarlyInception

DOWNLOAD = "download"
"""What stands for the path of the published weights."""
URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
"""torchvision's weights, which the published SIFID code loads; 0cc3c7bd begins their SHA-256."""
CHECKSUM = "0cc3c7bd"
USABLE = "give Inception-v3 weights as torchvision or pytorch-fid publish them"


def find_inception(source: str | Path) -> Path:
    """The file that `source` means: its path, or `download` for torchvision's weights.

    Those are kept in torch hub's folder, and downloaded only if they are not there. Raises
    OptionError if there is no such file, ConsinganError if it cannot be downloaded.
    """
    if str(source) != DOWNLOAD:
        if not Path(source).is_file():
            raise OptionError(
                f"{str(source)!r} is not a file; {USABLE}, or say: {DOWNLOAD}", "inception"
            )
        return Path(source)
    from torch import hub

    file = Path(hub.get_dir()) / "checkpoints" / URL.rpartition("/")[2]
    if not file.is_file():
        warnings.warn(f"downloading 104 MB to {str(file)!r}, once", Note, stacklevel=2)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            hub.download_url_to_file(URL, str(file), CHECKSUM, progress=False)
        except (OSError, RuntimeError) as error:  # RuntimeError: another checksum
            reason = f"cannot download {URL}: {error}"
            raise ConsinganError(f"{reason}; get it elsewhere and give its path") from None
    return file


def load_inception(file: Path) -> EarlyInception:
    """SIFID's network with the weights of a .pth file, on the CPU. Raises RunError, naming it."""
    from consingan.core.metrics.frechet import EarlyInception

    real = file.resolve()
    left_out = ("num_batches_tracked",)
    tensors = read_tensors(real.parent, real.name, dict, leave_out=left_out, advice=USABLE)
    network = EarlyInception()
    for name, tensor in network.state_dict().items():
        if name.endswith(left_out):
            continue
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise fault(file, f"has no tensor {name} of shape {tuple(tensor.shape)}; {USABLE}")
        tensor.copy_(tensors[name])
    return network
