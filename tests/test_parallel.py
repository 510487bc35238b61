"""What is computed at once is what is computed one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import consingan
from consingan import Size
from consingan.core.hooks.dispatch import Hooks
from consingan.core.system.threads import Helper, half_the_threads, make_in_threads
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
    run = consingan.train(tiny_image(), preset="paper", runs=tmp_path, **options)
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
    run = consingan.train(tiny_image(), preset="paper", runs=tmp_path, **options)
    sampler, threads = run.sampler("cpu"), set[int]()
    sampler.tile = tile  # 900 pixels hold two pictures of 24x16, but not of 31x20
    monkeypatch.setattr(
        sampler, "sample", lambda *_: threads.add(threading.get_ident()) or torch.zeros(1)
    )
    assert len(list(sampler.samples(4, size=Size(20, 31)))) == 4
    assert (threads != {threading.get_ident()}) == elsewhere


CPU = torch.device("cpu")


def _where() -> tuple[int, int]:
    return threading.get_ident(), torch.get_num_threads()


def test_a_helper_has_as_many_threads_as_who_asks_for_help() -> None:
    helper = Helper(CPU)
    with half_the_threads():
        coming = helper.start(_where)
        time.sleep(0.2)
        assert torch.get_num_threads() == 2
        thread, threads = coming()
    assert thread != threading.get_ident()
    assert threads == 2
    assert torch.get_num_threads() == 4


def test_what_a_helper_has_not_begun_is_computed_by_who_needs_it() -> None:
    helper, begun, go_on = Helper(CPU), threading.Event(), threading.Event()
    first = helper.start(lambda: begun.set() or go_on.wait(9))
    second = helper.start(threading.get_ident)
    assert begun.wait(9)
    assert second() == threading.get_ident()
    go_on.set()
    assert first() is True


@pytest.mark.parametrize(("device", "threads"), [("cpu", 1), ("meta", 4)])
def test_without_a_helper_everything_is_computed_when_it_is_needed(
    device: str, threads: int
) -> None:
    torch.set_num_threads(threads)
    made: list[int] = []
    coming = Helper(torch.device(device)).start(lambda: made.append(threading.get_ident()))
    assert made == []
    coming()
    assert made == [threading.get_ident()]


def test_when_nothing_can_begin_any_more_it_is_computed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a thread that goes on when the main one has ended."""

    def refuse(*_: object) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
    assert Helper(CPU).start(threading.get_ident)() == threading.get_ident()


def test_a_helpers_error_arrives_where_its_result_would() -> None:
    def fail() -> None:
        raise ValueError("no result")

    coming = Helper(CPU).start(fail)
    time.sleep(0.1)
    with pytest.raises(ValueError, match="no result"):
        coming()
    with pytest.raises(ValueError, match="no result"), half_the_threads():
        fail()
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_is_the_same_on_one_thread_and_on_two(tmp_path: Path, precision: str) -> None:
    options = {"max_size": 48, "niter": 6, "precision": precision, "filters": 16, "window": 33}
    weights = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        run = consingan.train(
            tiny_image(40, 48), preset="default", runs=tmp_path / str(threads), **options
        )
        weights.append([file.read_bytes() for file in sorted((run.path / "stages").iterdir())])
    assert len(weights[0]) > 2
    assert weights[0] == weights[1]


def test_modes_are_called_in_the_thread_that_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    fresh = Hooks.training_input
    monkeypatch.setattr(
        Hooks,
        "training_input",
        lambda *given: threads.append(threading.get_ident()) or fresh(*given),
    )
    consingan.train(tiny_image(), preset="paper", runs=tmp_path, **TINY)
    assert set(threads) == {threading.get_ident()}
