"""The networks of a run, as its folder keeps them."""

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
    """The model as of the last committed stage; untrained if there is none.

    Raises RunError, which says how to go on, if a stage file is damaged.
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
    """Give the model of a run that is to be fine-tuned the stage that fine-tuning starts from."""
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
    """Raise RunError if networks of such options cannot be those of a run, before they are made.

    `first` is how many bytes the file of stage 0 has, if there is one. It holds the whole of a
    network of one stage: options that ask for more are not those that it was trained with.
    """
    try:
        with torch.device("meta"):
            networks = Generator(options, padding), Critic(options)
        tensors = [tensor for network in networks for tensor in network.state_dict().values()]
        fits = sum(tensor.nbytes for tensor in tensors) <= (first or MAX_BYTES)
    except (RuntimeError, TypeError):  # more numbers than can be counted
        fits = False
    if not fits:
        raise RunError(
            f"networks of {options.filters} filters and {options.layers} layers do not fit the run"
        )
