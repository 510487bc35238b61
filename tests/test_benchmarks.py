"""Benchmarks that others build on: they do what their help says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import consingan
from benchmarks import stage
from tests.conftest import TINY, tiny_image

JUDGE = "def judge(real, samples): return {'n': len(samples), 'width': samples[0].width}"


def _scores(
    run: consingan.Run, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch, *more: str
) -> dict[str, float]:
    judge = run.path.parent / "judge.py"
    judge.write_text(JUDGE)
    arguments = ["stage", str(run.path), "--stage=1", "--num-samples=2", f"--judge={judge}"]
    patch.setattr("sys.argv", [*arguments, "--json", *more])
    assert stage.main() == 0
    [row] = json.loads(capsys.readouterr().out)["means"].values()
    return dict(row)


def test_one_stage_is_trained_again_and_the_run_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = consingan.train(tiny_image(), runs=tmp_path, **TINY)
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    kept = _scores(run, capsys, monkeypatch)
    same = _scores(run, capsys, monkeypatch, "--set", f"niter={TINY['niter']}")
    longer = _scores(run, capsys, monkeypatch, "--set", "niter=20", "lr_generator=0.01")
    assert kept["seconds"] == 0
    assert same["error"] == kept["error"]  # the same training gives the same network
    assert longer["error"] != kept["error"]
    assert (kept["n"], kept["width"]) == (2, 2 * run.sizes[1].width)
    assert {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()} == before
