"""What runs on a node of the cluster. What goes in and comes out is text and bytes."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from consingan_ray.folders import pack, unpack

Answer = tuple[str | None, bytes | None]
"""An outcome as JSON, and the run folder if it was trained apart; None: send the picture too."""


def do_on_node(job: str, mark: str, picture: bytes | None, begun: bytes | None) -> Answer:
    """Do a job, given as JSON.

    Args:
        job: the fields of a `consingan.Job`.
        mark: a file in the job's folder of runs, by which a node knows that it sees this folder.
        picture: the picture's file, for nodes that don't; None to ask for it only if it is needed.
        begun: the unfinished run, packed, if there is one and `picture` is given.
    """
    fields = json.loads(job)
    if Path(mark).is_file() and Path(fields["picture"]).is_file():
        return json.dumps(_do(fields)), None
    if picture is None:
        return None, None
    return _do_apart(fields, Path(mark).name, picture, begun)


def _do_apart(
    fields: dict[str, Any], batch: str, picture: bytes, begun: bytes | None
) -> tuple[str, bytes | None]:
    """Do a job in a folder of this node. It stays there if the process dies, for the next one."""
    folder = Path(tempfile.gettempdir()) / f"consingan{batch}" / str(fields["number"])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    here, runs = folder / Path(fields["picture"]).name, folder / "runs"
    here.write_bytes(picture)
    run = None
    if begun is not None:
        there = Path(fields["run"])
        run = runs / there.parent.name / there.name
        if not run.exists():
            shutil.rmtree(folder / "arriving", ignore_errors=True)
            unpack(begun, folder / "arriving")
            run.parent.mkdir(parents=True)
            (folder / "arriving").rename(run)
    changes = {"picture": str(here), "runs": str(runs), "run": run and str(run)}
    outcome = _do({**fields, **changes})
    run_folder = outcome["run"]
    content = None if run_folder is None else pack(Path(run_folder))
    shutil.rmtree(folder, ignore_errors=True)
    return json.dumps(outcome), content


def _do(fields: dict[str, Any]) -> dict[str, Any]:
    os.environ.pop("CONSINGAN_RUNS", None)
    from consingan import do_job

    return do_job(fields)
