"""The server: a page for each language, the pictures that they show, and the guard before all."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consingan import OptionError
from consingan_studio.library import UPLOADS, Library
from consingan_studio.studio import Studio
from consingan_studio.trainings import Trainings
from consingan_studio.words import LANGUAGES, Words

if TYPE_CHECKING:
    from fastapi import FastAPI

LARGEST_UPLOAD = "300mb"
"""As large as the files that consingan reads."""


@dataclass(frozen=True)
class Settings:
    """How the server is started."""

    runs: Path
    host: str
    port: int
    password: str | None = None
    trainings: int = 1


def make_app(settings: Settings) -> FastAPI:
    """The server's application. Gradio sends nothing anywhere, and keeps uploads in the runs."""
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "GRADIO_TEMP_DIR": str(settings.runs / UPLOADS),
    }
    import gradio as gr
    from fastapi import FastAPI

    from consingan_studio.guard import Guard
    from consingan_studio.page import HEAD, build_page, theme
    from consingan_studio.routes import add_routes

    library = Library(settings.runs)
    trainings = Trainings(settings.runs, settings.trainings)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(app, library)
    for language in LANGUAGES:
        gr.mount_gradio_app(
            app,
            build_page(Studio(library, trainings, Words(language))),
            f"/{language}",
            server_name=settings.host,
            server_port=settings.port,
            footer_links=[],
            run_history=False,
            show_error=True,
            max_file_size=LARGEST_UPLOAD,
            ssr_mode=False,
            theme=theme(),
            css_paths=Path(__file__).parent / "static" / "studio.css",
            head=HEAD,
        )
    app.add_middleware(Guard, password=settings.password)
    return app


def serve(settings: Settings, opened: Callable[[], None]) -> None:
    """Serve until Ctrl-C; `opened` is called as soon as the page can be reached.

    Raises OptionError if the port is taken or the address is not of this machine.
    """
    import uvicorn

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise OptionError(f"cannot listen on {where}: {error.strerror}", "port") from None
        app = make_app(settings)

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                opened()

        Server(uvicorn.Config(app, log_level="warning")).run([listening])
