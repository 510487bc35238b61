"""What goes wrong around a training, made to go wrong: nothing that was committed is lost."""

from __future__ import annotations

import errno
import importlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from filelock import FileLock

import consingan
from consingan import Run, cli, hookimpl
from consingan.core.hooks.events import StageStarted
from consingan.core.runs.locks import LOCK, being_trained, training_lock
from consingan.core.runs.tensor_files import stage_file
from consingan.core.system.atomic_files import TEMPORARY
from consingan.core.training import start
from consingan.core.training.session import train_run
from consingan.errors import ConsinganError, Note, PluginError, RunError, Terminated
from tests.conftest import TINY, tiny_image

STAGES = [stage_file(stage) for stage in range(3)]
OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


class Stop:
    """Ends the training before a stage, as a signal does."""

    def __init__(self, stage: int, error: BaseException | None = None) -> None:
        self.stage, self.error = stage, error or KeyboardInterrupt()

    @hookimpl
    def stage_started(self, event: StageStarted) -> None:
        if event.stage == self.stage:
            raise self.error


def train(out: Path, *listeners: object) -> Run:
    return consingan.train(tiny_image(), runs=out, listeners=listeners, **TINY)


def stopped(out: Path, stage: int = 1) -> Run:
    """A run that was interrupted before a stage."""
    with pytest.raises(KeyboardInterrupt):
        train(out, Stop(stage))
    return consingan.open_run("latest", runs=out)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != LOCK
    }


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)


def one_line(error: BaseException) -> str:
    message = str(error)
    assert "\n" not in message
    assert len(message) < 600
    return message


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One finished run, which no test changes."""
    return train(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def copy(tmp_path: Path, trained: Run) -> Path:
    """A finished run's folder, to damage."""
    return shutil.copytree(trained.path, tmp_path / "runs" / "picture" / trained.path.name)


# No space left.


class FullDisk:
    """From write number `limit` on only half is written, and there is no space left."""

    def __init__(self, limit: int) -> None:
        self.limit, self.writes = limit, 0

    def open(self, path: Path, *arguments: Any, **named: Any) -> Any:
        file = path_open(path, *arguments, **named)
        if path.suffix != TEMPORARY:
            return file
        self.writes += 1
        return _FullFile(file) if self.writes > self.limit else file


class _FullFile:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __enter__(self) -> _FullFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> None:
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


path_open = Path.open


def train_until_full(
    out: Path, limit: int, patch: pytest.MonkeyPatch
) -> tuple[int, RunError | None]:
    """Train on a disk that takes `limit` files; how many were written, and what was raised."""
    disk = FullDisk(limit)
    error = None
    with patch.context() as patched:
        patched.setattr(Path, "open", lambda path, *a, **named: disk.open(path, *a, **named))
        patched.setattr("consingan.opening.Previews", type("None", (), {}))
        try:
            train(out)
        except RunError as caught:
            error = caught
    return disk.writes, error


def test_a_disk_may_be_full_at_any_write(
    tmp_path: Path, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    total, error = train_until_full(tmp_path / "all", 10**6, monkeypatch)
    assert error is None
    assert total >= 15
    for limit in range(total):
        out = tmp_path / str(limit)
        _, error = train_until_full(out, limit, monkeypatch)
        assert error is not None
        assert "No space left on device" in one_line(error)
        folders = list(out.glob("*/*"))
        if not folders:  # it could not even be created
            assert "cannot create a run" in str(error)
            continue
        assert not list(out.rglob("*.tmp"))
        run = consingan.open_run(folders[0])
        for stage in range(run.stages_done):
            assert (run.path / STAGES[stage]).read_bytes() == (
                trained.path / STAGES[stage]
            ).read_bytes()
        if not run.complete:
            run = consingan.resume(folders[0])
        assert run.state.model_copy(update={"stages": []}) == trained.state.model_copy(
            update={"stages": [], "status": run.state.status}
        )
        assert [stage.sha256 for stage in run.state.stages] == [
            stage.sha256 for stage in trained.state.stages
        ]


def test_a_disk_that_is_full_for_a_preview_or_the_log_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("consingan.listeners.previews.save_image", full)
    with pytest.warns(RuntimeWarning, match="Previews failed in stage_saved.*No space left"):
        assert train(tmp_path).complete


def test_a_limit_on_files_in_a_real_process(tmp_path: Path, photo: Path, trained: Run) -> None:
    resource = pytest.importorskip("resource")
    largest = max((trained.path / name).stat().st_size for name in STAGES)
    command = [sys.executable, "-m", "consingan", "generation", "train", str(photo), *OPTIONS]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, largest - 1))

    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, preexec_fn=limit, check=False
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "cannot save stage" in last
    assert "File too large" in last
    assert "Traceback" not in done.stderr
    run = consingan.open_run("photo", runs=tmp_path / "runs")
    assert run.state.status == "failed"
    assert not run.complete
    assert consingan.resume(run.path).complete


