"""Importing a model of the published ConSinGAN code as a run folder.

Its weights are pickled; `importing/weights.py` reads them without running any code.
"""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from safetensors.torch import save

from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.critic import Critic
from consingan.core.networks.generator import Generator
from consingan.core.networks.model import AMPLITUDE, CRITIC, GENERATOR, Model
from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.core.pictures.declared import MAX_PIXELS
from consingan.core.pictures.tensors import to_image
from consingan.core.pictures.writing import encode_png
from consingan.core.run import Run
from consingan.core.runs.location import runs_folder
from consingan.core.runs.records import RunConfig, RunState, SavedStage
from consingan.core.runs.tensor_files import FIXED_NOISE, sha256, stage_file
from consingan.core.system.names import folder_name
from consingan.core.system.torch_settings import own_settings
from consingan.importing.settings import AGAIN, fault, read_options, read_settings
from consingan.importing.weights import read_tensors
from consingan.loading import find_plugins

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_STAGES = 64
"""The limit of the option train_stages."""
MAX_AMPLITUDE = 100.0
"""The largest noise amplitude. The published code's are at most 2 * noise_amp (default 0.1)."""
RUNNING_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Batch norm's running statistics, which the published code stores but never uses."""
STAGE_FOLDERS_ADVICE = "the stage folders N/netG.pth hold the same weights: copy them beside it"


@own_settings()
def import_model(folder: str | Path, runs: str | Path | None = None) -> Run:
    """Make a run folder from a model folder of the published ConSinGAN code.

    Args:
        folder: has parameters.txt, reals.pth, fixed_noise.pth, noise_amp.pth and the stage folders.
            Of these, netG.pth and netD.pth in the last one are read. The folder may be untrusted:
            nothing in it is executed, and nothing outside it is read.
        runs: the folder of runs, as in `train`; the new run is `<runs>/<picture>/<time>-<mode>`.

    Returns:
        The complete run, with the same weights, noise amplitudes and fixed noise.

    Raises RunError, naming the file, if one is missing, damaged, or doesn't fit the others. Then
    nothing is created.
    """
    import torch

    source = Path(folder)
    settings = read_settings(source)
    loaded = find_plugins().mode(settings["train_mode"])
    hooks = Hooks(loaded.mode)
    options = read_options(loaded.mode.TrainOptions, settings, source)
    reals = list(_read(source, "reals.pth", list).values())
    sizes = _sizes(reals, options, source / "reals.pth")
    amplitudes = _amplitudes(source, len(sizes))
    network, generator, critic = _weights(source, options, hooks.mode.padding_style, sizes)
    shapes = {str(stage): network.noise_shape(stage, size) for stage, size in enumerate(sizes)}
    fixed = _fit(_read(source, "fixed_noise.pth", list), shapes, source / "fixed_noise.pth")
    notes = [f"imported from {str(source.absolute())!r}, trained by the published code"]
    if not critic:
        notes.append("it had no netD.pth: fine-tuning would start with an untrained critic")
        untrained = Model(options, network.padding, sizes).critic.state_dict()
        critic = {name: tensor.contiguous() for name, tensor in untrained.items()}

    files = {"picture.png": encode_png(to_image(reals[-1])), FIXED_NOISE: save(fixed)}
    for stage, amplitude in enumerate(amplitudes):
        parts = (f"body.{stage}.", "head.", "tail.")
        tensors = {GENERATOR + n: tensor for n, tensor in generator.items() if n.startswith(parts)}
        tensors |= {CRITIC + name: tensor for name, tensor in critic.items()}
        tensors[AMPLITUDE] = torch.tensor(amplitude, dtype=torch.float64)
        files[stage_file(stage)] = save(tensors)
    config = RunConfig(
        consingan=version("consingan"),
        created=datetime.now(timezone.utc).astimezone(),
        mode=loaded.mode.name,
        plugin=loaded.plugin,
        preset="paper",
        options=options.model_dump(mode="json"),
        # A path of the machine that trained. Windows' rules split it at / and at \.
        picture=folder_name(PureWindowsPath(settings.get("input_name", "")).stem),
        notes=notes,
        fixed_noise_sha256=sha256(files[FIXED_NOISE]),
    )
    sums = [sha256(files[name]) for name in ("picture.png", *map(stage_file, range(len(sizes))))]
    stages = [SavedStage(sha256=checksum, seconds=0) for checksum in sums[1:]]
    state = RunState(status="complete", picture_sha256=sums[0], sizes=sizes, stages=stages)
    return Run.create(runs_folder(runs), config, state, files, hooks)


