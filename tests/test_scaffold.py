"""`consingan new-plugin` writes a package that installs, passes its tests, and is a mode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consingan import cli
from consingan.errors import ConsinganError, OptionError
from consingan.scaffold import write_plugin

PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]


def _python(*arguments: object, installed: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed), "CONSINGAN_STRICT_PLUGINS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(900)  # it installs and tests in processes of its own
def test_a_new_plugin_installs_passes_its_tests_and_is_a_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["new-plugin", "two-moons", "--folder", str(tmp_path)]) == 0
    folder, installed = tmp_path / "consingan-two-moons", tmp_path / "installed"
    assert f"Next: pip install -e '{folder}[test]'" in capsys.readouterr().out
    subprocess.run([*PIP, "--target", installed, folder], check=True, capture_output=True)
    assert "two-moons" in _python("consingan", "modes", installed=installed, folder=tmp_path)
    report = _python("pytest", "-q", "tests", installed=installed, folder=folder)
    assert " passed" in report
    assert "skipped" not in report


@pytest.mark.parametrize("name", ["Upper", "9lives", "a_b", "../up", "a b", ""])
def test_a_bad_name_is_said_and_writes_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is no mode name"):
        write_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_package_s_prefix_is_not_doubled(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="use 'glow'"):
        write_plugin("consingan-glow", tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "consingan-moons"
    mine.write_text("mine")
    assert cli.run(["new-plugin", "moons", "--folder", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    with pytest.raises(ConsinganError, match="cannot create"):
        write_plugin("moons", mine)


def test_a_name_that_is_a_mode_already_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["new-plugin", "generation", "--folder", str(tmp_path)]) == 2
    assert "package consingan has a mode 'generation'; choose another" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
