"""The Inception weights for SIFID: from a file, or downloaded."""

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
"""The word that stands for the published weights in place of a path."""
URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
"""torchvision's weights, which the published SIFID code also loads."""
CHECKSUM = "0cc3c7bd"
"""The first digits of the weights' SHA-256."""
WEIGHTS_ADVICE = "give Inception-v3 weights as torchvision or pytorch-fid publish them"


def find_inception(source: str | Path) -> Path:
    """The file of the weights. `source` is its path, or `download` for torchvision's weights.

    Downloaded weights are kept in torch hub's folder and are downloaded only once. Raises
    OptionError if there is no such file, ConsinganError if it cannot be downloaded.
    """
    if str(source) != DOWNLOAD:
        if not Path(source).is_file():
            raise OptionError(
                f"{str(source)!r} is not a file; {WEIGHTS_ADVICE}, or say: {DOWNLOAD}", "inception"
            )
        return Path(source)
    from torch import hub

    file = Path(hub.get_dir()) / "checkpoints" / URL.rpartition("/")[2]
    if not file.is_file():
        warnings.warn(f"downloading 104 MB to {str(file)!r}, once", Note, stacklevel=2)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            hub.download_url_to_file(URL, str(file), CHECKSUM, progress=False)
        except (OSError, RuntimeError) as error:  # RuntimeError: a wrong checksum
            reason = f"cannot download {URL}: {error}"
            raise ConsinganError(f"{reason}; get the file elsewhere and give its path") from None
    return file


def load_inception(file: Path) -> EarlyInception:
    """SIFID's network with the weights of a .pth file, on the CPU.

    Raises RunError, naming the file, if the weights cannot be used.
    """
    from consingan.core.metrics.frechet import EarlyInception

    real = file.resolve()
    left_out = ("num_batches_tracked",)
    tensors = read_tensors(real.parent, real.name, dict, leave_out=left_out, advice=WEIGHTS_ADVICE)
    network = EarlyInception()
    for name, tensor in network.state_dict().items():
        if name.endswith(left_out):
            continue
        if name not in tensors or tensors[name].shape != tensor.shape:
            missing = f"has no tensor {name} of shape {tuple(tensor.shape)}"
            raise fault(file, f"{missing}; {WEIGHTS_ADVICE}")
        tensor.copy_(tensors[name])
    return network
