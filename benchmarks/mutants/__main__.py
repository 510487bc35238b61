"""Makes mistakes in copies of the package, one at a time, and runs the tests that must notice.

    python -m benchmarks.mutants [NAME ...] [--all-tests] [--json]

Each mutant of the list is a change of one place in `consingan/` and the test that it has to fail.
By default only that test runs, which takes a few seconds; `--all-tests` runs the whole suite up to
the first failure. Before anything is changed the named tests must pass. The exit code is 1 if a
mutant survives, and 2 if the list is wrong: a mutant doesn't fit the source, or breaks it so that
no test can run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.mutants import MUTANTS
from benchmarks.mutants.mutant import Mutant
from benchmarks.shared import command_line, run
from consingan.console import print_table

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
ALL = ["--ignore=tests/test_mutants.py"]
"""All tests but the one that compares the list with the source."""
PASSED, FAILED = 0, 1
"""Exit codes of pytest. All others say that it could not run the tests."""
SURVIVED, BROKEN = "SURVIVED", "BROKEN"


class Verdict(NamedTuple):
    """What became of a mutant."""

    mutant: str
    killer: str
    """The first test that failed, or `SURVIVED` or `BROKEN`."""
    seconds: float


def copy_project(folder: Path) -> Path:
    """A copy of all that the tests need, in `folder`."""
    copy = folder / "project"
    copy.mkdir()
    for entry in ("consingan", "tests", "benchmarks", "plugins", "docs"):
        shutil.copytree(ROOT / entry, copy / entry, ignore=LEFT_OUT)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, copy)
    return copy


def run_tests(project: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests in a copy of the project up to the first failure: exit code and output."""
    command = [sys.executable, "-m", "pytest", "-x", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    # The copy comes before the installed package; its bytecode may be as old as the mistake.
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, *tests], cwd=project, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def judge(mutant: Mutant, tests: Sequence[str]) -> Verdict:
    """Make the mistake in a copy and see which of the tests notices."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        file = project / "consingan" / mutant.file
        file.write_text(mutant.applied(file.read_text()))
        code, output = run_tests(project, tests)
    found = killer(code, output)
    if found == BROKEN:
        print(output, file=sys.stderr)
    return Verdict(mutant.name, found, time.monotonic() - started)


def killer(code: int, output: str) -> str:
    """The first test that failed, or `SURVIVED` or `BROKEN`, by what pytest said."""
    if code == PASSED:
        return SURVIVED
    failed = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(.+?)(?: - .*)?$", output, re.MULTILINE)
    return failed[1] if failed and code == FAILED else BROKEN


def main() -> int:
    """Judge the mutants; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--all-tests", action="store_true", help="instead of each one's own")
    given = parser.parse_args()
    known = {mutant.name: mutant for mutant in MUTANTS}
    if unknown := set(given.names) - known.keys():
        parser.error(f"no mutant is called {min(unknown)!r}; there are: {', '.join(known)}")
    mutants = [known[name] for name in given.names] or list(MUTANTS)
    own = ALL if given.all_tests else sorted({f"tests/{mutant.test}" for mutant in mutants})
    with tempfile.TemporaryDirectory() as folder:
        code, output = run_tests(copy_project(Path(folder)), own)
    if code != PASSED:
        print(output, f"The tests fail without a mutant: exit code {code}.", file=sys.stderr)
        return 2
    verdicts = []
    for mutant in mutants:
        verdict = judge(mutant, ALL if given.all_tests else [f"tests/{mutant.test}"])
        print(f"{mutant.name}: {verdict.killer}", file=sys.stderr, flush=True)
        verdicts.append(verdict)
    if given.json:
        print(json.dumps([verdict._asdict() for verdict in verdicts], indent=2))
    else:
        rows = [[name, found, f"{seconds:.0f}"] for name, found, seconds in verdicts]
        print_table(["mutant", "killed by", "seconds"], rows)
    killers = {verdict.killer for verdict in verdicts}
    return 2 if BROKEN in killers else int(SURVIVED in killers)


if __name__ == "__main__":
    run(main)
