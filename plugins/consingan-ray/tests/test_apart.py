"""A node that sees no folder of the batch, without a cluster."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import pytest

import consingan
from consingan import Job, TrainOptions
from consingan.testing import tiny_picture

pytest.importorskip("consingan_ray", reason="consingan-ray is not installed: make test-ray does")

TINY = {"max_size": 24, "min_size": 12, "train_stages": 2, "niter": 2, "filters": 4}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    picture = tmp_path / "a.png"
    tiny_picture().save(picture)
    options = TrainOptions(**TINY).model_dump(mode="json")
    return Job(0, str(picture), "generation", "default", {}, options, str(tmp_path / "runs"))


def test_an_unfinished_run_is_sent_and_goes_on(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consingan_ray import folders, task

    class Stop(consingan.Listener):
        name, summary = "stop", "Stops."

        @consingan.hookimpl
        def stage_saved(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    calm = consingan.train(job.picture, runs=tmp_path / "calm", **TINY)
    with pytest.raises(KeyboardInterrupt):
        consingan.train(job.picture, runs=job.runs, listeners=[Stop()], **TINY)
    [begun] = Path(job.runs).glob("*/*")
    options = consingan.open_run(begun).config.options
    fields = {**asdict(job), "run": str(begun), "options": options}
    mark = str(tmp_path / ".ray-gone")
    assert task.do_on_node(json.dumps(fields), mark, None, None) == (None, None)
    picture, packed = Path(job.picture).read_bytes(), folders.pack(begun)
    answer, content = task.do_on_node(json.dumps(fields), mark, picture, packed)
    outcome = json.loads(answer or "")
    assert outcome["state"] == "complete", outcome["error"]
    folders.receive(fields, outcome, content)
    [run] = Path(job.runs).glob("*/*")
    assert outcome["run"] == str(run)
    stages = consingan.open_run(run).state.stages
    assert [s.sha256 for s in stages] == [s.sha256 for s in calm.state.stages]
    assert not list(tmp_path.glob("consingan.ray-gone/*"))


def test_no_name_in_an_archive_leads_out_of_the_folder(tmp_path: Path) -> None:
    from consingan_ray.folders import unpack

    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../out", b"")
        archive.writestr("/abs", b"")
    unpack(content.getvalue(), tmp_path / "in")
    assert sorted(file.name for file in (tmp_path / "in").rglob("*")) == ["abs", "out"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