# No permission.


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of a user whom permissions bind, which they don't root; and the process is his."""
    importlib.import_module("torch._dynamo")  # later, Python's own files may not be readable
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(folder)


unix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are otherwise there")


@unix
def test_a_folder_that_cannot_be_written(nobody: Path) -> None:
    run = stopped(nobody / "runs")
    before = content(run.path)
    for folder in (run.path, run.path / "stages"):
        folder.chmod(0o555)
    with pytest.raises(RunError, match=r"cannot write to .*Permission denied"):
        consingan.resume(run.path)
    with pytest.raises(RunError, match=r"cannot write to .*Permission denied"):
        run.apply(num_samples=1)
    assert content(run.path) == before
    assert run.apply(nobody / "elsewhere", num_samples=1)
    (nobody / "runs").chmod(0o555)
    with pytest.raises(RunError, match=r"cannot create a run in .*Permission denied"):
        consingan.train(tiny_image(), runs=nobody / "runs" / "new", **TINY)
    for folder in (run.path, run.path / "stages"):
        folder.chmod(0o755)
    assert consingan.resume(run.path).complete


@unix
def test_stages_that_cannot_be_written(nobody: Path) -> None:
    run = stopped(nobody / "runs")
    (run.path / "stages").chmod(0o555)
    with pytest.raises(RunError, match=r"cannot save stage 2 .*; the stages before it are safe"):
        consingan.resume(run.path)
    (run.path / "stages").chmod(0o755)
    assert consingan.open_run(run.path).state.status == "failed"
    assert consingan.resume(run.path).complete


@unix
@pytest.mark.parametrize("name", ["config.json", "state.json", "picture.png", STAGES[0], "."])
def test_files_that_cannot_be_read_are_not_taken_for_damaged(nobody: Path, name: str) -> None:
    run = stopped(nobody / "runs")
    before = content(run.path)
    (run.path / name).chmod(0)
    for action in (
        lambda: consingan.resume(run.path),
        lambda: consingan.open_run(run.path).apply(),
    ):
        with pytest.raises(ConsinganError) as caught:
            action()
        one_line(caught.value)
    (run.path / name).chmod(0o755)
    assert content(run.path) == before | {"state.json": (run.path / "state.json").read_bytes()} | {
        "state.backup.json": (run.path / "state.backup.json").read_bytes()
    }
    assert consingan.resume(run.path).complete


# Damaged files.


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_truncated_state_costs_nothing(tmp_path: Path, trained: Run, size: int) -> None:
    run = stopped(tmp_path, 2)
    os.truncate(run.path / "state.json", size)
    with pytest.warns(Note, match=r"state\.json' is damaged or missing; its backup is used"):
        again = consingan.open_run(run.path)
    assert again.state.stages == run.state.stages
    with pytest.warns(Note):
        assert consingan.resume(run.path).complete
    consingan.open_run(run.path)  # it is whole again
    assert content(run.path)[STAGES[2]] == content(trained.path)[STAGES[2]]


def test_what_dead_processes_left_half_written_is_removed(tmp_path: Path) -> None:
    run = stopped(tmp_path)
    left = [run.path / ".state.json.abc.tmp", run.path / "stages" / ".01.safetensors.abc.tmp"]
    for file in left:
        file.write_bytes(b"{")
    (run.path / STAGES[1]).write_bytes(b"half")  # not committed, so it doesn't count
    assert consingan.resume(run.path).complete
    assert not any(file.exists() for file in left)


