"""A server with two tiny runs, and pages in Debian's Chromium."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import consingan
from consingan.testing import tiny_picture

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that are started here
TINY: dict[str, Any] = {
    **{"max_size": 48, "min_size": 24, "train_stages": 2, "niter": 3},
    **{"precision": "float32", "filters": 4},
}
"""Options under which a training takes about a second."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT = 60_000
"""Milliseconds that a page may take on a busy machine."""


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of generation, `castle`, and one of harmonization, `lake`."""
    folder = tmp_path_factory.mktemp("studio") / "runs"
    picture = tiny_picture(32, 48)
    consingan.train(picture, name="lake", mode="harmonization", runs=folder, **TINY, layers=1)
    consingan.train(picture, name="castle", runs=folder, **TINY)
    return folder


@pytest.fixture(scope="session")
def server(runs: Path) -> Iterator[str]:
    """The address of a server for these runs."""
    with serving(runs) as (address, _):
        yield address


@contextmanager
def serving(runs: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a server; its address and its process."""
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("Gradio is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "consingan", "studio", "--no-browser", "--port", str(port)]
    started = subprocess.Popen(
        [sys.executable, *command, "--runs", str(runs), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert started.stdout is not None
    try:
        said = ""
        while "Open in a browser" not in said:
            line = started.stdout.readline()
            assert line, said
            said += line
        yield said_address(said), started
    finally:
        started.send_signal(signal.SIGINT)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        started.stdout.close()


def said_address(said: str) -> str:
    """The address that the command prints, without its last slash."""
    found = re.search(r"http://\S+", said)
    assert found is not None, said
    return found[0].rstrip("/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, headless."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, server: str) -> Iterator[Open]:
    """Opens the page; whatever it asks another server for, and its errors, fail the test."""
    contexts, wrong = [], []

    def opened(language: str = "en", address: str = server, **settings: Any) -> Any:
        locale = {"en": "en-US", "zh": "zh-CN"}[language]
        contexts.append(browser.new_context(locale=locale, **settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT)
        own = (address, "data:", "blob:")
        page.on("request", lambda sent: sent.url.startswith(own) or wrong.append(sent.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{address}/{language}/")
        page.wait_for_selector("#start")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong
