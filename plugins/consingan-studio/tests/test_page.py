"""The page's texts and forms."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path

import pytest
from consingan_studio import words
from consingan_studio.words import LANGUAGES, Words, preferred
from PIL import Image

import consingan

FOLDER = Path(words.__file__).parent


def _said() -> set[str]:
    """All texts that the code passes to `words(...)`."""
    found = set()
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            text = node.args[0]
            if name in ("words", "_words") and isinstance(text, ast.Constant):
                found.add(str(text.value))
    return found


def test_every_text_is_there_in_chinese_and_takes_the_same_values() -> None:
    chinese = json.loads((FOLDER / "zh.json").read_text(encoding="utf-8"))
    modes = consingan.installed_modes().values()
    said = _said() | {mode.name for mode in modes} | {mode.summary for mode in modes}
    assert len(said) > 50
    assert said - chinese.keys() == set()
    for text, translated in chinese.items():
        fields = [part for part in text.split("{")[1:]]
        assert all("{" + part.split("}")[0] + "}" in translated for part in fields), text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de, en;q=0.5", "en"), ("", "en"), ("fr", "en")],
)
def test_the_browser_says_which_language(accepted: str, language: str) -> None:
    assert preferred(accepted) == language
    assert language in LANGUAGES


def test_texts_are_filled_in() -> None:
    assert Words("zh")("{time} left", time="3 s") == "剩余 3 s"
    assert Words("en")("no such text") == "no such text"


def test_a_mask_is_white_where_it_was_painted(tmp_path: Path) -> None:
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("Gradio is not installed")
    brushes = pytest.importorskip("consingan_studio.brushes")
    picture = Image.new("RGB", (6, 4), "grey")
    layer = Image.new("RGBA", (6, 4))
    assert brushes.painted("mask", {"layers": [layer]}, picture, tmp_path) is None
    layer.putpixel((2, 1), (255, 60, 60, 120))
    file = brushes.painted("mask", {"layers": [layer]}, picture, tmp_path)
    with Image.open(file) as mask:
        assert mask.getcolors() == [(23, 0), (1, 255)]
    painted = picture.copy()
    painted.putpixel((0, 0), (9, 9, 9))
    value = {"layers": [], "composite": picture.convert("RGBA")}
    assert brushes.painted("naive", value, picture, tmp_path) is None
    value = {"layers": [], "composite": painted.convert("RGBA")}
    file = brushes.painted("naive", value, picture, tmp_path)
    assert file == brushes.painted("naive", value, picture, tmp_path)
    with Image.open(file) as naive:
        assert naive.tobytes() == painted.tobytes()
