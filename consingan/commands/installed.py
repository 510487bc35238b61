"""`consingan modes`, `plugins`, `new-plugin` and `examples`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consingan.commands.parameters import AsJson
from consingan.console import complain, escaped, print_json, print_table
from consingan.errors import OptionError
from consingan.plugins import DISABLE, Plugins, Problem, plugins_disabled


def add(app: typer.Typer, plugins: Plugins) -> None:
    """Add the commands to `app`."""

    @app.command(rich_help_panel="Installed")
    def modes() -> None:
        """List the installed modes."""
        rows = [(name, loaded.mode.summary) for name, loaded in plugins.modes.items()]
        print_table(("mode", "what it makes"), rows)
        print("Next: consingan MODE train PHOTO")

    @app.command("plugins", rich_help_panel="Installed")
    def list_plugins(as_json: AsJson = False) -> None:
        """List the modes and listeners of all packages, and what is wrong with broken ones."""
        if plugins_disabled():
            complain(f"note: {DISABLE} is set: only the built-in plugins are loaded")
        if as_json:
            print_json(_report(plugins))
            return
        provided = [("mode", name, m.plugin) for name, m in plugins.modes.items()]
        provided += [
            ("listener", name, loaded.plugin) for name, loaded in plugins.listeners.items()
        ]
        rows = [(kind, name, by.package, by.version, "works") for kind, name, by in provided]
        for problem in plugins.problems:
            state = "works, but" if problem.loaded else "not loaded:"
            by = problem.plugin
            row = (problem.kind, problem.entry, by.package, by.version, f"{state} {problem.reason}")
            rows.append(row)
        print_table(("provides", "name", "package", "version", "state"), rows)

    @app.command("new-plugin", rich_help_panel="Installed")
    def new_plugin(
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

        if name in plugins.modes:
            package = plugins.modes[name].plugin.package
            raise OptionError(f"package {package} has a mode {name!r} already; choose another name")
        made = escaped(str(write_plugin(name, folder)))
        print(f"Written: {made}")
        print(f"Next: pip install -e '{made}[test]' && pytest {made}")

    @app.command(rich_help_panel="Installed")
    def examples(
        folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("examples"),
    ) -> None:
        """Write example pictures to try consingan with."""
        from consingan.examples import write_examples

        files = write_examples(folder)
        for file in files:
            print(escaped(str(file)))
        print(f"Next: consingan generation train {escaped(str(files[0]))} --preset draft")


def _report(plugins: Plugins) -> dict[str, list[dict[str, str]]]:
    def summary(problem: Problem) -> dict[str, str]:
        by = problem.plugin.model_dump()
        return {"kind": problem.kind, "entry": problem.entry, **by, "reason": problem.reason}

    modes, listeners = plugins.modes.items(), plugins.listeners.items()
    return {
        "modes": [{"mode": name, **mode.plugin.model_dump()} for name, mode in modes],
        "listeners": [{"listener": name, **found.plugin.model_dump()} for name, found in listeners],
        "broken": [summary(problem) for problem in plugins.problems if not problem.loaded],
        "outdated": [summary(problem) for problem in plugins.problems if problem.loaded],
    }
