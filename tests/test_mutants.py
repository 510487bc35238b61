"""The kept list of mistakes fits the source. `python -m benchmarks.mutants` makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import consingan
from benchmarks.mutants import MUTANTS
from benchmarks.mutants.__main__ import BROKEN, SURVIVED, killer
from benchmarks.mutants.mutant import Mutant

PACKAGE, TESTS = Path(consingan.__file__).parent, Path(__file__).parent


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_source_and_names_a_test(mutant: Mutant) -> None:
    source = (PACKAGE / mutant.file).read_text()
    mutated = mutant.applied(source)
    assert mutated != source
    compile(mutated, mutant.file, "exec")
    file, test = mutant.test.split("::")
    assert f"\ndef {test.partition('[')[0]}(" in (TESTS / file).read_text()


def test_names_are_distinct() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("source", ["a = 1", "a = 2; b = 2"])
def test_a_mutant_that_does_not_fit_once_is_an_error(source: str) -> None:
    mutant = Mutant("wrong", "file.py", "2", "3", "", "")
    with pytest.raises(ValueError, match=r"wrong: '2' is [02] times in file\.py"):
        mutant.applied(source)


@pytest.mark.parametrize(
    ("code", "output", "found"),
    [
        (0, "1 passed", SURVIVED),
        (
            1,
            "FAILED tests/test_a.py::test_b[x - y] - assert 1 == 2\n1 failed",
            "test_a.py::test_b[x",
        ),
        (1, "\nERROR tests/test_a.py::test_b - OSError", "test_a.py::test_b"),
        (2, "ERROR tests/test_a.py - SyntaxError", BROKEN),
        (4, "ERROR: not found: test_c", BROKEN),
    ],
)
def test_only_a_test_that_fails_kills(code: int, output: str, found: str) -> None:
    assert killer(code, output) == found