@pytest.mark.parametrize("stage", [0, 1, 2])
@pytest.mark.parametrize("damage", [flip_a_bit, Path.unlink, lambda file: os.truncate(file, 50)])
def test_a_damaged_stage_is_named_and_trained_again(
    copy: Path, trained: Run, stage: int, damage: Callable[[Path], object]
) -> None:
    good = content(copy)
    damage(copy / STAGES[stage])
    bad = content(copy)
    with pytest.raises(RunError) as caught:
        consingan.open_run(copy).apply(num_samples=1)
    message = one_line(caught.value)
    assert f"{STAGES[stage]}' is " in message
    assert f"train from stage {stage + 1} on again with: consingan resume {copy}" in message
    assert (f"{stage} of 3 stages are good" in message) == (stage > 0)
    assert content(copy) == bad

    with pytest.warns(Note, match=f"stage {stage + 1} and those above are trained again"):
        run = consingan.resume(copy)
    assert run.complete
    after = content(copy)
    for name in STAGES:
        assert after[name] == good[name]
    for name in STAGES[stage:]:  # whatever was there is kept
        if name in bad:
            assert after[name.replace("stages/", "stages/replaced/")] == bad[name]
    assert run.apply(num_samples=1)


def test_a_damaged_stage_of_an_unfinished_run(tmp_path: Path, trained: Run) -> None:
    run = stopped(tmp_path, 2)
    flip_a_bit(run.path / STAGES[0])
    with pytest.warns(Note, match="stage 1 and those above"):
        assert consingan.resume(run.path).complete
    assert content(run.path)[STAGES[2]] == content(trained.path)[STAGES[2]]


def test_no_space_to_move_damaged_stages(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flip_a_bit(copy / STAGES[1])
    before = content(copy)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("consingan.core.runs.damage.new_folder", full)
    with pytest.raises(RunError, match=r"cannot write to .*No space left"):
        consingan.resume(copy)
    assert content(copy) == before


def test_a_damaged_picture_is_named(copy: Path) -> None:
    tiny_image(16, 24, seed=5).save(copy / "picture.png")
    with pytest.raises(RunError, match=r"picture\.png.*checksum differs; restore it from a copy"):
        consingan.open_run(copy).apply()


# Other processes and signals.


def hold(folder: str, ready: Any) -> None:
    with training_lock(Path(folder)):
        ready.set()
        time.sleep(60)


def test_two_processes_on_one_run(tmp_path: Path) -> None:
    run = stopped(tmp_path)
    before = content(run.path)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(str(run.path), ready))
    process.start()
    try:
        assert ready.wait(60)
        with pytest.raises(RunError, match=f"is being trained by process {process.pid} on "):
            consingan.resume(run.path)
        assert content(run.path) == before
        assert run.apply(tmp_path / "new", num_samples=1)  # which only reads
    finally:
        process.kill()
        process.join()
    assert str(process.pid) in (run.path / LOCK).read_text()  # a stale lock, of a dead process
    assert consingan.resume(run.path).complete


def test_what_another_process_trained_meanwhile_stays(tmp_path: Path) -> None:
    run = stopped(tmp_path)
    consingan.resume(run.path)
    before = content(run.path)
    train_run(run)  # opened when there was one stage
    assert run.complete
    assert {name: content(run.path)[name] for name in STAGES} == {n: before[n] for n in STAGES}


def test_nothing_is_written_through_hard_links(tmp_path: Path) -> None:
    run = stopped(tmp_path / "runs")
    outside = {name: tmp_path / name for name in (LOCK, "metrics.jsonl")}
    for name, file in outside.items():
        file.write_text("outside")
        (run.path / name).unlink()
        (run.path / name).hardlink_to(file)
    assert cli.run(["show", str(run.path)]) == 0
    assert consingan.resume(run.path).complete
    assert {file.read_text() for file in outside.values()} == {"outside"}
    assert (run.path / "metrics.jsonl").read_text().startswith("outside{")


