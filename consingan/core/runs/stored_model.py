"""Loading the networks of a run from its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from consingan.core.networks.critic import Critic
from consingan.core.networks.generator import Generator
from consingan.core.networks.model import Model
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.core.runs.damage import remedy
from consingan.core.runs.tensor_files import (
    MAX_BYTES,
    START,
    read_checked,
    stage_file,
    use_tensors,
)
from consingan.errors import DamagedError, RunError

if TYPE_CHECKING:
    from consingan.core.runs.folder import RunFolder


def load_model(run: RunFolder, device: torch.device | str = "cpu") -> Model:
    """The model after the last committed stage; untrained if there is none.

    Raises RunError, with advice, if a stage file is damaged.
    """
    stage = 0
    try:
        _check_networks(run.options, run.padding, _bytes_of_first_stage(run))
        model = Model(run.options, run.padding, run.sizes, device)
        for stage, saved in enumerate(run.state.stages):
            if stage > 0:
                model.grow()
            if run.config.parent is not None and stage == len(run.sizes) - 1:
                _load_stage(run, model, START, run.config.start_sha256)
            _load_stage(run, model, stage_file(stage), saved.sha256)
    except DamagedError as error:
        raise RunError(f"{error}, or {remedy(run, stage)}") from None
    return model


def load_start(run: RunFolder, model: Model) -> None:
    """Load the weights that fine-tuning starts from into a run's model, in place."""
    if run.stages_done:
        model.grow()
    _load_stage(run, model, START, run.config.start_sha256)


def _load_stage(run: RunFolder, model: Model, name: str, checksum: str | None) -> None:
    use_tensors(run.path, name, checksum, model.load_stage)


def _bytes_of_first_stage(run: RunFolder) -> int | None:
    if not run.stages_done:
        return None
    return len(read_checked(run.path, stage_file(0), run.state.stages[0].sha256))


def _check_networks(options: TrainOptions, padding: PaddingStyle, first: int | None) -> None:
    """Raise RunError if networks with these options would be larger than the run's.

    This is checked before any memory is allocated, as the options may be untrusted. `first` is the
    size of stage 0's file in bytes, if there is one. The file contains all tensors of networks with
    one stage, so that these cannot be larger.
    """
    try:
        with torch.device("meta"):
            networks = Generator(options, padding), Critic(options)
        tensors = [tensor for network in networks for tensor in network.state_dict().values()]
        fits = sum(tensor.nbytes for tensor in tensors) <= (first or MAX_BYTES)
    except (RuntimeError, TypeError):  # sizes that overflow
        fits = False
    if not fits:
        raise RunError(
            f"networks of {options.filters} filters and {options.layers} layers do not fit the run"
        )
