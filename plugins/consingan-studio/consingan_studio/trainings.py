"""Trainings that wait, run and ended. Each is a folder, so that nothing of them is lost."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from consingan import RunError
from consingan_studio.library import STUDIO

State = Literal["waiting", "training", "complete", "stopped", "failed"]
REQUEST, WAITING, CLAIMED, PROGRESS, STOP, LOCK, LOG = (
    *("request.json", "waiting", "claimed", "progress.json", "stop", ".lock", "log.txt"),
)
"""The files in a training's folder."""
STARTING = 60
"""Seconds within which a process that was started takes the lock."""


class Request(BaseModel):
    """What is to be trained."""

    model_config = ConfigDict(frozen=True)
    picture: Path
    mode: str
    preset: str
    options: dict[str, Any] = {}


class Progress(BaseModel):
    """How far a training is. It is written about once a second."""

    model_config = ConfigDict(frozen=True)
    run: Path | None = None
    """The run folder, once there is one."""
    stage: int = 0
    stages: int = 0
    size: str = ""
    """The stage's size in pixels."""
    step: int = 0
    niter: int = 0
    share: float = 0.0
    """The share of all that is done, in [0, 1]."""
    seconds_left: float | None = None
    ended: Literal["complete", "stopped", "failed"] | None = None
    error: str = ""
    """What went wrong, in one line."""


class Training(BaseModel):
    """A training as it is now."""

    model_config = ConfigDict(frozen=True)
    name: str
    """The name of its folder."""
    request: Request
    state: State
    progress: Progress


class Trainings:
    """All trainings of a folder of runs; at most `limit` run at a time."""

    def __init__(self, runs: Path, limit: int = 1) -> None:
        self.runs = runs
        self.folder = runs / STUDIO / "trainings"
        self._limit = limit
        self._workers: list[subprocess.Popen[bytes]] = []

    def submit(self, request: Request) -> str:
        """Queue a training; returns its name. Its files are copied."""
        name = f"{datetime.now():%Y%m%d-%H%M%S-%f}-{secrets.token_hex(3)}"
        folder = self.folder / name
        folder.mkdir(parents=True)

        def kept(file: Path, place: str) -> Path:
            (folder / place).mkdir()
            return Path(shutil.copyfile(file, folder / place / file.name))

        options = {
            option: kept(value, option) if isinstance(value, Path) else value
            for option, value in request.options.items()
        }
        picture = kept(request.picture, "picture")
        own = request.model_copy(update={"picture": picture, "options": options})
        (folder / REQUEST).write_text(own.model_dump_json(), encoding="utf-8")
        self._queue(folder)
        return name

    def all(self) -> list[Training]:
        """All trainings, the newest first."""
        folders = sorted(self.folder.glob("*"), reverse=True)
        return [found for folder in folders if (found := _read(folder)) is not None]

    def get(self, name: str | None) -> Training:
        """One training. Raises RunError if there is none of that name."""
        for training in self.all():
            if training.name == name:
                return training
        raise RunError("there is no such training any more")

    def stop(self, name: str) -> None:
        """End a training, which keeps what it has learned; or take it out of the queue."""
        self.get(name)
        with suppress(FileNotFoundError):
            (self.folder / name / WAITING).unlink()
            write_progress(self.folder / name, Progress(ended="stopped"))
            return
        (self.folder / name / STOP).touch()

    def go_on(self, name: str) -> None:
        """Queue a training again that has ended early. It goes on where it stopped."""
        if self.get(name).state in ("stopped", "failed"):
            self._queue(self.folder / name)

    def forget(self, name: str) -> None:
        """Take a training off the list. Its run stays."""
        if self.get(name).state != "training":
            shutil.rmtree(self.folder / name)

    def _queue(self, folder: Path) -> None:
        (folder / STOP).unlink(missing_ok=True)
        progress = read_progress(folder)
        write_progress(folder, progress.model_copy(update={"ended": None, "error": ""}))
        (folder / WAITING).touch()
        self.start_workers()

    def start_workers(self) -> None:
        """Start processes that train what waits. They outlive this one, and end when all is done.

        Those that find enough others at work end at once.
        """
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        for slot in range(self._limit):
            self._workers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "consingan_studio.worker", str(self.runs), str(slot)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )

    def wait(self, seconds: float) -> None:
        """Wait for the processes that were started here. Raises TimeoutExpired if they go on."""
        for worker in self._workers:
            worker.wait(seconds)


def write_progress(folder: Path, progress: Progress) -> None:
    """Write a training's progress, whole or not at all."""
    temporary = folder / f"{PROGRESS}.tmp"
    temporary.write_text(progress.model_dump_json(), encoding="utf-8")
    temporary.replace(folder / PROGRESS)


def read_progress(folder: Path) -> Progress:
    """The progress that was written last."""
    try:
        return Progress.model_validate_json((folder / PROGRESS).read_bytes())
    except (OSError, ValidationError):
        return Progress()


def read_request(folder: Path) -> Request:
    """What a training is about. Raises OSError or ValidationError."""
    return Request.model_validate(json.loads((folder / REQUEST).read_bytes()))


def _read(folder: Path) -> Training | None:
    try:
        request = read_request(folder)
    except (OSError, ValueError):
        return None
    progress = read_progress(folder)
    state: State = progress.ended or "stopped"  # without an end, its process was killed
    if (folder / WAITING).exists():
        state = "waiting"
    elif progress.ended is None and (_locked(folder / LOCK) or _starts(folder / CLAIMED)):
        state = "training"
    return Training(name=folder.name, request=request, state=state, progress=progress)


def _starts(claimed: Path) -> bool:
    """Whether a process was started for it that is not there yet."""
    try:
        return time.time() - claimed.stat().st_mtime < STARTING
    except OSError:
        return False


def _locked(file: Path) -> bool:
    if not file.exists():
        return False
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except (Timeout, OSError):
        return True
    lock.release()
    return False
