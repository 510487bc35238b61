"""docs/plugins.md: its tutorial works as written, and its reference misses nothing."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import ListenerHooks, ModeHooks
from docs.make_hooks import PAGE, hooks, render

BLOCK = re.compile(r"^```(toml|python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w.]+)`:\n*\Z")
"""The words before a block that say which file it is."""
INSTALL = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
MORE = """
from pathlib import Path

from consingan_framed import Framed
from consingan_left_half import LeftHalf
from consingan_sketched import Sketched
from consingan_upside_down import UpsideDown

from consingan.contract import check_mode
from consingan.testing import train_tiny

for mode in (Framed, LeftHalf, Sketched, UpsideDown):
    check_mode(mode)
Path("sketch.png").write_bytes(next(Path().glob("examples/*.png")).read_bytes())
run = train_tiny(Sketched, Path("tiny"))
[made] = run.apply("made", "cpu", sketch="sketch.png")
assert made.name == "painted.png"
run = train_tiny(UpsideDown, Path("turned"))
[made] = run.apply("turned.png", "cpu", num_samples=3, best=1, enlarge=2)
assert made.name == "turned.png"
"""
"""What the tutorial only shows works as well: its other modes, of which one is applied."""
HOOKS = [*hooks(ModeHooks), *hooks(ListenerHooks)]


@pytest.mark.timeout(900)  # it installs, trains and tests in processes of its own
def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    page = PAGE.read_text()
    folder, installed = tmp_path / "mine", tmp_path / "installed"
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "200"}

    def python(*arguments: object) -> str:
        command = [sys.executable, *map(str, arguments)]
        options = {"capture_output": True, "text": True, "cwd": folder, "env": environment}
        done = subprocess.run(command, check=False, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = ""
    for block in BLOCK.finditer(page):
        language, text = block.groups()
        named = NAMED.search(page, 0, block.start())
        if language == "sh":
            for line in text.splitlines():
                program, *arguments = line.split()
                if program == "pip":
                    assert line == "pip install -e ."
                    python(*INSTALL, installed, ".")
                else:
                    said += python("-m", program, *arguments)
        elif named:
            (folder / named[1]).write_text(text)
            if language == "python":
                python(named[1])
        else:
            python("-c", text)
    assert "New variants of the picture, mirrored both ways." in said
    assert " passed" in said
    python("-c", MORE)
    [applied] = folder.glob("runs/landscape/*-kaleidoscope/applied/*")
    assert {"kaleidoscope-000.png", "kaleidoscope-001.png", "sheet.png"} <= {
        file.name for file in applied.iterdir()
    }


def test_every_attribute_of_a_mode_is_in_the_table() -> None:
    page = PAGE.read_text()
    for name in Mode.__annotations__:
        assert re.search(rf"^\| .*`{name}`.* \|", page, re.MULTILINE), name


def test_the_reference_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert render(page) == page, "run: python docs/make_hooks.py"


@pytest.mark.parametrize(("name", "signature", "docstring"), HOOKS, ids=[h[0] for h in HOOKS])
def test_every_hook_is_documented(name: str, signature: inspect.Signature, docstring: str) -> None:
    assert re.search(r"^When: .*? by (`core/|the listener)", docstring, re.MULTILINE | re.DOTALL)
    section = docstring.partition("Args:\n")[2].partition("Returns:\n")[0]
    described = re.findall(r"^    (\w+): .", section, re.MULTILINE)
    assert described == list(signature.parameters)
    if signature.return_annotation != "None":
        assert "Returns:\n" in docstring
        assert "Default: " in docstring


def test_a_hook_without_a_described_argument_makes_the_page_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def new_hook(self: object, thing: int) -> None:
        """Something new.

        When: now, by `core/engine.py`.
        """

    monkeypatch.setattr(ListenerHooks, "new_hook", new_hook, raising=False)
    page = PAGE.read_text()
    assert render(page) != page
