"""A batch on a real local cluster, with a node that is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

import consingan
from tests.conftest import TINY, tiny_image

ray = pytest.importorskip("ray")


@pytest.mark.filterwarnings("ignore")
def test_a_killed_node_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from consingan_ray import OnRay
    from ray.cluster_utils import Cluster

    monkeypatch.setattr("consingan.batches.batch.find_executor", lambda name: OnRay)
    monkeypatch.setenv("RAY_DEDUP_LOGS", "0")
    options = {**TINY, "niter": 150}
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for seed in range(3):
        tiny_image(seed=seed).save(pictures / f"{seed}.png")
    undisturbed = [
        consingan.train(p, runs=tmp_path / "calm", **options) for p in sorted(pictures.iterdir())
    ]
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    try:
        _, lost = (cluster.add_node(num_cpus=1, include_dashboard=False) for _ in range(2))
        ray.init(address=cluster.address, log_to_driver=False)
        killed = []

        def kill_once(outcome: consingan.Outcome) -> None:
            if outcome.state == "complete" and not killed:  # the next one is being trained there
                wait_for_stage(tmp_path / "runs", 4)
                cluster.remove_node(lost, allow_graceful=False)
                killed.append(lost)

        done = consingan.batch(
            [pictures],
            sweep={n: [v] for n, v in options.items()},
            runs=tmp_path / "runs",
            on="ray",
            on_outcome=kill_once,
        )
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert killed
    assert [row.outcome.state for row in done.rows] == ["complete"] * 3
    for row, calm in zip(done.rows, undisturbed, strict=True):
        run = consingan.open_run(row.outcome.run or "")
        assert [s.sha256 for s in run.state.stages] == [s.sha256 for s in calm.state.stages]
    assert len(list((tmp_path / "runs").glob("*/*/config.json"))) == 3


def wait_for_stage(runs: Path, number: int) -> None:
    """Wait until so many stages of all runs are saved."""
    import time

    end = time.monotonic() + 60
    while len(list(runs.glob("*/*/stages/*.safetensors"))) < number:
        assert time.monotonic() < end
        time.sleep(0.05)
