"""Mistakes that the tests must notice: see `python -m benchmarks.mutants --help`."""

from __future__ import annotations

from benchmarks.mutants import networks, pictures, runs, steps
from benchmarks.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*steps.MUTANTS, *networks.MUTANTS, *pictures.MUTANTS, *runs.MUTANTS)
