"""Batches on a real cluster of several nodes, one of which is killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import consingan
from consingan import Outcome, Run

os.environ.update(
    RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",  # nobody else is listened to
    RAY_USAGE_STATS_ENABLED="0",
    RAY_worker_niceness="0",  # on a busy machine nicer workers would hardly run at all
    RAY_raylet_start_wait_time_s="120",
)
pytest.importorskip("ray", reason="Ray is not installed: make test-ray installs it")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
OPTIONS: dict[str, Any] = {
    "max_size": 24,
    "min_size": 12,
    "train_stages": 2,
    "niter": 40,
    "critic_steps": 1,
    "filters": 4,
    "precision": "float32",
}
SWEEP = {name: [value] for name, value in OPTIONS.items()}
STORE = 80 * 2**20
"""Bytes of shared memory of each node."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    files = [folder / f"{number}.png" for number in range(3)]
    for number, file in enumerate(files):
        gradient = Image.linear_gradient("L").resize((30, 20)).rotate(60 * number)
        Image.merge("RGB", [gradient, gradient.rotate(90), gradient.rotate(180)]).save(file)
    return files


@pytest.fixture(scope="module")
def undisturbed(pictures: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    runs = tmp_path_factory.mktemp("undisturbed")
    return [consingan.train(file, runs=runs, **OPTIONS) for file in pictures]


@pytest.fixture(scope="module")
def cluster(undisturbed: list[Run]) -> Iterator[Any]:
    """A head that computes nothing, and two nodes for one training each; this process is on it."""
    import ray
    from ray.cluster_utils import Cluster

    node = {
        "node_ip_address": "127.0.0.1",
        "include_dashboard": False,
        "object_store_memory": STORE,
    }
    made = Cluster(initialize_head=True, head_node_args={**node, "num_cpus": 0})
    try:
        for _ in range(2):
            made.add_node(num_cpus=1, **node)
        made.wait_for_nodes()
        ray.init(address=made.address, log_to_driver=False, _node_ip_address="127.0.0.1")
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def _weights(run: Run) -> list[str]:
    return [stage.sha256 for stage in run.state.stages]


def _trainer(runs: Path) -> tuple[int, Path]:
    """The process that trains a run whose first stage is saved, and the run's folder."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for stage in runs.glob("*/*/stages/00.safetensors"):
            run = stage.parents[1]
            if not consingan.open_run(run).complete:
                return int((run / ".lock").read_text().split()[1]), run
        time.sleep(0.02)
    raise AssertionError("no run was half trained")


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes as Linux shows them")
def test_a_node_is_killed_and_nothing_is_lost(
    cluster: Any, undisturbed: list[Run], pictures: list[Path], tmp_path: Path
) -> None:
    killed: list[Path] = []

    def kill_once(outcome: Outcome) -> None:
        if outcome.state != "complete" or killed:
            return
        process, run = _trainer(tmp_path / "runs")
        [node] = [
            node
            for node in cluster.worker_nodes
            if node.all_processes["raylet"][0].process.pid == _parent(process)
        ]
        cluster.remove_node(node, allow_graceful=False)
        killed.append(run)

    done = consingan.batch(
        pictures, sweep=SWEEP, runs=tmp_path / "runs", on="ray", on_outcome=kill_once
    )
    assert killed
    assert [row.outcome.state for row in done.rows] == ["complete"] * 3
    runs = [consingan.open_run(row.outcome.run or "") for row in done.rows]
    assert [_weights(run) for run in runs] == [_weights(run) for run in undisturbed]
    assert killed[0] in [run.path for run in runs]  # it went on, and did not begin anew
    assert len(list((tmp_path / "runs").glob("*/*/config.json"))) == 3
    assert not list((tmp_path / "runs").glob(".ray-*"))


def test_nodes_that_see_no_folder_get_pictures_and_send_runs_back(
    cluster: Any, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def no_mark(runs: Path) -> Iterator[Path]:
        yield runs / ".ray-not-there"

    monkeypatch.setattr("consingan_ray.executor._mark", no_mark)
    runs = tmp_path / "runs"
    given = {"sweep": {**SWEEP, "niter": [2]}, "runs": runs, "apply": True}
    done = consingan.batch(pictures[:1], on="ray", **given)
    [outcome] = [row.outcome for row in done.rows]
    assert outcome.state == "complete", outcome.error
    assert Path(outcome.run or "").parent == runs / "0"
    assert list(Path(outcome.applied or "").glob("*.png"))
    assert consingan.batch(pictures[:1], **given) == done  # there is nothing left to do
    assert not (runs / ".incoming").exists()


def test_a_job_that_fails_says_why(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = consingan.batch([tmp_path / "bad.png"], sweep=SWEEP, runs=tmp_path / "runs", on="ray")
    [outcome] = [row.outcome for row in done.rows]
    assert outcome.state == "failed"
    assert "bad.png" in (outcome.error or "")
