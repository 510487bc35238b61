"""docs/executors.md: its executor works as written."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import consingan
from consingan.modes.generation import Generation
from tests.conftest import TINY, Install, tiny_image

PAGE = Path(__file__).parents[1] / "docs" / "executors.md"
OPTIONS = {name: [value] for name, value in {**TINY, "train_stages": 1}.items()}


def test_the_executor_for_slurm_works_as_written(
    tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed")
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "consingan_slurm.py").write_text(code.replace("SECONDS = 2.0", "SECONDS = 0.1"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *sys.path]))
    from consingan_slurm import OnSlurm

    install("consingan.modes", "consingan", generation=Generation)
    install("consingan.executors", slurm=OnSlurm)
    tiny_image().save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = consingan.batch([tmp_path], sweep=OPTIONS, runs=tmp_path / "runs", on="slurm")
    assert [row.outcome.state for row in done.rows] == ["failed", "complete"]
    assert "bad.png" in (done.rows[0].outcome.error or "")
    assert consingan.open_run(done.rows[1].outcome.run or "").complete
