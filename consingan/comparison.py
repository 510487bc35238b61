"""Comparing two runs: the options that differ, the figures, and a sheet of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from consingan.core.metrics.scores import Progress
from consingan.core.pictures.outputs import Outputs
from consingan.core.run import Run
from consingan.evaluation import Evaluation, evaluate

SHOWN = 6
"""How many samples of each run are on the sheet."""


class Comparison(BaseModel):
    """The result of `compare`; each pair is of the first and the second run."""

    model_config = ConfigDict(frozen=True)
    runs: tuple[str, str]
    options: dict[str, tuple[Any, Any]]
    """The settings that differ, by name; None where a mode has no such option."""
    figures: tuple[Evaluation, Evaluation]
    sheet: Path | None


def compare(
    first: Run | str | Path,
    second: Run | str | Path,
    num_samples: int = 10,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Comparison:
    """Compare two finished runs.

    Args:
        first: a run, or as in `open_run`.
        second: likewise.
        num_samples: the number of samples of each that are scored.
        out: a picture file for a sheet: both training pictures, and below each its samples.
        seed: the seed of the samples.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        progress: called before each sample is scored.

    Raises the errors of `evaluate`, and RunError if the sheet cannot be written.
    """
    from consingan.opening import open_run

    runs = open_run(first), open_run(second)
    figures = [
        evaluate(run, num_samples, seed=seed, device=device, progress=progress) for run in runs
    ]
    shown = min(SHOWN, num_samples)
    return Comparison(
        runs=(str(runs[0].path), str(runs[1].path)),
        options=_differences(*runs),
        figures=(figures[0], figures[1]),
        sheet=None if out is None else _sheet(runs, Path(out), shown, seed, device),
    )


def _differences(first: Run, second: Run) -> dict[str, tuple[Any, Any]]:
    settings = [
        {
            "picture": run.config.picture,
            "mode": run.mode,
            "preset": run.config.preset,
            "size": str(run.sizes[-1]),
            **run.options.model_dump(mode="json"),
        }
        for run in (first, second)
    ]
    one, other = settings
    return {
        name: (one.get(name), other.get(name))
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    }


def _sheet(runs: tuple[Run, Run], out: Path, count: int, seed: int, device: str) -> Path:
    samplers = [run.sampler(device) for run in runs]
    outputs = Outputs(out)
    for run, sampler in zip(runs, samplers, strict=True):
        outputs.show(run.path.name, sampler.picture)
    for index in range(count):
        for sampler in samplers:
            outputs.show(f"sample {index}", sampler.sample(index, seed))
    return outputs.save_sheet("" if outputs.named else "comparison", row=2)
