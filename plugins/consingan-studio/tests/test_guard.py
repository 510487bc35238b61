"""Who is let in, and what is served: nothing for other pages, nothing but pictures of runs."""

from __future__ import annotations

import asyncio
import importlib.util
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from consingan_studio.library import Library

import consingan
from consingan import RunError

if importlib.util.find_spec("starlette") is None or importlib.util.find_spec("httpx") is None:
    pytest.skip("Starlette or httpx is not installed", allow_module_level=True)

import httpx
from consingan_studio.guard import Guard
from starlette.responses import PlainTextResponse


def _ask(headers: dict[str, str], password: str | None = None, method: str = "GET") -> Any:
    guard = Guard(PlainTextResponse("let in"), password)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:7") as client:
            return await client.request(method, "/", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:7861"},
        {"host": "[::1]:7861"},
        {"origin": "http://localhost:7"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_the_page_itself_is_let_in(headers: dict[str, str]) -> None:
    answer = _ask(headers)
    assert answer.text == "let in"
    assert "default-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8"},
        {"host": "evil.example:7861"},  # a name that leads here
        {"host": "localhost.evil.example"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_pages_are_refused(headers: dict[str, str]) -> None:
    assert _ask(headers).status_code == 403


def test_another_page_sends_no_form() -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert _ask(headers, method="POST").status_code == 403


@pytest.mark.parametrize("given", [None, "Basic", "Basic !", "Bearer secret", "wrong", "secret "])
def test_without_the_password_nobody_is_let_in(given: str | None) -> None:
    if given is not None and not given.startswith(("Basic", "Bearer")):
        given = "Basic " + b64encode(f"me:{given}".encode()).decode()
    answer = _ask({} if given is None else {"authorization": given}, "secret")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_with_the_password_one_is_let_in_from_everywhere() -> None:
    known = "Basic " + b64encode("anybody:geheim:ü".encode()).decode()
    answer = _ask({"authorization": known, "host": "studio.example"}, "geheim:ü")
    assert answer.text == "let in"


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "castle", "../secret/a.png", "castle/../../secret/a.png", "/etc/passwd"),
        *(".studio/uploads/a.png", "castle/.hidden/a.png", "castle/link/a.png", "castle/\0"),
    ],
)
def test_no_file_outside_of_a_run_is_found(name: str, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (runs / "castle").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.png").touch()
    (runs / "castle" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(RunError):
        Library(runs).file(name)


def test_stars_that_somebody_damaged_are_none(runs: Path) -> None:
    library = Library(runs)
    key = library.key(next((runs / "castle").iterdir()))
    file = runs / key / "stars.json"
    for content in ("{", '{"a": 1}', "[1]"):
        file.write_text(content)
        assert library.stars(key) == []
    assert library.star(key, "0-7", True) == ["0-7"]
    assert library.star(key, "0-7", False) == []
    file.unlink()


def test_a_thumbnail_is_the_sample_reduced(runs: Path) -> None:
    library = Library(runs)
    key = library.key(next((runs / "castle").iterdir()))
    run = consingan.open_run(runs / key)
    [sample] = run.samples([4], 2, (20, 60))
    assert library.sample(key, 4, 2, (20, 60)).tobytes() == sample.tobytes()
    with pytest.raises(RunError, match="consingan apply"):
        library.sample(key, 0, 0, (4000, 4000))
