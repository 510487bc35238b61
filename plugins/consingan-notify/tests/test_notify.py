"""A command and a URL hear how a run ended, and their failures stay their own."""

from __future__ import annotations

import json
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from consingan_notify import COMMAND, URL, Notify
from torch import Tensor

from consingan import cli, hookimpl
from consingan.errors import OptionError, RunError
from consingan.modes.generation import Generation
from consingan.testing import ListenerTests, tiny_picture, train_tiny

SAVE = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"
TINY = ["--max-size=24", "--min-size=12", "--train-stages=2", "--niter=2", "--filters=4"]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the command appends its notices to."""
    monkeypatch.delenv(URL, raising=False)
    monkeypatch.setenv(COMMAND, shlex.join([sys.executable, "-c", SAVE, str(tmp_path / "told")]))
    return tmp_path / "told"


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server's URL, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append({**json.loads(body), "type": self.headers["Content-Type"]})
            self.send_response(204 if self.path == "/good" else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", posted
        running.shutdown()
        thread.join()


class TestNotify(ListenerTests):
    listener = Notify

    @pytest.fixture(autouse=True)
    def _settings(self, told: Path) -> None: ...


def test_the_command_line_tells_a_command(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_picture().save("photo.png")
    assert cli.run(["generation", "train", "photo.png", *TINY, "--listen", "notify"]) == 0
    notice = json.loads(told.read_text())
    assert Path(notice.pop("run")).is_dir()
    assert notice.pop("seconds") >= 0
    expected = {"status": "complete", "picture": "photo", "mode": "generation"}
    assert notice == {**expected, "stages_done": 2, "stages": 2}


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), "stopped"), (RunError("disk full"), "failed")]
)
def test_a_run_that_does_not_end_well_is_news_too(
    error: BaseException, status: str, told: Path, tmp_path: Path
) -> None:
    class Stops(Generation):
        saved = False

        @hookimpl
        def stage_saved(self) -> None:
            self.saved = True

        @hookimpl
        def training_input(self, pyramid: list[Tensor]) -> Tensor:
            if self.saved:
                raise error
            return pyramid[0]

    with pytest.raises(type(error)):
        train_tiny(Stops, tmp_path / "runs", listeners=[Notify()])
    notice = json.loads(told.read_text())
    assert (notice["status"], notice["stages_done"], notice["stages"]) == (status, 1, 3)
    assert notice["error"].startswith(type(error).__name__)
    assert not notice["error"].endswith(": ")


def test_a_url_gets_json(
    server: tuple[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, posted = server
    monkeypatch.delenv(COMMAND, raising=False)
    monkeypatch.setenv(URL, f"{url}/good")
    train_tiny(Generation, tmp_path, listeners=[Notify()])
    assert [(notice["status"], notice["type"]) for notice in posted] == [
        ("complete", "application/json")
    ]


def test_a_failing_url_is_reported_and_stops_neither_the_command_nor_the_run(
    server: tuple[str, list[dict[str, Any]]],
    told: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(URL, f"{server[0]}/bad")
    with pytest.warns(RuntimeWarning, match=r"listener Notify failed in run_ended .* 500"):
        run = train_tiny(Generation, tmp_path / "runs", listeners=[Notify()])
    assert run.complete
    assert json.loads(told.read_text())["status"] == "complete"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, f"{COMMAND} or {URL}"),
        ({URL: "file:///etc/passwd"}, "has to start with http"),
        ({COMMAND: "echo 'open"}, "cannot be read: No closing quotation"),
    ],
)
def test_wrong_settings_are_said_before_anything_is_made(
    settings: dict[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable in (COMMAND, URL):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(OptionError, match=message):
        Notify()
    tiny_picture().save(tmp_path / "photo.png")
    train = ["generation", "train", str(tmp_path / "photo.png"), "--runs", str(tmp_path / "runs")]
    assert cli.run([*train, *TINY, "--listen", "notify"]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
