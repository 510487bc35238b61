"""A picture's name finds its run, however it is spelt or typed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

import consingan
from consingan.core.pictures.masks import find_mask
from consingan.core.runs.find import find_run
from consingan.core.runs.records import RunConfig
from consingan.core.system.names import MAX_BYTES, folder_name
from consingan.errors import RunNotFoundError

STEMS = [
    *(
        "Photo (1)",
        "a & b; $(c) 'd'",
        "v1.2",
        "100% [new]!",
        "a:b?",
        "a\\b",
        "-x",
        "con",
        "aux",
        "AUX",
    ),
    *(
        "com1",
        "lpt9 .x",
        "nul.tar",
        "con\u00f8",
        "caf\u00e9",
        "\U0001f389",
        "\U0001f468\u200d\U0001f469",
    ),
    *("नमस्ते", "สวัสดี", "写真", "각", "\u202egnp", "c\nd", "..x", "x" * 200, "é" * 200, "สวัส" * 60),
    *("\udcff\udcfe", "Ǆ", "ﬁ", "İ", "\U0001d4b3", "\U0001f389" * 90, "picture ", "Latest"),
]


def make_runs(root: Path, stems: list[str]) -> dict[str, Path]:
    """A folder that counts as a run for each picture's name."""
    made = {}
    for stem in stems:
        path = root / folder_name(stem) / "20260101-000000-generation"
        path.mkdir(parents=True)  # raises if two names were one folder
        for name in ("config.json", "state.json"):
            (path / name).touch()
        made[stem] = path
    return made


def test_every_name_finds_its_own_run(tmp_path: Path) -> None:
    for stem, path in make_runs(tmp_path, STEMS).items():
        other = unicodedata.normalize("NFD", stem)
        for typed in (stem, other, f"{stem}.png", f"{other}.JPG", path.parent.name):
            assert find_run(typed, tmp_path) == path, typed


@pytest.mark.parametrize("stem", STEMS)
def test_a_folders_name_is_valid_and_stays(stem: str) -> None:
    name = folder_name(stem)
    assert folder_name(name) == name
    assert len(name.encode()) <= MAX_BYTES
    assert name == name.strip(" .")
    assert name.isprintable()


def test_names_that_differ_late_stay_apart() -> None:
    assert folder_name("x" * 200 + "1") != folder_name("x" * 200 + "2")


@pytest.mark.parametrize(
    "typed", ["", ".", "..", " ", "...", "a", "cafe", "\0", "x\0y", "x" * 5000]
)
def test_other_names_find_nothing(typed: str, tmp_path: Path) -> None:
    make_runs(tmp_path, ["picture", "café"])
    with pytest.raises(RunNotFoundError, match="no run"):
        find_run(typed, tmp_path)


def test_a_mask_is_found_in_another_spelling(tmp_path: Path) -> None:
    mask = tmp_path / unicodedata.normalize("NFD", "café_mask.png")
    mask.touch()
    assert find_mask(tmp_path / "café.png") == mask


def test_a_run_is_made_found_and_opened_by_a_strange_name(photo: Path, tmp_path: Path) -> None:
    from tests.conftest import TINY

    odd = photo.rename(photo.with_name("Photo (1) नमस्ते.png"))
    run = consingan.train(odd, runs=tmp_path / "runs", **TINY | {"niter": 1})
    assert consingan.open_run(odd.stem, runs=tmp_path / "runs").path == run.path
    assert isinstance(run.config, RunConfig)
    assert run.config.picture == odd.stem
