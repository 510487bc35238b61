"""Sends a notification when a run ends: runs a command, or posts JSON to a URL."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from consingan import Listener, OptionError, hookimpl

if TYPE_CHECKING:
    from consingan import RunFolder

COMMAND, URL = "CONSINGAN_NOTIFY_COMMAND", "CONSINGAN_NOTIFY_URL"
"""The environment variables with the settings."""
TIMEOUT = 30
"""Seconds that the command or the server may take."""


class Notify(Listener):
    """Sends a notification when a run is complete, stopped or failed."""

    name = "notify"
    summary = "Runs a command or posts JSON to a URL when a run ends."
    hooks_version = 1

    def __init__(self) -> None:
        try:
            self._command = shlex.split(os.environ.get(COMMAND, ""))
        except ValueError as error:
            raise OptionError(f"{COMMAND} cannot be read: {error}") from None
        self._url = os.environ.get(URL, "")
        if not self._command and not self._url:
            raise OptionError(f"notify needs the environment variable {COMMAND} or {URL}")
        if self._url and not self._url.startswith(("http://", "https://")):
            raise OptionError(f"{URL} is {self._url!r}; it has to start with http:// or https://")

    @hookimpl
    def run_ended(self, run: RunFolder) -> None:
        """Send that the run is complete."""
        self._send(_notice(run))

    @hookimpl
    def run_failed(self, run: RunFolder, error: BaseException) -> None:
        """Send why the run stopped."""
        self._send({**_notice(run), "error": f"{type(error).__name__}: {error}".rstrip(": ")})

    def _send(self, notice: dict[str, Any]) -> None:
        text = json.dumps(notice)
        failed = []
        for send in (self._run_command, self._post):
            try:
                send(text)
            except (OSError, subprocess.SubprocessError) as error:
                failed.append(str(error))
        if failed:
            raise RuntimeError("; ".join(failed))

    def _run_command(self, text: str) -> None:
        if self._command:
            subprocess.run(self._command, input=text, text=True, check=True, timeout=TIMEOUT)

    def _post(self, text: str) -> None:
        if self._url:
            import urllib.request  # here, since it is slow to load

            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(self._url, text.encode(), headers)
            with urllib.request.urlopen(request, timeout=TIMEOUT):
                pass


def _notice(run: RunFolder) -> dict[str, Any]:
    return {
        "status": run.state.status,
        "picture": run.config.picture,
        "mode": run.mode,
        "run": str(run.path.resolve()),
        "stages_done": run.stages_done,
        "stages": len(run.sizes),
        "seconds": round(sum(stage.seconds for stage in run.state.stages), 1),
    }
