"""Which jobs have a run already: by the checksum of the picture's file and by the options."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from consingan.core.runs.find import run_folders
from consingan.core.runs.records import RunConfig, RunState, parse_record
from consingan.errors import RunError

AUTO = "auto"


def key_of(mode: str, file_sha256: str, options: Mapping[str, Any]) -> str:
    """What two trainings with the same outcome share, on the same kind of machine."""
    # Where a precision is left to the machine, any that a machine chose is the same.
    kept = {name: value for name, value in options.items() if name != "precision"}
    return json.dumps([mode, file_sha256, kept], sort_keys=True)


class KnownRuns:
    """The runs in a folder, by their keys. Each small record is read once."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._found: dict[str, list[tuple[bool, str, RunConfig]]] = {}
        for folder in folders:
            try:
                config = parse_record(RunConfig, folder, RunConfig.file)
                state = parse_record(RunState, folder, RunState.file)
            except RunError:
                continue  # damaged: it counts for nothing
            if config.file_sha256 is None or config.parent is not None:
                continue
            key = key_of(config.mode, config.file_sha256, config.options)
            complete = len(state.stages) == len(state.sizes)
            self._found.setdefault(key, []).append((complete, str(folder), config))

    def find(self, mode: str, file_sha256: str, options: Mapping[str, Any]) -> Path | None:
        """The run of such a training, a finished one before others, the oldest first."""
        wanted = options.get("precision", AUTO)
        fitting = [
            (not complete, config.created.timestamp(), path)
            for complete, path, config in self._found.get(key_of(mode, file_sha256, options), ())
            if wanted in (AUTO, config.options.get("precision"))
        ]
        return Path(min(fitting)[2]) if fitting else None


def known_runs(runs: Path) -> KnownRuns:
    """All runs below a folder."""
    return KnownRuns(run_folders(runs))
