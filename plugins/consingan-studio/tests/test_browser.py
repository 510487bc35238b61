"""The page in a real browser: what one does on it, and what comes of it."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY, Open
from PIL import Image

import consingan
from consingan.testing import tiny_picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def _tab(page: Any, number: int) -> None:
    page.get_by_role("tab").nth(number).click()


def _choose(page: Any, box: str, text: str) -> None:
    page.locator(f"{box} input").click()
    page.get_by_role("option", name=text).first.click()


def _run(runs: Path, name: str) -> Path:
    return next((runs / name).iterdir())


def _upload(page: Any, file: Path) -> None:
    page.locator("#picture input[type=file]").set_input_files(file)
    page.wait_for_selector("#said p")


def _tiny_training(page: Any, niter: int) -> None:
    """Open the panels and set the options of a training that takes seconds."""
    page.locator("button.label-wrap", has_text="Size").click()
    for label in ("max_size", "min_size"):
        page.get_by_label(label.replace("_", " ").capitalize()).fill(str(TINY[label]))
    page.locator("button.label-wrap", has_text="Training").click()
    page.get_by_label("Niter").fill(str(niter))
    page.get_by_label("Niter").press("Tab")
    page.wait_for_function(
        "niter => [...document.querySelectorAll('.command textarea')]"
        ".some(box => box.value.includes(`--niter ${niter}`))",
        arg=niter,
    )


def _state(page: Any, words: str) -> None:
    page.wait_for_function(
        "words => document.querySelector('#progress')?.innerText?.includes(words)", arg=words
    )


def test_one_uploads_trains_reloads_stops_and_goes_on(
    visit: Open, runs: Path, tmp_path: Path
) -> None:
    tiny_picture(32, 48).save(tmp_path / "a <b>house.png")
    page = visit()
    _upload(page, tmp_path / "a <b>house.png")
    assert "48x32 pixels" in page.locator("#said").inner_text()
    _tiny_training(page, 100_000)
    page.locator("#start").click()
    _state(page, "done")
    page.reload()
    _state(page, "training")
    assert page.locator("#progress b").count() == 0  # the name is text
    page.locator("#stop").click()
    _state(page, "stopped")
    made = [run for run in consingan.list_runs(runs) if "house" in (run.picture or "")]
    assert [run.state for run in made] == ["stopped"]
    page.locator("#go-on").click()
    _state(page, "training")
    page.locator("#stop").click()
    _state(page, "stopped")
    _tab(page, 2)
    page.wait_for_selector("#runs-list table")
    assert page.locator("#runs-list b").count() == 0


def test_starred_and_downloaded_samples_are_those_of_apply(
    visit: Open, runs: Path, tmp_path: Path
) -> None:
    page = visit()
    _tab(page, 1)
    _choose(page, "#run", "castle, generation")
    page.wait_for_selector("[data-gallery*=castle]")
    for number in (1, 3):
        page.get_by_role("button", name=f"Star {number}", exact=True).click()
        page.wait_for_selector(f"[aria-label='Star {number}'][aria-pressed=true]")
    assert json.loads((_run(runs, "castle") / "stars.json").read_text()) == ["0-1", "0-3"]
    page.get_by_role("button", name="Sample 3", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    [expected] = consingan.open_run(_run(runs, "castle")).apply(tmp_path / "3.png", index=3)
    assert waiting.value.path().read_bytes() == expected.read_bytes()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Settings").click()
    assert json.loads(waiting.value.path().read_text())["options"]["index"] == "3"
    page.keyboard.press("Escape")
    page.get_by_label("Only stars").check()
    page.wait_for_function("document.querySelectorAll('.sample').length === 2")


def test_what_is_painted_is_repainted_and_the_rest_stays(visit: Open, runs: Path) -> None:
    page = visit()
    _tab(page, 1)
    _choose(page, "#run", "lake, harmonization")
    page.wait_for_selector(".brush canvas")
    for _ in range(8):  # the canvas takes no stroke before it is drawn
        box = page.locator(".brush canvas").first.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x - 10, y)
        page.mouse.down()
        page.mouse.move(x + 10, y + 4, steps=4)
        page.mouse.up()
        page.wait_for_timeout(3000)
        if page.locator("#result .compared").count():
            break
    page.wait_for_selector("#result .compared")  # by itself, and nothing is saved
    assert not list(_run(runs, "lake").glob("applied/*"))
    page.get_by_role("button", name="Make and save").click()
    page.wait_for_selector("#result .made")
    [folder] = _run(runs, "lake").glob("applied/*")
    [naive] = (runs / ".studio" / "painted").glob("naive-*.png")
    before, after = (np.asarray(Image.open(file)) for file in (naive, folder / "result.png"))
    own = np.asarray(Image.open(_run(runs, "lake") / "picture.png"))
    painted, changed = (before != own).any(-1), (after != before).any(-1)
    assert 0 < painted.mean() < 0.4
    assert (changed & painted).any()
    assert not changed[:: len(changed) - 1, :: changed.shape[1] - 1].any()  # the corners


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(language: str, scheme: str, visit: Open) -> None:
    """On a phone, in both languages, by day and by night: axe-core finds nothing serious."""
    if importlib.util.find_spec("axe_playwright_python") is None:
        pytest.skip("axe-playwright-python is not installed")
    from axe_playwright_python.sync_playwright import Axe

    size = {"width": 390, "height": 800}
    page = visit(language, color_scheme=scheme, viewport=size)
    red = page.evaluate("parseInt(getComputedStyle(document.body).backgroundColor.slice(4))")
    assert (red < 60) == (scheme == "dark")
    for number in range(3):
        _tab(page, number)
        page.wait_for_timeout(1500)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        found = Axe().run(page).response["violations"]
        serious = [
            (each["id"], [node["html"][:200] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert not serious
    shown = page.locator("body").inner_text()
    assert bool(re.search("[\u4e00-\u9fff]{4}", shown.replace("简体中文", ""))) == (
        language == "zh"
    )


def test_the_keyboard_is_enough(visit: Open) -> None:
    page = visit()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "stone-wall":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#said p")
    page.locator("#mode input").nth(1).focus()
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('#mode input:checked').value !== 'generation'")
    page.get_by_role("tab").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#run", state="visible")


def test_runs_are_compared_renamed_and_deleted(visit: Open, runs: Path) -> None:
    for name, seed in (("first", 1), ("second", 2)):
        consingan.train(tiny_picture(32, 48), name=name, runs=runs, **TINY, seed=seed)
    page = visit()
    _tab(page, 2)
    _choose(page, "#one-run", "first")
    _choose(page, "#other-run", "second")
    page.locator("#compare").click()
    page.wait_for_selector("#compared table")
    assert "seed" in page.locator("#compared").inner_text()
    page.locator("#new-name textarea, #new-name input").fill("third")
    page.locator("#rename").click()
    page.wait_for_function("document.querySelector('#runs-list')?.innerText?.includes('third/')")
    assert not (runs / "first").exists()
    _choose(page, "#one-run", "second")
    page.locator("#delete").click()
    page.wait_for_selector(".toast-body")  # it asks
    assert (runs / "second").exists()
    page.get_by_label("Yes, delete").check()
    page.locator("#delete").click()
    page.wait_for_function("!document.querySelector('#runs-list')?.innerText?.includes('second/')")
    assert not (runs / "second").exists()


def test_a_file_that_is_no_picture_is_said(visit: Open, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    tiny_picture(200, 300).save(buffer, "PNG")
    (tmp_path / "half.png").write_bytes(buffer.getvalue()[:20000])
    page = visit()
    _upload(page, tmp_path / "half.png")
    said = page.locator("#said .error").inner_text()
    assert "damaged or truncated" in said
    assert str(tmp_path) not in said
    assert ".studio" not in said
