"""Trains one stage of a run again, from the same state but under other options, and scores it.

    python -m benchmarks.stage RUN --stage 4 [--set generator_steps=6 ...] [--judge judge.py]
        [--num-samples 20] [--sheet sheet.png] [--json]

Minutes in place of a whole training: for questions about a single stage. Stages count from 0, and
without `--set` the stage is only scored as it is. Nothing is written to the run. `--judge` names a
Python file with a function `judge(real, samples)` for Pillow images that returns named figures. The
pictures of all stages but the last are enlarged twice for it, as small ones have too few features.
Compare lines of one machine; figures of one training differ from the next by a tenth or more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

import consingan
from benchmarks.shared import (
    Judge,
    Row,
    command_line,
    load_judge,
    options_of,
    print_means,
)
from benchmarks.shared import run as run_main
from consingan.core.metrics.pixels import rmse
from consingan.core.networks.noise import Noise
from consingan.core.options.fields import parse_options
from consingan.core.pictures.contact_sheet import Thumbnails
from consingan.core.pictures.tensors import to_image
from consingan.core.runs.stored_model import load_model
from consingan.core.sampling.sampler import Sampler
from consingan.core.system.devices import find_device
from consingan.core.training.loop import add_stage
from consingan.core.training.stage_trainer import StageTrainer

ENLARGED = 2
"""Factor on the pictures of all stages but the last."""


def train_stage(
    run: consingan.Run, stage: int, changes: Mapping[str, Any], device: str = "cpu"
) -> tuple[Sampler, float]:
    """A sampler of the run's stages up to `stage`, and the seconds that this one trained.

    With `changes` to the options that stage is trained anew, else it is the run's own.
    """
    place = find_device(device)
    kept = run.state.stages[: stage if changes else stage + 1]
    run.state = run.state.model_copy(update={"stages": kept})
    run.options = parse_options(type(run.options), {**run.options.model_dump(), **changes})
    sampler = run.sampler_of(load_model(run, place))
    if not changes:
        return sampler, 0.0
    add_stage(sampler)
    trainer, started = StageTrainer(sampler, run.hooks, Noise(run.options.seed, place)), time.time()
    for step in range(trainer.iterations):
        trainer.step(step)
    trainer.finish()
    return sampler, time.time() - started


def pictures(sampler: Sampler, count: int) -> tuple[Image.Image, list[Image.Image]]:
    """The training picture and samples, enlarged unless they are of the last stage."""
    factor = 1 if sampler.size == sampler.model.sizes[-1] else ENLARGED
    size = (sampler.size.width * factor, sampler.size.height * factor)
    made = [sampler.picture, *(sampler.sample(index) for index in range(count))]
    real, *samples = (to_image(one.cpu()).resize(size, Image.Resampling.BICUBIC) for one in made)
    return real, samples


def main() -> int:
    """Train, score, print; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("run")
    parser.add_argument("--stage", type=int, required=True)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="any option")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--num-samples", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sheet", type=Path, help="where to save the pictures")
    given = parser.parse_args()
    run, judge = consingan.open_run(given.run), load_judge(given.judge)
    if not 0 <= given.stage < run.stages_done:
        parser.error(f"--stage: the run has stages 0 to {run.stages_done - 1}")
    sampler, seconds = train_stage(run, given.stage, options_of(given.set), given.device)
    real, samples = pictures(sampler, given.num_samples)
    row = {"seconds": seconds, "error": rmse(sampler.reconstruction(), sampler.picture)}
    row |= scores(judge, real, samples)
    print_means({" ".join(given.set) or "as it is": row}, {}, given.json)
    if given.sheet is not None:
        save_sheet(given.sheet, real, samples)
    return 0


def save_sheet(path: Path, real: Image.Image, samples: Iterable[Image.Image]) -> None:
    """Save the training picture and samples as one picture."""
    sheet = Thumbnails()
    sheet.add("picture", real)
    for index, sample in enumerate(samples):
        sheet.add(f"sample {index}", sample)
    next(sheet.pages()).save(path)


def scores(judge: Judge | None, real: Image.Image, samples: list[Image.Image]) -> Row:
    """The judge's figures; none without one."""
    return {} if judge is None else {name: float(f) for name, f in judge(real, samples).items()}


if __name__ == "__main__":
    run_main(main)
