"""Pictures that are made at once are those that are made one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import consingan
from consingan import Size
from consingan.core.parallel import make_in_threads
from tests.conftest import TINY, tiny_image


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    """As on a machine of four cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_things_come_in_order_and_share_the_threads() -> None:
    def make(number: int) -> tuple[int, int, int]:
        time.sleep(0.05 if number == 0 else 0)
        return number, torch.get_num_threads(), threading.get_ident()

    made = list(make_in_threads(make, 9, most=3))
    assert [number for number, _, _ in made] == list(range(9))
    assert {threads for _, threads, _ in made} <= {1, 2}
    of_threads = {thread: threads for _, threads, thread in made}
    assert threading.get_ident() not in of_threads
    assert len(of_threads) <= 3
    assert sum(of_threads.values()) <= 4
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize(("count", "most"), [(0, 4), (1, 4), (5, 1), (5, 0)])
def test_one_at_a_time_needs_no_other_thread(count: int, most: int) -> None:
    made = list(make_in_threads(lambda _: threading.get_ident(), count, most))
    assert made == [threading.get_ident()] * count


def test_no_more_is_made_than_was_asked_for_and_a_little() -> None:
    started: list[int] = []
    pictures = make_in_threads(started.append, 100, most=2)
    next(pictures)
    next(pictures)
    pictures.close()
    assert len(started) <= 5
    assert torch.get_num_threads() == 4


def test_an_error_arrives_where_the_picture_would() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise ValueError("no picture")
        return number

    pictures = make_in_threads(make, 6, most=3)
    assert [next(pictures), next(pictures)] == [0, 1]
    with pytest.raises(ValueError, match="no picture"):
        next(pictures)
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("size", [None, Size(20, 31)])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_samples_equal_each_sample(tmp_path: Path, size: Size | None, batch_norm: bool) -> None:
    options = {**TINY, "batch_norm": batch_norm, "precision": "bfloat16"}
    run = consingan.train(tiny_image(), preset="paper", out=tmp_path, **options)
    sampler = run.sampler("cpu")
    made = list(sampler.samples(5, seed=3, size=size))
    for index, picture in enumerate(made):
        assert picture.equal(sampler.sample(index, seed=3, size=size))
    assert not made[0].equal(made[1])


@pytest.mark.parametrize(
    ("batch_norm", "tile", "elsewhere"), [(False, 99, 1), (True, 99, 0), (False, 30, 0)]
)
def test_what_is_made_in_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_norm: bool, tile: int, elsewhere: bool
) -> None:
    options = {**TINY, "batch_norm": batch_norm}
    run = consingan.train(tiny_image(), preset="paper", out=tmp_path, **options)
    sampler, threads = run.sampler("cpu"), set[int]()
    sampler.tile = tile  # 900 pixels hold two pictures of 24x16, but not of 31x20
    monkeypatch.setattr(
        sampler, "sample", lambda *_: threads.add(threading.get_ident()) or torch.zeros(1)
    )
    assert len(list(sampler.samples(4, size=Size(20, 31)))) == 4
    assert (threads != {threading.get_ident()}) == elsewhere
