"""`consingan modes`, `plugins`, `new-plugin` and `examples`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consingan.commands.door import check_commands
from consingan.commands.parameters import AsJson
from consingan.console import complain, escaped, print_json, print_table
from consingan.entry_points import DISABLE, plugins_disabled
from consingan.errors import OptionError
from consingan.plugins import Plugins, Problem


def modes(context: typer.Context) -> None:
    """List the installed modes."""
    plugins = _checked(context)
    rows = [(name, loaded.mode.summary) for name, loaded in plugins.modes.items()]
    print_table(("mode", "what it makes"), rows)
    print("Next: consingan MODE train PHOTO")


def list_plugins(context: typer.Context, as_json: AsJson = False) -> None:
    """List what all packages provide, and what is wrong with broken plugins."""
    from consingan.batches.executor import check_executors

    plugins = _checked(context)
    for problem in check_executors(plugins):
        complain(f"warning: {problem}")
    if plugins_disabled():
        complain(f"note: {DISABLE} is set: only the built-in plugins are loaded")
    if as_json:
        print_json(_report(plugins))
        return
    provided = [("mode", name, m.plugin) for name, m in plugins.modes.items()]
    provided += [("listener", name, loaded.plugin) for name, loaded in plugins.listeners.items()]
    provided += [("command", name, found.plugin) for name, found in plugins.commands.items()]
    provided += [("executor", name, found.plugin) for name, found in plugins.executors.items()]
    rows = [(kind, name, by.package, by.version, "works") for kind, name, by in provided]
    for problem in plugins.problems:
        state = "works, but" if problem.loaded else "not loaded:"
        by = problem.plugin
        row = (problem.kind, problem.entry, by.package, by.version, f"{state} {problem.reason}")
        rows.append(row)
    print_table(("provides", "name", "package", "version", "state"), rows)


def new_plugin(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the new mode: lower-case letters, digits and dashes.",
            show_default=False,
        ),
    ],
    folder: Annotated[Path, typer.Option(help="Where to create the plugin's folder.")] = Path(),
) -> None:
    """Write a plugin with a mode of your own, ready to install and to change."""
    from consingan.scaffold import write_plugin

    plugins = _plugins(context)
    for kind, known in (("mode", plugins.modes), ("command", plugins.commands)):
        if name in known:
            package = known[name].plugin.package
            raise OptionError(f"package {package} has a {kind} {name!r}; choose another name")
    made = escaped(str(write_plugin(name, folder)))
    print(f"Written: {made}")
    print(f"Next: pip install -e '{made}[test]' && pytest {made}")


def examples(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("examples"),
) -> None:
    """Write example pictures to try consingan with."""
    from consingan.examples import write_examples

    files = write_examples(folder)
    for file in files:
        print(escaped(str(file)))
    print(f"Next: consingan generation train {escaped(str(files[0]))} --preset draft")


def _plugins(context: typer.Context) -> Plugins:
    found = context.find_object(Plugins)
    assert found is not None, "the group of all commands has it"
    return found


def _checked(context: typer.Context) -> Plugins:
    """The plugins, with the problems of commands that cannot be shown."""
    plugins = _plugins(context)
    for problem in check_commands(plugins):
        complain(f"warning: {problem}")
    return plugins


def _report(plugins: Plugins) -> dict[str, list[dict[str, str]]]:
    def summary(problem: Problem) -> dict[str, str]:
        by = problem.plugin.model_dump()
        return {"kind": problem.kind, "entry": problem.entry, **by, "reason": problem.reason}

    modes, listeners = plugins.modes.items(), plugins.listeners.items()
    commands, executors = plugins.commands.items(), plugins.executors.items()
    return {
        "modes": [{"mode": name, **mode.plugin.model_dump()} for name, mode in modes],
        "listeners": [{"listener": name, **found.plugin.model_dump()} for name, found in listeners],
        "commands": [{"command": name, **found.plugin.model_dump()} for name, found in commands],
        "executors": [{"executor": name, **found.plugin.model_dump()} for name, found in executors],
        "broken": [summary(problem) for problem in plugins.problems if not problem.loaded],
        "outdated": [summary(problem) for problem in plugins.problems if problem.loaded],
    }