def _sizes(reals: Sequence[Tensor], options: TrainOptions, file: Path) -> list[Size]:
    """The sizes of the pyramid. Raises RunError if they are impossible with these options."""
    if len(reals) != options.train_stages:
        wrong = f"has {len(reals)} stages, but parameters.txt says {options.train_stages}"
        raise fault(file, f"{wrong}; import a finished run")
    if any(real.ndim != 4 or real.shape[:2] != (1, 3) for real in reals):
        raise fault(file, f"contains something other than pictures, (1, 3, H, W); {AGAIN}")
    sizes = [Size(*real.shape[-2:]) for real in reals]
    grow = all(a.height <= b.height and a.width <= b.width for a, b in pairwise(sizes))
    if not grow or min(sizes[0]) < options.receptive_field or math.prod(sizes[-1]) > MAX_PIXELS:
        listed = ", ".join(map(str, sizes))
        raise fault(file, f"has stage sizes that cannot be trained: {listed}; {AGAIN}")
    return sizes


def _amplitudes(source: Path, stages: int) -> list[float]:
    found = _read(source, "noise_amp.pth", list).values()
    amplitudes = [float(amplitude) if amplitude.numel() == 1 else -1.0 for amplitude in found]
    if len(amplitudes) != stages or not all(0 <= value <= MAX_AMPLITUDE for value in amplitudes):
        wanted = f"does not hold {stages} numbers from 0 to {MAX_AMPLITUDE:g}"
        raise fault(source / "noise_amp.pth", f"{wanted}; {AGAIN}")
    return amplitudes


def _weights(
    source: Path, options: TrainOptions, padding: PaddingStyle, sizes: Sequence[Size]
) -> tuple[Generator, dict[str, Tensor], dict[str, Tensor]]:
    """A generator on the meta device, its weights, and the critic's weights, if there are any."""
    import torch

    last = _last_stage(source, len(sizes))
    name = "G.pth" if last is None else f"{last}/netG.pth"
    found = _read(source, name, dict, STAGE_FOLDERS_ADVICE if last is None else AGAIN)
    head = found.get("head.conv.weight")
    if head is None or head.ndim == 0 or len(head) != options.filters:
        # Checked first, so that the file's size bounds the networks' size.
        expected = f"the {options.filters} filters (nfc) of parameters.txt"
        raise fault(source / name, f"is not a generator with {expected}; {AGAIN}")
    with torch.device("meta"):
        generator, critic = Generator(options, padding), Critic(options)
        for _ in sizes[1:]:
            generator.grow()
    weights = _fit(found, _shapes(generator), source / name)
    if last is None:
        return generator, weights, {}
    name = f"{last}/netD.pth"
    return generator, weights, _fit(_read(source, name, dict), _shapes(critic), source / name)


def _last_stage(source: Path, stages: int) -> int | None:
    """The number of the last stage folder; None if there is only G.pth, the whole model."""
    found = [k for k in range(MAX_STAGES) if os.path.lexists(source / str(k) / "netG.pth")]
    if found and found[-1] != stages - 1:
        wrong = f"is the last stage folder, but parameters.txt says {stages} stages, from 0 on"
        raise fault(source / str(found[-1]), f"{wrong}; import a finished run")
    if not found and not os.path.lexists(source / "G.pth"):
        raise fault(source, f"has no stage folders 0, 1, ... with netG.pth; {AGAIN}")
    return found[-1] if found else None


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _fit(
    found: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]], file: Path
) -> dict[str, Tensor]:
    """The tensors found. Raises RunError if their names and shapes are not the expected ones."""
    wrong = found.keys() ^ shapes.keys()
    wrong = wrong or {name for name, shape in shapes.items() if tuple(found[name].shape) != shape}
    if wrong:
        tensor = reprlib.repr(min(wrong))
        raise fault(file, f"doesn't fit parameters.txt and reals.pth at tensor {tensor}; {AGAIN}")
    return dict(found)


def _read(
    source: Path,
    name: str,
    kind: type[dict[Any, Any]] | type[list[Any]],
    advice: str = AGAIN,
) -> dict[str, Tensor]:
    """The tensors of a .pth file, without batch norm's running statistics. Raises RunError."""
    return read_tensors(source, name, kind, leave_out=RUNNING_STATISTICS, advice=advice)
