"""Kills a tiny training at random moments, resumes it, and compares what comes out.

    python -m benchmarks.kills [--kills 50] [--seed 0] [--only batch] [--json]

The kills (SIGKILL) are shared out over the built-in modes. A process that was killed is followed by
one that resumes, until the run is complete; its weights and its samples must then equal, bit for
bit, those of a run that nothing disturbed. `apply` is killed as often: its files must be whole, and
the next `apply` must clear away what is left. A `batch` is killed as often, and given again: its
table must equal an undisturbed one's, and no stage may be trained twice. The exit code is 1 if any
differ. POSIX only.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import consingan
from benchmarks.shared import command_line, run
from consingan.core.training import loop
from consingan.errors import RunNotFoundError

MODES = ("animation", "editing", "generation", "harmonization", "retarget")
OPTIONS: dict[str, Any] = {
    "max_size": 40,
    "min_size": 14,
    "train_stages": 3,
    "niter": 40,
    "filters": 8,
    "window": 33,
    "precision": "float32",
}
LONGEST = 4.0
"""Seconds that a process lives at most; starting takes about two of them."""
BATCHED = 3
"""The pictures of a batch."""


@dataclass
class Toll:
    """What became of one mode's runs."""

    kills: int = 0
    before_a_run: int = 0
    """Kills before there was a run folder."""
    runs: int = 0
    differing: int = 0


def draw() -> Image.Image:
    """A small picture with structure and noise."""
    noise = np.random.default_rng(0).uniform(0, 60, (30, 40, 3))
    rows, columns = np.mgrid[0:30, 0:40]
    waves = np.stack([rows * 6, columns * 4, 90 + 90 * np.sin(rows / 4)], axis=-1)
    return Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8))


def work(folder: Path, mode: str) -> None:
    """Begin the run in `folder`, or go on with it; a checkpoint follows every step."""
    loop.LOG_SECONDS = 0.0
    try:
        if not consingan.open_run("latest", runs=folder).complete:
            consingan.resume("latest", runs=folder, device="cpu", checkpoint_every=0)
    except RunNotFoundError:
        consingan.train(
            draw(), mode, runs=folder, device="cpu", checkpoint_every=0, preset="default", **OPTIONS
        )


def start(folder: Path, mode: str) -> subprocess.Popen[bytes]:
    """`work` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.kills", "--work", str(folder), mode]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1])


def content(folder: Path) -> dict[str, bytes]:
    """What a finished run learned: its stage files' bytes."""
    run = consingan.open_run("latest", runs=folder)
    files = sorted((run.path / "stages").glob("*.safetensors"))
    picture = run.sampler("cpu").sample(0).numpy().tobytes()
    return {**{file.name: file.read_bytes() for file in files}, "sample": picture}


def besiege(folder: Path, mode: str, kills: int, moments: random.Random) -> Toll:
    """Kill and resume runs of `mode` until there were so many kills, and finish the last run."""
    toll = Toll()
    if start(folder / "whole", mode).wait():
        raise SystemExit(f"{mode}: the undisturbed run failed")
    whole = content(folder / "whole")
    while toll.kills < kills:
        disturbed = folder / f"disturbed-{toll.runs}"
        while True:
            process = start(disturbed, mode)
            if toll.kills < kills:
                try:
                    process.wait(moments.uniform(0.0, LONGEST))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    toll.kills += 1
                    toll.before_a_run += not list(disturbed.glob("*/*/state.json"))
            code = process.wait()
            if code == 0:
                break
            if code != -signal.SIGKILL:
                raise SystemExit(f"{mode}: a resumed run failed in {disturbed}")
        toll.runs += 1
        toll.differing += content(disturbed) != whole
    return toll


def besiege_apply(folder: Path, kills: int, moments: random.Random) -> Toll:
    """Kill `apply` so many times; each file is then whole, and nothing else is left by the next."""
    toll, trained = Toll(), next(folder.glob("*/*/config.json")).parent
    for number in range(kills):
        out = folder / f"made-{number % 3}"
        command = [sys.executable, "-m", "consingan", "generation", "apply", str(trained)]
        command += ["--out", str(out), "--num-samples", "40"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(LONGEST / 2, LONGEST))
        toll.kills += process.poll() is None
        process.kill()
        process.wait()
        for file in out.glob("[!.]*.png"):
            with Image.open(file) as image:
                image.load()
        toll.runs += 1
    for number in range(min(3, kills)):
        out = folder / f"made-{number}"
        consingan.open_run(trained).apply(out, num_samples=1)
        toll.differing += bool(list(out.glob(".*")))
    return toll


