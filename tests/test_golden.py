"""A training under the default preset comes to the figures that were recorded of it.

`python -m tests.test_golden` records them again, after a change of numbers that is meant.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from safetensors.torch import load_file

import consingan
from consingan import Run, hookimpl
from consingan.core.hooks.events import StepLogged
from consingan.core.networks.model import Model
from tests.conftest import tiny_image

GOLDEN = Path(__file__).parent / "data" / "golden.json"
TINY = {"max_size": 48, "min_size": 14, "train_stages": 4, "niter": 5, "filters": 6, "window": 33}
"""What is not the preset's: three stages are trained whole, the last on windows."""
TOLERANCES = {"float32": 1e-3, "bfloat16": 6e-2}
"""Relative. Other kernels of the same processor change the figures by up to 7e-6 and 2e-2, so do
gradients that are off by 4e-7 and 1e-2; mistakes such as `benchmarks/mutants/` by far more.

With more steps a stage, chance grows: Adam makes whole steps of gradients that are next to none.
"""

Figures = dict[str, float]


class LastLosses:
    """The losses of each stage's last step."""

    def __init__(self) -> None:
        self.figures: Figures = {}

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        """Keep them; the last step's replace those before."""
        for name in ("critic", "adversarial", "reconstruction"):
            self.figures[f"stage {event.stage}: {name} loss"] = getattr(event, name)


def _part(name: str) -> str:
    """The part of the networks that a tensor belongs to: head, tail, a stage's body, or critic."""
    network, part, number, *_ = f"{name}..".split(".")
    return network if network != "generator" else f"{part} {number}" if part == "body" else part


def _moved(run: Run) -> Figures:
    """How far each stage's training moved the weights of each part, as a root mean square."""
    model, figures = Model(run.options, run.padding, run.sizes), {}
    for stage, file in enumerate(sorted((run.path / "stages").glob("*.safetensors"))):
        if stage:
            model.grow()
        before = {name: tensor.clone() for name, tensor in model.all_tensors().items()}
        with torch.no_grad():
            model.load_stage(load_file(file))
        moved = defaultdict(list)
        for name, tensor in model.all_tensors().items():
            moved[_part(name)].append((tensor - before[name]).double().flatten())
        figures[f"stage {stage}: amplitude"] = model.amplitudes[-1]
        del moved["amplitude"]
        for part, changes in moved.items():
            rms = torch.cat(changes).square().mean().sqrt()
            figures[f"stage {stage}: {part} moved"] = float(rms)
    return figures


def _figures(precision: str, out: Path) -> Figures:
    losses = LastLosses()
    run = consingan.train(
        tiny_image(40, 48),
        preset="default",
        runs=out,
        device="cpu",
        listeners=[losses],
        precision=precision,
        **TINY,
    )
    return {**losses.figures, **_moved(run)}


@pytest.mark.parametrize("precision", TOLERANCES)
def test_training_comes_to_the_recorded_figures(tmp_path: Path, precision: str) -> None:
    recorded: Figures = json.loads(GOLDEN.read_text())[precision]
    expected = pytest.approx(recorded, rel=TOLERANCES[precision], abs=1e-9)
    assert _figures(precision, tmp_path) == expected


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        figures = {name: _figures(name, Path(folder) / name) for name in TOLERANCES}
    GOLDEN.write_text(json.dumps(figures, indent=2) + "\n")
