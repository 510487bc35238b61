"""The group of all commands: each is built only when it is run.

So `consingan --help` imports no command of a plugin, and builds the options of no mode.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from consingan.commands.modes import mode_group
from consingan.console import literal
from consingan.contract import COMMANDS
from consingan.entry_points import heeding_signals
from consingan.errors import PluginError, describe, message_of
from consingan.plugins import Plugins, Problem

if TYPE_CHECKING:
    from typer._click import Command


class _Line(NamedTuple):
    """A command's line in the help, and how the command itself is made."""

    name: str
    help: str
    panel: str
    build: Callable[[], Command]


def commands_of(plugins: Plugins) -> type[TyperGroup]:
    """The group of all commands. It tells what is wrong with a plugin whose command is typed."""
    lines = {line.name: line for line in _lines(plugins)}

    class Commands(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            for line in lines.values():
                stub = TyperCommand(line.name, help=line.help, rich_help_panel=line.panel)
                self.add_command(stub, line.name)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name = args[0] if args else ""
            problem = plugins.broken("mode", name) or plugins.broken("command", name)
            if problem is not None and name not in self.commands:
                raise PluginError(str(problem))
            typed, stub, rest = super().resolve_command(ctx, args)
            return typed, stub and lines[name].build(), rest

        def invoke(self, ctx: Any) -> Any:
            try:
                return super().invoke(ctx)
            except SystemExit as error:
                if isinstance(error.__context__, BrokenPipeError):  # so Rich ends the program
                    raise
                raise PluginError(f"a plugin ended the command: {describe(error)}") from error

    return Commands


def check_commands(plugins: Plugins) -> list[Problem]:
    """Build all commands, and return the new problems: of those that cannot be built.

    Raises PluginError for the first one if `STRICT` is set.
    """
    known = len(plugins.problems)
    for line in _lines(plugins):
        with suppress(PluginError):
            line.build()
    plugins.insist()
    return plugins.problems[known:]


def _lines(plugins: Plugins) -> list[_Line]:
    """Modes, built-in commands, plugins' commands."""
    lines = []
    for name, loaded in plugins.modes.items():
        make = partial(mode_group, plugins, loaded)
        build = partial(_build, plugins, "mode", name, make)
        lines.append(_Line(name, literal(loaded.mode.summary), "Modes", build))
    panels = {name: panel for panel, names in COMMANDS.items() for name in names}
    for name in sorted(plugins.commands, key=[*panels, *plugins.commands].index):
        command = plugins.commands[name]
        build = partial(_build, plugins, "command", name, command.load)
        if name in panels:
            summary = inspect.getdoc(command.load()) or ""
        else:
            summary = literal(f"{command.summary} ({command.plugin.package})")
        lines.append(_Line(name, summary, panels.get(name, "From plugins"), build))
    return lines


def _build(
    plugins: Plugins, kind: Literal["mode", "command"], name: str, make: Callable[[], object]
) -> Command:
    """The command of a function or of a Typer app that `make` gives; else it is refused."""
    with heeding_signals():
        try:
            holder, made = typer.Typer(rich_markup_mode="rich"), make()
            if isinstance(made, typer.Typer):
                holder.add_typer(made, name=name)
            elif inspect.isfunction(made):
                holder.command(name)(made)
            else:
                raise PluginError(f"{made!r} is no function and no Typer app")
            return typer.main.get_group(holder).commands[name]
        except BaseException as error:  # a plugin's code runs: imports, and texts of its defaults
            reason = message_of(error) if isinstance(error, PluginError) else describe(error)
            problem = plugins.refuse(kind, name, f"the command line cannot show it: {reason}")
            raise PluginError(str(problem)) from error
