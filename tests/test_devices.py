"""Where a run computes, and in what precision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import consingan
from consingan import Run, TrainOptions
from consingan.core.options.training import Precision
from consingan.core.system import devices
from consingan.core.system.devices import faster_precision, find_device, with_precision
from consingan.errors import OptionError
from consingan.loading import find_plugins
from consingan.preparing import prepare
from tests.conftest import TINY, tiny_image

CPU = torch.device("cpu")
Machine = Callable[[int, bool], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Pretends that this machine has so many CUDA devices, and Apple's GPU or not."""

    def pretend(cuda: int, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("name", "cuda", "mps", "found"),
    [
        ("auto", 0, False, "cpu"),
        ("auto", 0, True, "mps"),
        ("auto", 1, False, "cuda:0"),
        ("auto", 2, True, "cuda:0"),
        ("cpu", 2, True, "cpu"),
        ("cuda", 1, False, "cuda:0"),
        ("cuda:0", 1, False, "cuda:0"),
        ("cuda:1", 2, False, "cuda:1"),
        ("mps", 1, True, "mps"),
    ],
)
def test_a_device_is_found_by_its_name(
    machine: Machine, name: str, cuda: int, mps: bool, found: str
) -> None:
    machine(cuda, mps)
    assert str(find_device(name)) == found


def test_devices_without_a_driver_do_not_count(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(0, False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert find_device("auto") == CPU
    with pytest.raises(OptionError, match="no CUDA device"):
        find_device("cuda")


@pytest.mark.parametrize(
    "name", ["", "gpu", "CPU", "cpu:0", "mps:0", "cuda:-1", "cuda:x", "cuda:1.0", "cuda:²"]
)
def test_a_name_that_means_nothing_is_an_error(machine: Machine, name: str) -> None:
    machine(4, True)
    with pytest.raises(OptionError) as error:
        find_device(name)
    assert str(error.value) == f"device: {name!r} is not one of auto, cpu, cuda, cuda:N, mps"


@pytest.mark.parametrize(
    ("name", "cuda", "message"),
    [
        ("cuda", 0, "cuda: this machine has no CUDA device; leave --device out"),
        ("cuda:0", 0, "cuda:0: this machine has no CUDA device; leave --device out"),
        ("cuda:1", 1, "cuda:1: this machine has 1 CUDA device; leave --device out"),
        ("cuda:7", 2, "cuda:7: this machine has 2 CUDA devices; leave --device out"),
        ("mps", 1, "mps: this machine has no Apple GPU; leave --device out"),
    ],
)
def test_a_device_that_is_not_there_is_an_error(
    machine: Machine, name: str, cuda: int, message: str
) -> None:
    machine(cuda, False)
    with pytest.raises(OptionError) as error:
        find_device(name)
    assert str(error.value) == f"device: {message}"


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_auto_becomes_the_faster_precision(
    monkeypatch: pytest.MonkeyPatch, faster: Precision
) -> None:
    monkeypatch.setattr(devices, "faster_precision", lambda device: faster)
    options = TrainOptions(precision="auto", niter=7)
    assert with_precision(options, CPU) == TrainOptions(precision=faster, niter=7)
    assert options.precision == "auto"


@pytest.mark.parametrize("given", ["float32", "bfloat16"])
def test_a_precision_that_is_asked_for_is_kept(
    monkeypatch: pytest.MonkeyPatch, given: Precision
) -> None:
    monkeypatch.setattr(devices, "faster_precision", lambda device: pytest.fail("it was asked"))
    options = TrainOptions(precision=given)
    assert with_precision(options, CPU) is options


@pytest.mark.parametrize(
    ("capabilities", "faster"),
    [
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "float32"),
        ({"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"architecture": "arm64", "bf16": True}, "float32"),
        ({}, "float32"),
    ],
)
def test_a_processors_instructions_decide(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], faster: Precision
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert [faster_precision(CPU) for _ in range(3)] == [faster] * 3


@pytest.mark.parametrize(
    ("device", "supported", "faster"),
    [
        ("cuda", True, "bfloat16"),
        ("cuda", False, "float32"),
        ("mps", True, "float32"),
        ("meta", True, "float32"),
    ],
)
def test_a_gpus_driver_is_asked(
    monkeypatch: pytest.MonkeyPatch, device: str, supported: bool, faster: Precision
) -> None:
    """What it only emulates isn't faster."""
    emulated_too: list[bool] = []

    def answer(including_emulation: bool = True) -> bool:
        emulated_too.append(including_emulation)
        return supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", answer)
    assert faster_precision(torch.device(device)) == faster
    assert not any(emulated_too)


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
@pytest.mark.parametrize("preset", ["default", "paper"])
def test_a_run_records_the_precision_that_it_is_trained_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preset: str, faster: Precision
) -> None:
    monkeypatch.setattr(devices, "faster_precision", lambda device: faster)
    options = {**TINY, "precision": "auto"}
    run = prepare(
        find_plugins(), tiny_image(), "generation", preset, None, None, tmp_path, "cpu", (), options
    )
    assert run.options.precision == faster
    config = json.loads((run.path / "config.json").read_text())
    assert config["options"]["precision"] == faster


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run in bfloat16."""
    options = {**TINY, "train_stages": 1, "niter": 1, "precision": "bfloat16"}
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("half"), **options)


@pytest.mark.parametrize("faster", ["float32", "bfloat16"])
def test_pictures_are_made_in_float32_where_that_is_faster(
    half: Run, monkeypatch: pytest.MonkeyPatch, faster: Precision
) -> None:
    monkeypatch.setattr(devices, "faster_precision", lambda device: faster)
    assert half.sampler("cpu").model.dtype == getattr(torch, faster)
