"""A process that is killed: each file is whole or not there, and leftovers are cleared away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image

import consingan
from consingan import Run
from consingan.core.pictures.outputs import Outputs
from consingan.core.runs.find import find_run
from consingan.core.system import atomic_files
from consingan.core.system.atomic_files import remove_leftovers, write_atomically
from consingan.errors import RunNotFoundError
from tests.conftest import TINY, tiny_image

KILLED = """
import os, signal, sys
from pathlib import Path
from PIL import Image
from consingan.core.pictures.outputs import Outputs

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

names = sys.argv[1].split(".")
setattr({"os": os, "Path": Path, "Image": Image.Image}[names[0]], names[1], kill)
outputs = Outputs(Path(sys.argv[2]))
outputs.save_image("a", Image.new("RGB", (8, 8)))
outputs.save_clip("c", [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")], 10)
outputs.save_record({"a": 1})
"""
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run."""
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("runs"), **TINY)


@posix
@pytest.mark.parametrize("moment", ["Image.save", "os.fsync", "Path.chmod", "os.link"])
def test_a_killed_save_leaves_no_half_of_a_file(moment: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"mine")
    killed = subprocess.run([sys.executable, "-c", KILLED, moment, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = {file.name for file in tmp_path.iterdir()}
    assert len(left) == 2  # the temporary file was there
    remove_leftovers(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"a.png"}
    assert (tmp_path / "a.png").read_bytes() == b"mine"


def test_the_next_apply_clears_away_what_a_killed_one_left(trained: Run, tmp_path: Path) -> None:
    earlier, mine = trained.path / "applied" / "earlier", tmp_path / ".mine.tmp"
    earlier.mkdir(parents=True)
    left = [folder / ".sample-000.png.abcd1234.tmp" for folder in (earlier, tmp_path)]
    for file in (*left, mine):
        file.write_bytes(b"half")
    trained.apply(tmp_path, num_samples=1)
    assert not any(file.exists() for file in left)
    assert mine.exists()


def test_a_file_that_another_process_writes_is_no_leftover(tmp_path: Path) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"all")
        remove_leftovers(tmp_path)  # as another process' apply does

    write_atomically(tmp_path / "a.png", write)
    assert (tmp_path / "a.png").read_bytes() == b"all"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_leftover_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def late(handle: int, wait: bool) -> None:
        if not removed:
            removed.extend(tmp_path.glob(".*"))
            removed[0].unlink()

    monkeypatch.setattr(atomic_files, "_lock", late)
    Outputs(tmp_path).save_image("a", Image.new("RGB", (8, 8)))
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    outputs = Outputs(tmp_path)
    files = [outputs.save_image("a", Image.new("RGB", (8, 8))) for _ in range(2)]
    assert [file.name for file in files] == ["a.png", "a-2.png"]
    assert all(file.stat().st_size for file in files)


def test_a_run_killed_in_creation_hides_no_other(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, sync, moments = trained.path.parents[1], os.fsync, 0

    class Killed(BaseException):
        pass

    def dying(handle: int) -> None:
        nonlocal moments
        moments += 1
        if moments == last:
            raise Killed
        sync(handle)

    monkeypatch.setattr("consingan.core.runs.folder.shutil.rmtree", lambda *_, **__: None)
    monkeypatch.setattr(os, "fsync", dying)
    for last in range(1, 10):
        moments = 0
        with pytest.raises(Killed):
            consingan.train(tiny_image(), runs=runs, **TINY)
        assert find_run("latest", runs) == trained.path, last
    assert len(list(runs.glob("*/*"))) > 5


def test_a_folder_without_a_state_is_no_run(trained: Run, tmp_path: Path) -> None:
    """As a process left it that was killed in creating it."""
    folder = tmp_path / "picture" / "20260101-000000-generation"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes((trained.path / "config.json").read_bytes())
    for name in ("latest", "picture", str(folder)):
        with pytest.raises(RunNotFoundError, match="no run"):
            consingan.open_run(name, runs=tmp_path)
