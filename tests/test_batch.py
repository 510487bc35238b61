"""Batches: nothing is trained twice, a kill costs little, and a bad picture costs a line."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import consingan
from consingan import Executor, Job, Outcome, Resources, TrainOptions, cli, do_job
from consingan.batches.batch import Batch, batch
from consingan.batches.executor import find_executor
from consingan.batches.jobs import find_sources
from consingan.batches.report import Row, write_report
from consingan.batches.sharing import Share, Timing, fastest_share, given_share
from consingan.core.runs.find import run_folders
from consingan.errors import OptionError, PluginError
from consingan.loading import find_plugins
from tests.conftest import TINY, Install, tiny_image

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
    monkeypatch.setattr("consingan.batches.batch.find_executor", lambda plugins, name: InProcess)


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
    [content] = re.findall(r'id="table">(.*)</script>', page)
    cells = [row["cells"][0]["text"] for row in json.loads(content)["rows"]]
    assert cells == ["<i>.png", "a.png", "b.png", "gone.png"]


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


def test_a_folder_has_pictures_and_other_files(pictures: Path) -> None:
    for name in ("a_mask.png", "c_mask.png", ".hidden.png", "notes.txt"):
        (pictures / name).touch()
    (pictures / "below").mkdir()
    assert [source.path.name for source in find_sources([pictures])] == [
        "a.png",
        "b.png",
        "c_mask.png",
    ]


def test_a_mistyped_folder_leaves_the_last_report(pictures: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "batch.csv").write_text("the last one's")
    with pytest.raises(OptionError, match="no file or folder"):
        batch([pictures / "a.png", tmp_path / "nowhere"], sweep=SET, runs=runs)
    assert (runs / "batch.csv").read_text() == "the last one's"


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


def test_executors_are_found_and_broken_ones_reported(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("consingan.executors", mine=InProcess, other=int)
    found = find_plugins()
    assert find_executor(found, "mine") is InProcess
    with pytest.raises(OptionError, match="there are: mine, other"):
        find_executor(found, "cluster")
    with pytest.raises(PluginError, match="is no subclass of consingan"):
        find_executor(found, "other")
    with pytest.raises(PluginError, match="not loaded"):
        find_executor(found, "other")
    assert cli.run(["plugins", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert [(each["executor"], each["package"]) for each in report["executors"]] == [
        ("mine", "mine")
    ]
    assert [(each["kind"], each["entry"]) for each in report["broken"]] == [("executor", "other")]
    assert "plugin 'other'" in printed.err


def test_what_is_done_needs_no_executor(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    first = batch([pictures], sweep=SET, runs=runs)
    given: list[int] = []

    class Idle(Executor):
        def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
            given.extend(job.number for job in jobs)
            return iter(())

    monkeypatch.setattr("consingan.batches.batch.find_executor", lambda plugins, name: Idle)
    assert batch([pictures], sweep=SET, runs=runs) == first
    stage = Path(first.rows[1].outcome.run or "") / "stages" / "00.safetensors"
    stage.write_bytes(b"damaged")
    assert _states(batch([pictures], sweep=SET, runs=runs)) == ["complete", "failed"]
    assert _states(batch([pictures / "a.png"], sweep=SET, runs=runs, apply=True)) == ["failed"]
    assert given == [1, 0]


def test_a_batch_that_is_stopped_leaves_a_report(pictures: Path, tmp_path: Path) -> None:
    def stop(outcome: Outcome) -> None:
        if outcome.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch([pictures], sweep=SET, runs=tmp_path / "runs", on_outcome=stop)
    with (tmp_path / "runs" / "batch.csv").open(newline="") as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["complete", "stopped"]


def test_what_the_user_leaves_open_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consingan.batches.sharing.cores", lambda: 8)
    monkeypatch.setattr("consingan.batches.sharing.free_memory", lambda: 3 * 10**9)
    assert given_share(Resources(), 5, on_gpu=False) is None
    assert given_share(Resources(), 1, on_gpu=False) == Share(1, 8)
    assert given_share(Resources(4), 5, on_gpu=False) == Share(4, 2)
    assert given_share(Resources(4), 2, on_gpu=False) == Share(2, 4)
    assert given_share(Resources(threads=1), 9, on_gpu=False) == Share(3, 1)
    assert given_share(Resources(gpus=0.25, threads=1), 9, on_gpu=True) == Share(4, 1)


@pytest.mark.parametrize(
    ("cost", "memory", "best"),
    [
        (lambda share: 10 / share.threads**0.3, 10, Share(8, 1)),
        (lambda share: 10 / share.threads, 10, Share(1, 8)),
        (lambda share: 10 + share.at_once**3, 10, Share(2, 4)),
        (lambda share: 10.0, 10**9, Share(2, 4)),
    ],
    ids=["threads help little", "threads help", "a narrow bus", "little memory"],
)
def test_the_fastest_share_is_taken(
    cost: Callable[[Share], float], memory: int, best: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consingan.batches.sharing.cores", lambda: 8)
    monkeypatch.setattr("consingan.batches.sharing.free_memory", lambda: 3 * 10**9)
    jobs = [Job(number, "", "generation", "draft", {}, {}, "") for number in range(9)]
    timed: list[int] = []

    def time_job(job: Job, share: Share) -> Timing | None:
        timed.append(job.number)
        return Timing(cost(share), memory) if job.number == 1 else None

    assert fastest_share(jobs, Resources(), False, time_job) == best
    assert timed.count(0) == 1  # its picture is damaged


def test_trainings_are_timed_side_by_side(pictures: Path, tmp_path: Path) -> None:
    from consingan.batches.sharing import time_side_by_side

    options = {**TrainOptions(**QUICK).model_dump(mode="json")}
    job = Job(0, str(pictures / "a.png"), "generation", "default", {}, options, str(tmp_path))
    timing = time_side_by_side(job, Share(2, 1))
    assert timing is not None
    assert timing.seconds > 0
    assert timing.memory > 10**7
    assert time_side_by_side(replace(job, picture="gone.png"), Share(1, 1)) is None
    assert not list(tmp_path.glob("*/*/config.json"))


def test_the_report_names_nothing_unescaped(tmp_path: Path) -> None:
    job = Job(0, '/p/"><script>x', "generation", "draft", {"seed": "<u>"}, {}, str(tmp_path))
    run = str(tmp_path / '"onload=x' / "run")
    outcome = Outcome(0, "complete", run=run, error="<script>")
    write_report(tmp_path, [Row(job, outcome)])
    page = (tmp_path / "batch.html").read_text().replace("<script>\nconst", "")
    assert "<script>" not in page
    assert page.count("</script>") == 2
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
