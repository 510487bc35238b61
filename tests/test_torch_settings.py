"""The caller's settings of torch change nothing, or are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import torch

import consingan
from consingan import Run
from consingan.errors import RunError
from tests.conftest import TINY, tiny_image

OPTIONS = {**TINY, "niter": 2, "train_stages": 2}


@contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device("cpu")


SETTINGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "default device": default_device,
}


def train(folder: Path) -> Run:
    return consingan.train(tiny_image(), runs=folder, **OPTIONS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, made with torch as it comes."""
    return train(tmp_path_factory.mktemp("runs"))


def pictures(files: list[Path]) -> list[bytes]:
    return [file.read_bytes() for file in files]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_of_the_caller_changes_nothing(name: str, trained: Run, tmp_path: Path) -> None:
    usual, sampler = trained.apply(num_samples=2), trained.sampler("cpu")
    sample, scores = sampler.sample(1, seed=3), consingan.evaluate(trained, 2)
    with SETTINGS[name]():
        again = train(tmp_path)
        assert [stage.sha256 for stage in again.state.stages] == [
            stage.sha256 for stage in trained.state.stages
        ]
        assert pictures(trained.apply(num_samples=2)) == pictures(usual)
        assert sampler.sample(1, seed=3).tolist() == sample.tolist()
        assert trained.sampler("cpu").sample(1, seed=3).tolist() == sample.tolist()
        assert consingan.evaluate(trained, 2).samples == scores.samples
        assert consingan.plan(tiny_image(), **OPTIONS).stages
    assert torch.is_grad_enabled()


def test_another_default_dtype_is_refused(trained: Run, tmp_path: Path) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        for use in (lambda: train(tmp_path), trained.apply, lambda: trained.sampler("cpu")):
            with pytest.raises(RunError, match="torch's default dtype is float64; call"):
                use()
    finally:
        torch.set_default_dtype(torch.float32)


def test_float32_is_no_tf32_and_the_callers_choice_comes_back(trained: Run) -> None:
    from consingan.core.system.torch_settings import own_settings

    before = torch.backends.cudnn.conv.fp32_precision
    with own_settings():
        assert torch.backends.cudnn.conv.fp32_precision == "ieee"
    assert torch.backends.cudnn.conv.fp32_precision == before