def test_a_look_at_a_run_does_not_keep_training_from_its_lock(tmp_path: Path) -> None:
    looking = FileLock(tmp_path / LOCK, thread_local=False)
    looking.acquire()
    timer = threading.Timer(0.3, looking.release, kwargs={"force": True})
    timer.start()
    with training_lock(tmp_path):
        assert being_trained(tmp_path)
    timer.join()
    assert not being_trained(tmp_path)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_signals_end_cleanly(tmp_path: Path, photo: Path, name: str, code: int) -> None:
    options = [*OPTIONS, "--train-stages=60", "--niter=200"]
    process = subprocess.Popen(
        [sys.executable, "-m", "consingan", "generation", "train", str(photo), *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        # Below `nohup`, as this suite may run, it is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(getattr(signal, name), signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/*/*/stages/01.safetensors")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert "stages are saved. Next: consingan resume runs/photo/" in err.splitlines()[-1]
    run = consingan.open_run("photo", runs=tmp_path / "runs")
    assert run.state.status == "stopped"
    assert run.stages_done >= 1


def test_a_signal_while_a_run_is_created_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise Terminated(signal.SIGTERM)

    monkeypatch.setattr("consingan.core.runs.folder.write_record", end)
    with pytest.raises(Terminated):
        train(tmp_path / "runs")
    assert not list(tmp_path.glob("runs/*/*"))


# Time and place.


class PutBack(datetime):
    """A clock that is two days behind."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) - timedelta(days=2)


def test_the_latest_run_is_the_last_made_though_the_clock_was_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tmp_path)
    monkeypatch.setattr(start, "datetime", PutBack)
    second, third = train(tmp_path), train(tmp_path)
    assert len({run.path for run in (second, third)}) == 2
    assert consingan.open_run("latest", runs=tmp_path).path == third.path
    assert consingan.open_run("picture", runs=tmp_path).path == third.path
    assert third.config.created < datetime.now(timezone.utc) + timedelta(seconds=10)


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999+00:00"])
def test_a_run_of_an_impossible_time_is_the_oldest(copy: Path, created: str) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "created": created}))
    last = train(copy.parents[1])
    assert consingan.open_run("latest", runs=copy.parents[1]).path == last.path


def test_a_moved_and_renamed_run_is_as_it_was(tmp_path: Path, trained: Run) -> None:
    run = stopped(tmp_path / "runs")
    moved = run.path.rename(tmp_path / "my favourite")
    shutil.rmtree(tmp_path / "runs")
    resumed = consingan.resume(moved)
    assert content(resumed.path)[STAGES[2]] == content(trained.path)[STAGES[2]]
    assert resumed.apply(num_samples=1)[0].is_relative_to(moved)
    with pytest.raises(RunError, match="no run 'latest' was found"):
        consingan.open_run("latest", runs=tmp_path / "runs")


def test_a_run_moved_while_it_trains(tmp_path: Path) -> None:
    class Move:
        @hookimpl
        def stage_started(self, event: StageStarted) -> None:
            if event.stage == 1:
                (tmp_path / "runs").rename(tmp_path / "moved")

    log = pytest.warns(RuntimeWarning, match="MetricsLog failed")
    with pytest.raises(RunError, match=r"cannot save stage 2 .*No such file") as caught, log:
        train(tmp_path / "runs", Move())
    one_line(caught.value)
    run = consingan.open_run("latest", runs=tmp_path / "moved")
    assert run.stages_done == 1
    assert consingan.resume(run.path).complete


def test_the_next_command_can_be_pasted(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moved = copy.rename(copy.parent / "my; run")
    assert cli.run(["show", str(moved)]) == 0
    assert f"Next: consingan generation apply '{moved}'\n" in capsys.readouterr().out


# Other versions, other plugins.


@pytest.mark.parametrize("file", ["config.json", "state.json"])
@pytest.mark.parametrize("more", [{}, {"sizes": "by a new scheme", "mode": {"name": "x"}}])
def test_a_newer_schema_is_refused_and_left_alone(
    copy: Path, file: str, more: dict[str, object]
) -> None:
    record = json.loads((copy / file).read_text())
    (copy / file).write_text(json.dumps({**record, **more, "schema_version": 2}))
    before = content(copy)
    for action in (consingan.open_run, consingan.resume):
        with pytest.raises(RunError, match="is of a newer consingan; upgrade to open it"):
            action(copy)
    assert content(copy) == before


def test_a_missing_plugin_says_what_to_install(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    plugin = {"package": "consingan-oil", "version": "1.2"}
    (copy / "config.json").write_text(json.dumps({**config, "mode": "oil", "plugin": plugin}))
    with pytest.raises(PluginError, match=r"install it with: pip install consingan-oil$"):
        consingan.open_run(copy)


def test_options_that_a_newer_plugin_knows(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["options"]["sparkle"] = 3
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match=r"config\.json' has unusable options: .*'sparkle'"):
        consingan.open_run(copy)
