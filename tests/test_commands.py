"""Commands of plugins: the entry-point group `consingan.commands`."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import pytest
import typer

from consingan import cli
from consingan.contract import COMMANDS
from consingan.entry_points import BUILT_IN
from consingan.loading import find_plugins
from consingan.modes.generation import Generation
from tests.conftest import Install
from tests.test_plugins import _mode

Captured = pytest.CaptureFixture[str]


def hello(name: Annotated[str, typer.Argument(help="Whom to greet.")], times: int = 1) -> None:
    """Greet somebody."""
    print("\n".join([f"hello {name}"] * times))


def test_the_built_in_commands_come_through_the_same_door() -> None:
    found = find_plugins().commands.items()
    built_in = {name for name, command in found if command.plugin.package == BUILT_IN}
    assert built_in == set(chain(*COMMANDS.values()))


def test_a_function_is_a_command(install: Install, capsys: Captured) -> None:
    install("consingan.commands", hello=hello)
    assert cli.run(["hello", "you", "--times", "2"]) == 0
    assert capsys.readouterr().out == "hello you\nhello you\n"
    assert cli.run(["hello", "--help"]) == 0
    assert "Whom to greet." in capsys.readouterr().out
    assert cli.run(["hello"]) == 2


def test_a_typer_app_is_a_group_of_commands(install: Install, capsys: Captured) -> None:
    app = typer.Typer()
    app.command()(hello)
    app.command("bye")(hello)
    install("consingan.commands", greet=app)
    assert cli.run(["greet", "bye", "you"]) == 0
    assert capsys.readouterr().out == "hello you\n"


def test_the_help_lists_a_command_without_importing_it(
    install: Install, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("consingan.commands", hello=hello)
    monkeypatch.setattr("consingan.plugins.FoundEntry.load", lambda self: sys.exit("imported"))
    assert cli.run(["--help"]) == 0
    assert "Has hello. (hello)" in capsys.readouterr().out


@pytest.mark.parametrize(("found", "reason"), [(5, "5 is no function"), (int, "is no function")])
def test_what_is_no_command_is_told_when_it_is_typed(
    found: object, reason: str, install: Install, capsys: Captured
) -> None:
    install("consingan.modes", consingan=Generation)
    install("consingan.commands", hello=found)
    assert cli.run(["hello"]) == 1
    error = capsys.readouterr().err
    assert "plugin 'hello' (package hello 1) is not loaded" in error
    assert reason in error
    assert error.count("\n") == 1


def test_the_name_of_a_built_in_command_is_kept(
    install: Install, capsys: Captured, tmp_path: Path
) -> None:
    built_in = find_plugins().commands["show"].entry
    install("consingan.commands", entries=[built_in], show=hello)
    found = find_plugins()
    assert found.commands["show"].plugin.package == BUILT_IN
    (problem,) = found.problems
    assert problem.reason == "packages consingan and show both name a command 'show'; uninstall one"


def test_a_mode_and_a_command_with_one_name_are_both_refused(install: Install) -> None:
    install("consingan.modes", mine=_mode(name="hello"))
    install("consingan.commands", hello=hello)
    found = find_plugins()
    assert not found.modes
    assert not found.commands
    reason = "package mine has a mode 'hello' and package hello a command; uninstall one"
    assert [problem.reason for problem in found.problems] == [reason] * 2


def test_a_command_with_the_name_of_a_built_in_mode_is_refused(install: Install) -> None:
    install("consingan.modes", "consingan", generation=Generation)
    install("consingan.commands", generation=hello)
    found = find_plugins()
    assert list(found.modes) == ["generation"]
    assert [(problem.kind, problem.entry) for problem in found.problems] == [
        ("command", "generation")
    ]


def test_a_command_that_cannot_be_typed_is_refused(install: Install) -> None:
    install("consingan.commands", **{"Say it": hello})
    (problem,) = find_plugins().problems
    assert "its name must begin with a lower-case letter" in problem.reason


def test_new_plugin_refuses_the_name_of_a_command(
    install: Install, capsys: Captured, tmp_path: Path
) -> None:
    install("consingan.modes", consingan=Generation)
    assert cli.run(["new-plugin", "show", "--folder", str(tmp_path)]) == 2
    assert "package consingan has a command 'show'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
