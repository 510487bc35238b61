"""The engine computes what the published code does, number by number."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from benchmarks import parity
from tests.conftest import SHARED

OWN = Path(__file__).parent / "data" / "generation.safetensors"
MODES = ["generation", "retarget", "animation", "harmonization", "editing"]


def test_a_recording_of_the_plain_loop_is_reproduced() -> None:
    differences = parity.replay(parity.Recording(OWN))
    assert differences.failed == []
    assert differences.worst.keys() == parity.TOLERANCES.keys() - {"cancelled biases"}


@pytest.mark.parametrize("mode", MODES)
def test_the_published_numbers_are_reproduced(mode: str, shared: Path) -> None:
    differences = parity.replay(parity.Recording(shared / "parity" / f"{mode}.safetensors"))
    assert differences.failed == []


def _changed(path: Path, name: str, change: float) -> Path:
    tensors = load_file(OWN)
    tensors[name] = tensors[name] + change
    with safe_open(OWN, framework="pt") as file:
        save_file(tensors, path, file.metadata())
    return path


@pytest.mark.parametrize(
    ("name", "change", "kind"),
    [
        ("s0.it0.fake", 2e-5, "first forward pass"),
        ("s2.it3.fake", 1e-3, "later forward passes"),
        ("s2.final.G.tail.0.bias", 1e-3, "generator weights"),
        ("s1.final.D.head.conv.weight", 1e-3, "critic weights"),
        ("s2.init.G.body.2.block0.conv.weight", 1e-3, "grown generator"),
        ("amp.2", 1e-3, "noise amplitude"),
        ("s1.it0.fake", torch.nan, "first forward pass"),
    ],
)
def test_a_wrong_number_is_noticed(tmp_path: Path, name: str, change: float, kind: str) -> None:
    differences = parity.replay(parity.Recording(_changed(tmp_path / "changed", name, change)))
    assert kind in differences.failed


def test_the_tool_prints_the_worst_and_exits_1_past_a_tolerance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parity.main([str(OWN)]) == 0
    out = capsys.readouterr().out
    assert "generator weights" in out
    assert "PAST" not in out
    wrong = _changed(tmp_path / "changed", "s2.final.D.tail.bias", 1.0)
    assert parity.main([str(OWN), str(wrong)]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["critic", "weights", "1.00e+00", "PAST", "TOLERANCE"] in lines
    assert parity.main([str(tmp_path / "none")]) == 1
    assert "cannot be replayed" in capsys.readouterr().err


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared folder here")
def test_all_five_modes_are_recorded() -> None:
    assert {file.stem for file in (SHARED / "parity").glob("*.safetensors")} == set(MODES)
