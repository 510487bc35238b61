"""What the page fetches by address: samples, files of runs, stars, and the page's own script."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from consingan import ConsinganError
from consingan_studio.library import Library
from consingan_studio.words import preferred

STATIC = Path(__file__).parent / "static"
SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
"""The files in a run's folder that the page may show."""
Side = Annotated[int, Query(ge=16, le=4096)]
Pixels = Annotated[int | None, Query(ge=1, le=4096)]
Number = Annotated[int, Query(ge=0, lt=2**63)]


def add_routes(app: FastAPI, library: Library) -> None:
    """Add all addresses but those of Gradio."""

    @app.get("/")
    def start(request: Request) -> RedirectResponse:
        return RedirectResponse(f"/{preferred(request.headers.get('accept-language', ''))}/")

    @app.get("/studio.js")
    def script() -> FileResponse:
        return FileResponse(STATIC / "studio.js", media_type="text/javascript")

    @app.get("/runs/{key:path}/thumbnail.jpg")
    def thumbnail(
        key: str,
        index: Number,
        seed: Number = 0,
        w: Pixels = None,
        h: Pixels = None,
        side: Side = 256,
    ) -> Response:
        size = None if w is None or h is None else (h, w)
        made = _or_404(library.thumbnail, key, index, seed, size, side)
        return Response(made, media_type="image/jpeg", headers={"Cache-Control": "max-age=3600"})

    @app.get("/runs/{key:path}/sample.png")
    def sample(
        key: str, index: Number, seed: Number = 0, w: Pixels = None, h: Pixels = None
    ) -> Response:
        """The very file that `apply` writes."""
        return _applied(library, key, "png", index, seed, w, h)

    @app.get("/runs/{key:path}/settings.json")
    def settings(
        key: str, index: Number, seed: Number = 0, w: Pixels = None, h: Pixels = None
    ) -> Response:
        """The settings that `apply` writes beside it."""
        return _applied(library, key, "json", index, seed, w, h)

    @app.get("/runs/{key:path}/curves.png")
    def curves(key: str) -> Response:
        from io import BytesIO

        buffer = BytesIO()
        _or_404(lambda: library.open(key).curves()).save(buffer, "PNG")
        return Response(buffer.getvalue(), media_type="image/png")

    @app.get("/runs/{key:path}/stars")
    def stars(key: str) -> list[str]:
        return list(_or_404(library.stars, key))

    @app.post("/runs/{key:path}/stars")
    def star(
        key: str,
        sample: Annotated[str, Body(pattern=r"^\d{1,19}-\d{1,19}(-\d{1,5}x\d{1,5})?$")],
        starred: Annotated[bool, Body()],
    ) -> list[str]:
        _or_404(library.open, key)
        return list(_or_404(library.star, key, sample, starred))

    @app.get("/files/{name:path}")
    def file(name: str) -> FileResponse:
        path = _or_404(library.file, name)
        if path.suffix.lower() not in SHOWN or not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, media_type=SHOWN[path.suffix.lower()])


def _applied(
    library: Library,
    key: str,
    kind: str,
    index: int,
    seed: int,
    width: int | None,
    height: int | None,
) -> Response:
    """What `apply` writes for one sample: the picture, or the record of its options."""
    chosen: dict[str, Any] = {"index": str(index), "seed": seed}
    chosen |= {} if width is None or height is None else {"width": width, "height": height}
    folder = Path(tempfile.mkdtemp())
    try:
        name = f"sample-{index:03}"
        [file] = _or_404(lambda: library.open(key).apply(folder / f"{name}.png", **chosen))
        shown = f'attachment; filename="{name}.{kind}"'
        headers = {"Content-Disposition": shown}
        if kind == "png":
            return Response(file.read_bytes(), media_type="image/png", headers=headers)
        [record] = folder.glob("*.json")
        return Response(
            json.dumps(json.loads(record.read_text(encoding="utf-8")), indent=1),
            media_type="application/json",
            headers=headers,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _or_404(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except ConsinganError as error:
        raise HTTPException(404, str(error)) from None
