"""`consingan evaluate`: scores a run's samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consingan.commands.parameters import (
    RUNS,
    AsJson,
    Device,
    RunName,
    RunsFolder,
    SampleCount,
    SampleSeed,
)
from consingan.commands.runs import next_command
from consingan.commands.typer_options import given
from consingan.console import escaped, print_json, print_table
from consingan.core.options.presets import preset_values
from consingan.forms import command_line

if TYPE_CHECKING:
    from consingan.core.run import Run
    from consingan.evaluation import Evaluation

SHOWN = 8
"""How many of the best samples are named."""


def evaluate(
    run: RunName,
    num_samples: SampleCount = 50,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also score the pictures in this folder, such as another tool's samples.",
            show_default=False,
        ),
    ] = None,
    inception: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|download",
            help="Also compute SIFID, with the Inception-v3 weights of a .pth file. download: "
            "torchvision's weights, 104 MB, downloaded once.",
            show_default=False,
        ),
    ] = None,
    seed: SampleSeed = 0,
    runs: RunsFolder = RUNS,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Score a run's samples: how good and varied they are, whether they are copies, what to try."""
    from rich.console import Console

    from consingan import evaluation
    from consingan.opening import open_run

    opened = open_run(run, runs=runs)
    with Console(stderr=True).status("loading") as status:
        found = evaluation.evaluate(
            opened,
            num_samples,
            against=against,
            inception=inception,
            seed=seed,
            device=device,
            progress=lambda name, done, count: status.update(f"{name}: {done} of {count}"),
        )
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    made = "samples" if found.source == "noise" else "repainted pictures"
    title = f"{found.run}: {found.mode} on {opened.config.picture}"
    print(escaped(f"{title}, {found.samples.pictures} {made} of {found.size}"))
    header = ["", made]
    if found.against_folder is not None:
        header.append(escaped(Path(found.against_folder).name or found.against_folder))
    print_table([*header, "how to read it"], _rows(found))
    if found.source == "noise":
        best = ", ".join(str(one.index) for one in found.samples.each[:SHOWN])
        print(f"Best samples, by patch distance: {best}")
    print(f"Verdict: {found.verdict.finding}. {found.verdict.words}")
    if found.verdict.cause:
        print(f"Likely cause: {found.verdict.cause}.")
    print(f"Next: {_next(opened, found)}")


def _next(run: Run, found: Evaluation) -> str:
    """The command to try next: the training again with other options, or making pictures."""
    wanted = found.verdict.options
    if not wanted or run.config.parent is not None:
        return next_command(run)
    start = preset_values(run.config.preset, run.hooks.mode.presets)
    fields = type(run.options).model_fields
    own = {
        name: value
        for name, value in run.options
        if name != "precision" and value != start.get(name, fields[name].default)
    }
    named = {"name": run.config.picture, "preset": run.config.preset}
    options = given({**named, **own, **wanted})
    return escaped(command_line(run.mode, "train", run.path / "picture.png", **options))


def _rows(found: Evaluation) -> list[tuple[str, ...]]:
    """One row for each metric: name, value of the samples and of the folder, how to read it."""

    def row(name: str, metric: str, meaning: str, digits: str = ".3f") -> tuple[str, ...]:
        both = (found.samples, found.against) if found.against else (found.samples,)
        return (name, *(_shown(getattr(scores, metric), digits) for scores in both), meaning)

    def run_row(name: str, value: str, meaning: str) -> tuple[str, ...]:
        return (name, value, *([""] if found.against else ()), meaning)

    decibels = found.reconstruction_psnr
    similarity = _shown(found.reconstruction_ssim, ".3f")
    copied = "copies of the picture" if found.source == "noise" else "all changes are undone"
    rows = [row("patch distance", "patch_distance", "lower: more like the picture's", ".4f")]
    if found.inception is not None:
        rows.append(row("SIFID", "sifid", "lower: deep features more like the picture's"))
    if found.source == "noise":
        rows.append(row("diversity", "diversity", "higher: more varied; 0: all the same"))
    rows += [
        row("distance to the picture", "distance", f"0: {copied}"),
        row("nearest to the picture", "nearest", "the smallest distance"),
        row("patches in place", "in_place", f"1: {copied}"),
        row("colour shift", "colour", "0: the picture's mean colour"),
        row("sharpness", "sharpness", "1: as sharp as the picture; lower: smoother"),
        run_row(
            "reconstruction PSNR",
            "exact" if decibels is None else f"{decibels:.1f} dB",
            "higher: the picture is rebuilt better",
        ),
        run_row("reconstruction SSIM", similarity, "likewise; at most 1"),
        run_row("megapixels a second", f"{found.megapixels_per_second:.2f}", f"on {found.device}"),
    ]
    return rows


def _shown(value: float | None, digits: str) -> str:
    return "-" if value is None else format(value, digits)
