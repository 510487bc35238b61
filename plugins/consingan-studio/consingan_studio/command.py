"""`consingan studio`: starts the server, prints its address, and opens the browser."""

from __future__ import annotations

import secrets
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

LOCAL = "127.0.0.1"


def studio(
    port: Annotated[int, typer.Option(help="Port of the page.", min=1, max=65535)] = 7861,
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. Another than 127.0.0.1 needs a password."),
    ] = LOCAL,
    password: Annotated[
        str | None,
        typer.Option(
            help="Password of the page. For another --host, one is made up and printed by default."
        ),
    ] = None,
    trainings: Annotated[
        int, typer.Option(help="How many trainings run side by side; others wait.", min=1, max=64)
    ] = 1,
) -> None:
    """Open a page in the browser on which you train, paint, watch and pick."""
    from consingan_studio.server import Settings, serve

    if host != LOCAL and password is None:
        password = secrets.token_urlsafe(12)
        print(f"Password: {password}")
    address = f"http://{host}:{port}/"

    def opened() -> None:
        print(f"Open in a browser: {address}\nStop with Ctrl-C; trainings go on.", flush=True)
        if browser:
            webbrowser.open(address)

    serve(Settings(runs.absolute(), host, port, password, trainings), opened)