def begin_batch(folder: Path) -> subprocess.Popen[bytes]:
    """`consingan batch` over the pictures in a folder, two at once."""
    options = [f"--set={name}={value}" for name, value in OPTIONS.items()]
    command = [sys.executable, "-m", "consingan", "batch", "generation", str(folder / "pictures")]
    command += ["--jobs", "2", "--threads", "1", "--runs", str(folder / "runs"), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def batch_table(folder: Path) -> list[dict[str, str]]:
    """The rows of a batch's table, without times and places."""
    with (folder / "runs" / "batch.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in ("picture", "run", "seconds"):
            del row[name]
    return rows


def saved_stages(folder: Path) -> dict[Path, int]:
    """When each stage that counts was written."""
    found = {}
    for state in (folder / "runs").glob("*/*/state.json"):
        for stage in range(len(json.loads(state.read_text())["stages"])):
            file = state.parent / "stages" / f"{stage:02}.safetensors"
            found[file] = file.stat().st_mtime_ns
    return found


def besiege_batch(folder: Path, kills: int, moments: random.Random) -> Toll:
    """Kill a batch so many times, anew where it is done sooner, and compare the tables."""
    toll = Toll()
    for place in ("whole", "disturbed"):
        (folder / place / "pictures").mkdir(parents=True)
        for number in range(BATCHED):
            draw().rotate(90 * number).save(folder / place / "pictures" / f"{number}.png")
    started = time.monotonic()
    if begin_batch(folder / "whole").wait():
        raise SystemExit("batch: the undisturbed one failed")
    lasted = time.monotonic() - started
    whole, disturbed = batch_table(folder / "whole"), folder / "disturbed"
    while toll.kills < kills:
        saved: dict[Path, int] = {}
        ended = False
        while not ended:
            process = begin_batch(disturbed)
            if toll.kills < kills:
                try:
                    process.wait(moments.uniform(0.0, lasted))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    toll.kills += 1
                    toll.before_a_run += not list(disturbed.glob("runs/*/*/state.json"))
            ended = process.wait() == 0
            after = saved_stages(disturbed)
            toll.differing += any(after.get(file) != when for file, when in saved.items())
            saved = after
        toll.runs += 1
        toll.differing += batch_table(disturbed) != whole
        toll.differing += len(list(disturbed.glob("runs/*/*/config.json"))) != BATCHED
        shutil.rmtree(disturbed / "runs")
    return toll


def main() -> int:
    """Run it; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[*MODES, "batch"], help="kill nothing else")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(Path(arguments.work[0]), arguments.work[1])
        return 0
    moments, tolls, started = random.Random(arguments.seed), {}, time.monotonic()
    for mode in (given for given in MODES if arguments.only in (None, given)):
        with tempfile.TemporaryDirectory() as folder:
            each = arguments.kills if arguments.only else -(-arguments.kills // len(MODES))
            tolls[mode] = besiege(Path(folder), mode, each, moments)
            if mode == "generation":
                tolls["apply"] = besiege_apply(Path(folder) / "whole", each, moments)
    if arguments.only in (None, "batch"):
        with tempfile.TemporaryDirectory() as folder:
            each = arguments.kills if arguments.only else -(-arguments.kills // len(MODES))
            tolls["batch"] = besiege_batch(Path(folder), each, moments)
    if arguments.json:
        print(json.dumps({mode: vars(toll) for mode, toll in tolls.items()}, indent=2))
    else:
        for mode, toll in tolls.items():
            print(
                f"{mode:<14} {toll.kills} kills ({toll.before_a_run} before there was a run), "
                f"{toll.runs} runs, {toll.differing} differing"
            )
        print(f"in {time.monotonic() - started:.0f} s")
    return int(any(toll.differing for toll in tolls.values()))


if __name__ == "__main__":
    run(main)
