"""docs/rooms.md: its pictures are the imports, and the functions that it names exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from docs.make_rooms import PAGE, ROOT, core_arrows, package_arrows, render, without_implied

TEXT = PAGE.read_text()


def test_the_pictures_are_the_imports() -> None:
    assert render(TEXT) == TEXT, "run: python docs/make_rooms.py"
    assert "training --> run" in TEXT
    assert package_arrows()["core"] == set()
    assert core_arrows()["options"] == set()


def test_implied_arrows_are_left_out() -> None:
    drawn = without_implied({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    assert drawn == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_the_functions_on_the_way_of_a_picture_exist() -> None:
    named = re.findall(r"`([\w/]+\.py)`\s+`([\w.]+)`", TEXT)
    assert len(named) > 8
    for file, name in named:
        assert _defines(ROOT / file, name.split(".")), (file, name)


def _defines(file: Path, path: list[str]) -> bool:
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    for name in path:
        found = [
            n for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == name
        ]
        if not found:
            return False
        body = found[0].body
    return True
