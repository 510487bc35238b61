"""Batches: nothing is trained twice, a kill costs little, and a bad picture costs a line."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import consingan
from consingan import Executor, Job, Outcome, Resources, cli, do_job
from consingan.batches.batch import Batch, batch
from consingan.batches.jobs import find_sources
from consingan.batches.local import at_once
from consingan.batches.report import Row, write_report
from consingan.core.runs.find import run_folders
from consingan.errors import OptionError
from tests.conftest import TINY, tiny_image

QUICK = {**TINY, "train_stages": 1, "niter": 2}
SET = {name: [value] for name, value in QUICK.items()}


class InProcess(Executor):
    """Does the jobs here, one after the other."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        for job in jobs:
            yield Outcome(job.number, "running")
            yield Outcome(**do_job(job.__dict__))


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consingan.batches.batch.find_executor", lambda name: InProcess)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed, name in enumerate(["a.png", "b.png"]):
        tiny_image(seed=seed).save(folder / name)
    return folder


def _states(done: Batch) -> list[str]:
    return [row.outcome.state for row in done.rows]


def test_nothing_is_trained_twice(pictures: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    by_hand = consingan.train(pictures / "a.png", runs=runs, **QUICK)
    first = batch([pictures], sweep=SET, runs=runs)
    assert _states(first) == ["complete"] * 2
    assert first.rows[0].outcome.run == str(by_hand.path)
    (pictures / "b.png").rename(pictures / "other.png")
    again = batch([pictures], sweep=SET, runs=runs)
    assert [row.outcome.run for row in again.rows] == [row.outcome.run for row in first.rows]
    assert len(run_folders(runs)) == 2


def test_a_changed_picture_and_changed_options_are_trained(pictures: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    batch([pictures / "a.png"], sweep=SET, runs=runs)
    tiny_image(seed=7).save(pictures / "a.png")
    batch([pictures / "a.png"], sweep=SET, runs=runs)
    done = batch([pictures / "a.png"], sweep={**SET, "filters": ["4", "5"]}, seeds=2, runs=runs)
    assert len(run_folders(runs)) == 5
    assert [row.job.changes["seed"] for row in done.rows] == [0, 1, 0, 1]
    assert len({row.outcome.weights for row in done.rows}) == 4


def test_the_same_picture_under_two_names_is_trained_once(pictures: Path, tmp_path: Path) -> None:
    (pictures / "copy.png").write_bytes((pictures / "a.png").read_bytes())
    done = batch([pictures], sweep=SET, runs=tmp_path / "runs")
    assert _states(done) == ["complete"] * 3
    assert len(run_folders(tmp_path / "runs")) == 2


def test_a_bad_picture_costs_a_line(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "<i>.png").write_bytes(b"no picture")
    words = ["batch", "generation", str(pictures), str(pictures / "gone.png")]
    words += [f"--set={name}={value}" for name, value in QUICK.items()]
    assert cli.run([*words, "--runs", str(tmp_path / "runs"), "--apply"]) == 1
    printed = capsys.readouterr()
    assert "2 of 4 are trained" in printed.out
    assert sum(line.startswith("consingan: failed:") for line in printed.err.splitlines()) == 2
    with (tmp_path / "runs" / "batch.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["failed", "complete", "complete", "failed"]
    assert Path(rows[1]["applied"]).is_dir()
    page = (tmp_path / "runs" / "batch.html").read_text()
    assert "<i>" not in page
    assert "&lt;i&gt;.png" in page


def test_half_done_runs_go_on(pictures: Path, tmp_path: Path) -> None:
    runs, [source] = tmp_path / "runs", find_sources([pictures / "a.png"])
    whole = consingan.train(source.path, runs=tmp_path / "whole", **{**TINY, "niter": 2})

    class Stop(consingan.Listener):
        name, summary = "stop", "Stops."

        @consingan.hookimpl
        def stage_saved(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consingan.train(source.path, runs=runs, listeners=[Stop()], **{**TINY, "niter": 2})
    sweep = {name: [value] for name, value in {**TINY, "niter": 2}.items()}
    done = batch([source.path], sweep=sweep, runs=runs)
    assert len(run_folders(runs)) == 1
    weights = [stage.sha256 for stage in whole.state.stages]
    run = consingan.open_run(done.rows[0].outcome.run or "")
    assert [stage.sha256 for stage in run.state.stages] == weights


def test_a_list_has_options_of_its_own(pictures: Path, tmp_path: Path) -> None:
    table = pictures / "list.csv"
    table.write_text("picture,niter\na.png,1\nb.png,\n")
    done = batch([table], sweep={**SET, "niter": [2]}, runs=tmp_path / "runs")
    assert [row.job.options["niter"] for row in done.rows] == [1, 2]
    table.write_text("file\na.png\n")
    with pytest.raises(OptionError, match="picture"):
        find_sources([table])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sweep": {"niter": ["many"]}}, "niter"),
        ({"sweep": {"seed": [1]}, "seeds": 2}, "seeds"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_wrong_options_are_found_at_once(
    pictures: Path, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        batch([pictures], runs=tmp_path / "runs", **given)
    assert not (tmp_path / "runs").exists()


def test_at_once_is_bounded_by_cores_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consingan.batches.local.cores", lambda: 8)
    monkeypatch.setattr("consingan.batches.local.free_memory", lambda: 3 * 10**9)
    assert at_once(Resources(), "cpu") == 3
    assert at_once(Resources(threads=4), "cpu") == 2
    monkeypatch.setattr("consingan.batches.local.free_memory", lambda: 0)
    assert at_once(Resources(), "cpu") == 1


def test_the_report_names_nothing_unescaped(tmp_path: Path) -> None:
    job = Job(0, '/p/"><script>x', "generation", "draft", {"seed": "<u>"}, {}, str(tmp_path))
    run = str(tmp_path / '"onload=x' / "run")
    outcome = Outcome(0, "complete", run=run, error="<script>")
    write_report(tmp_path, [Row(job, outcome)])
    page = (tmp_path / "batch.html").read_text().replace("<script>\nconst", "")
    assert "<script>" not in page
    assert "<u>" not in page
    assert '"onload' not in page


KILLED = """
import sys
from pathlib import Path
from consingan import Resources, batch
pictures, runs = sys.argv[1:3]
sweep = {name: [value] for name, value in %r.items()}
batch([pictures], sweep=sweep, runs=runs, resources=Resources(2), apply=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_killed_at_random_moments_the_table_is_the_same(pictures: Path, tmp_path: Path) -> None:
    options = {**QUICK, "niter": 20}
    command = [sys.executable, "-c", KILLED % options, str(pictures)]
    runs, whole = tmp_path / "runs", tmp_path / "whole"
    moments = random.Random(int(os.environ.get("BATCH_SEED", "0")))
    for _ in range(int(os.environ.get("BATCH_KILLS", "2"))):
        process = subprocess.Popen([*command, str(runs)])
        time.sleep(moments.uniform(2, 9))
        process.send_signal(signal.SIGKILL)
        process.wait()
    tables = []
    for folder in (runs, whole):
        subprocess.run([*command, str(folder)], check=True)
        with (folder / "batch.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        tables.append(
            [{k: v for k, v in row.items() if k not in ("run", "seconds")} for row in rows]
        )
    assert tables[0] == tables[1]
    assert [row["state"] for row in tables[0]] == ["complete"] * 2
    assert len(run_folders(runs)) == 2
