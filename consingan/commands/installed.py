"""`consingan modes`, `plugins` and `examples`: what there is to work with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consingan.commands.parameters import AsJson
from consingan.console import escaped, print_json, print_table
from consingan.plugins import Plugins


def add(app: typer.Typer, plugins: Plugins) -> None:
    """Give `app` the commands."""

    @app.command(rich_help_panel="Installed")
    def modes() -> None:
        """List the modes."""
        rows = [(name, loaded.mode.summary) for name, loaded in plugins.modes.items()]
        print_table(("mode", "what it makes"), rows)
        print("Next: consingan MODE train PHOTO")

    @app.command("plugins", rich_help_panel="Installed")
    def list_plugins(as_json: AsJson = False) -> None:
        """List what each installed package provides, and what is broken and why."""
        loaded = [
            {"mode": name, **found.plugin.model_dump()} for name, found in plugins.modes.items()
        ]
        broken = [
            {"entry": problem.entry, **problem.plugin.model_dump(), "reason": problem.reason}
            for problem in plugins.problems
        ]
        if as_json:
            print_json({"modes": loaded, "broken": broken})
            return
        rows = [(row["mode"], row["package"], row["version"], "works") for row in loaded]
        rows += [
            (row["entry"], row["package"], row["version"], f"not loaded: {row['reason']}")
            for row in broken
        ]
        print_table(("mode", "package", "version", "state"), rows)

    @app.command(rich_help_panel="Installed")
    def examples(
        folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("examples"),
    ) -> None:
        """Write the pictures that ship with consingan, to try things on."""
        from consingan.examples import write_examples

        files = write_examples(folder)
        for file in files:
            print(escaped(str(file)))
        print(f"Next: consingan generation train {escaped(str(files[0]))} --preset draft")
