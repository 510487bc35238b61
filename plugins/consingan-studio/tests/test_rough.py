"""What goes wrong on a page: many uploads, huge ones, and a server that is killed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, Open, serving
from consingan_studio.trainings import Request, Trainings
from PIL import Image

from consingan.testing import tiny_picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_twenty_uploads_at_once(visit: Open, tmp_path: Path) -> None:
    pages = [visit() for _ in range(20)]
    for number, page in enumerate(pages):
        file = tmp_path / f"{number}.png"
        tiny_picture(32, 40 + number).save(file)
        page.locator("#picture input[type=file]").set_input_files(file)
    for number, page in enumerate(pages):
        page.wait_for_selector("#said p")
        assert f"{40 + number}x32 pixels" in page.locator("#said").inner_text()


def test_an_upload_of_a_hundred_megabytes(visit: Open, tmp_path: Path) -> None:
    file = tmp_path / "large.tif"
    Image.new("RGB", (6000, 6000), "teal").save(file)
    assert file.stat().st_size > 100e6
    page = visit()
    page.locator("#picture input[type=file]").set_input_files(file)
    page.wait_for_selector("#said p")
    assert "6000x6000 pixels" in page.locator("#said").inner_text()


def test_a_training_outlives_a_killed_server(tmp_path: Path, browser: Any) -> None:
    runs = tmp_path / "runs"
    tiny_picture(32, 48).save(tmp_path / "photo.png")
    picture = tmp_path / "photo.png"
    options = {**TINY, "niter": 100_000}
    with serving(runs) as (_, server):
        trainings = Trainings(runs)
        name = trainings.submit(
            Request(picture=picture, mode="generation", preset="draft", options=options)
        )
        while not trainings.get(name).progress.step:
            time.sleep(0.2)
        server.kill()
        server.wait()
    before = trainings.get(name).progress
    while trainings.get(name).progress == before:
        time.sleep(0.2)
    with serving(runs) as (address, _):
        page = browser.new_page()
        page.goto(f"{address}/en/")
        page.wait_for_selector("#progress progress")
        page.locator("#stop").click()
        page.wait_for_selector("#go-on:not([disabled])")
        page.close()
    assert trainings.get(name).state == "stopped"
