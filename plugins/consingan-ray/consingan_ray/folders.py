"""Sending pictures and run folders between machines that share no folder."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

INCOMING = ".incoming"
"""The folder, in the folder of runs, of runs that are being received."""


def pack(folder: Path) -> bytes:
    """All files of a folder, as a ZIP archive. Weights and pictures compress no further."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink() and file.name != ".lock":
                archive.write(file, file.relative_to(folder))
    return content.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Write the files of an archive. No name in it leads out of the folder."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)  # which drops drives, leading slashes and `..`


def receive(job: Mapping[str, Any], outcome: dict[str, Any], content: bytes | None) -> None:
    """Put a run that a node sent back into this machine's folder of runs.

    The paths in `outcome`, which are the node's, become this machine's. It replaces the unfinished
    run that was sent there. A run appears whole or not at all.
    """
    if content is None or outcome["run"] is None:
        return
    there, runs = Path(outcome["run"]), Path(job["runs"])
    arriving = runs / INCOMING / str(job["number"]) / there.name
    shutil.rmtree(arriving.parent, ignore_errors=True)  # left there by a batch that was killed
    unpack(content, arriving)
    place = _free(runs / there.parent.name, there.name)
    arriving.rename(place)
    shutil.rmtree(arriving.parent)
    with suppress(OSError):  # another one is arriving
        arriving.parent.parent.rmdir()
    outcome["run"] = str(place)
    if outcome["applied"] is not None:
        outcome["applied"] = str(place / Path(outcome["applied"]).relative_to(there))
    if job["run"] is not None:
        from consingan import ConsinganError, remove

        with suppress(ConsinganError):
            remove(job["run"])


def outcome_of(answer: str) -> dict[str, Any]:
    """The fields of an outcome, from JSON."""
    fields: dict[str, Any] = json.loads(answer)
    return fields


def _free(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    number, place = 1, folder / name
    while place.exists():
        number += 1
        place = folder / f"{name}-{number}"
    return place
