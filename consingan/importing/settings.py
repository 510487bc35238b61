"""Reading the settings in parameters.txt of the published ConSinGAN code.

The folder may be untrusted, so files are checked before they are opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from consingan.core.options.fields import parse_options
from consingan.core.options.training import TrainOptions
from consingan.core.system.atomic_files import read_file
from consingan.errors import OptionError, RunError

PARAMETERS = "parameters.txt"
SETTINGS = {
    "max_size": "max_size",
    "min_size": "min_size",
    "train_stages": "train_stages",
    "niter": "niter",
    "lr_scale": "lr_scale",
    "train_depth": "train_depth",
    "lr_generator": "lr_g",
    "lr_critic": "lr_d",
    "lr_decay": "gamma",
    "beta1": "beta1",
    "critic_steps": "Dsteps",
    "generator_steps": "Gsteps",
    "gradient_penalty": "lambda_grad",
    "reconstruction_weight": "alpha",
    "noise_amplitude": "noise_amp",
    "filters": "nfc",
    "layers": "num_layer",
    "activation": "activation",
    "lrelu_alpha": "lrelu_alpha",
    "batch_norm": "batch_norm",
}
"""Our options, and their names in parameters.txt."""
MODES = ("generation", "retarget", "animation", "harmonization", "editing")
"""The values of train_mode, which are also our modes' names."""
MAX_TEXT = 10**6
"""The largest parameters.txt that is read, in bytes."""
MAX_VALUE = 200
"""Characters of a setting that are read; the longest is a path."""
MAX_NUMBER = 10**9
"""The largest sensible value of a setting."""
AGAIN = "copy it again from where it was trained"
"""The advice in messages about damaged files."""
ELSEWHERE = f"{AGAIN}, or give the folder that has it"
"""The advice if parameters.txt is missing."""


def read_settings(folder: Path) -> dict[str, str]:
    """The settings by name. Each line has a name, a dash and a value, separated by tabs.

    A value may contain dashes, and may be empty. Raises RunError if the file cannot be read, or if
    its `train_mode` is none of `MODES`.
    """
    file = folder / PARAMETERS
    try:
        if not folder.is_dir():
            raise fault(folder, "is not a folder; give one that the published code trained into")
    except OSError as error:
        raise fault(file, f"cannot be read: {error.strerror}; {AGAIN}") from None
    text = read_file(folder, PARAMETERS, MAX_TEXT, ELSEWHERE).decode("utf-8", "replace")
    settings = {}
    for line in text.split("\n"):
        name, dash, value = [*line.split(maxsplit=2), "", "", ""][:3]
        if dash == "-":
            settings[name] = value.strip()[:MAX_VALUE]
    if settings.get("train_mode") not in MODES:
        raise fault(file, f"has no train_mode of {', '.join(MODES)}; {AGAIN}")
    # The published code overwrites noise_amp at each stage, and keeps the option as noise_amp_init.
    initial = settings.get("noise_amp_init")
    return {**settings, "noise_amp": initial} if initial else settings


def read_options(
    model: type[TrainOptions], settings: Mapping[str, str], folder: Path
) -> TrainOptions:
    """The settings as a mode's options. Raises RunError if one is missing or out of range."""
    file = folder / PARAMETERS
    if missing := [name for name in SETTINGS.values() if not settings.get(name)]:
        raise fault(file, f"has no {missing[0]}; {AGAIN}")
    try:
        options = parse_options(model, {ours: settings[name] for ours, name in SETTINGS.items()})
    except OptionError as error:
        name = SETTINGS.get(error.option or "")
        raise fault(file, f"has an unusable {name}: {error.message}; {AGAIN}") from None
    for ours, value in options:
        if isinstance(value, int | float) and value > MAX_NUMBER:
            raise fault(file, f"has an absurd {SETTINGS[ours]}: over {MAX_NUMBER:,}; {AGAIN}")
    return options


def fault(path: Path, reason: str) -> RunError:
    """An error about `path`."""
    return RunError(f"{str(path)!r} {reason}")
