"""Listeners by strangers, the hooks' version, and the two environment variables."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import consingan
from consingan import Listener, Mode, Run, TrainOptions, cli, hookimpl
from consingan.contract import check_listener
from consingan.core.hooks import specs
from consingan.core.pictures.outputs import Outputs
from consingan.core.sampling.sampler import Sampler
from consingan.entry_points import DISABLE, STRICT
from consingan.errors import OptionError, PluginError, Terminated
from consingan.loading import find_plugins
from consingan.modes.generation import Generation
from tests.conftest import TINY, Install, tiny_image

OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
heard: list[str] = []


class Diary(Listener):
    """Remembers what it heard."""

    name = "diary"
    summary = "Remembers."

    @hookimpl
    def run_started(self, run: Run) -> None:
        heard.append(f"started {run.mode}")

    @hookimpl
    def run_ended(self, run: Run) -> None:
        heard.append("ended")


@pytest.fixture(autouse=True)
def _nothing_heard() -> None:
    heard.clear()


def _listener(**attributes: Any) -> type[Listener]:
    return type("Some", (Diary,), attributes)


def test_an_installed_listener_hears_only_when_asked(
    install: Install, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("consingan.modes", consingan=Generation)
    install("consingan.listeners", diaries=Diary)
    train = ["generation", "train", str(photo), *OPTIONS, "--runs", str(tmp_path / "runs")]
    assert cli.run(train) == 0
    assert heard == []
    assert cli.run([*train, "--listen", "diary"]) == 0
    assert heard == ["started generation", "ended"]
    assert cli.run([*train, "--listen", "dairy"]) == 2
    assert "--listen: no listener is called 'dairy'; there are: diary" in capsys.readouterr().err
    assert len(list((tmp_path / "runs" / "photo").iterdir())) == 2


def test_resume_takes_listeners_as_well(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("consingan.modes", consingan=Generation)
    install("consingan.listeners", diaries=Diary)

    class Stop:
        @hookimpl
        def stage_saved(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consingan.train(tiny_image(), runs=tmp_path, listeners=[Stop(), "diary"], **TINY)
    assert cli.run(["resume", "latest", "--runs", str(tmp_path), "--listen", "diary"]) == 0
    assert heard == ["started generation", "started generation", "ended"]


def test_listeners_given_as_objects_are_checked(tmp_path: Path) -> None:
    class Misspelt:
        @hookimpl
        def run_begun(self) -> None: ...

    with pytest.raises(PluginError, match="there is no hook `run_begun`"):
        consingan.train(tiny_image(), runs=tmp_path, listeners=[Misspelt()], **TINY)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"name": "Some Name"}, "'Some Name' is no listener name"),
        ({"summary": None}, "Some has no `summary`"),
        ({"run_failed": lambda self, run, error: None}, "`run_failed` lacks its @hookimpl"),
        (
            {"run_fails": hookimpl(lambda self: None)},
            "no hook `run_fails`; did you mean `run_failed`",
        ),
        ({"stage_saved": hookimpl(lambda self, evnt: None)}, "evnt"),
        ({"apply": Generation.apply}, "`apply` is for modes"),
        ({"run_started": None, "run_ended": None}, "it has no hook"),
        ({"__init__": lambda self, url: None}, "made without arguments, but `url` is needed"),
        ({"hooks_version": "1"}, "`hooks_version` is '1'"),
        ({"hooks_version": 0}, "`hooks_version` is 0"),
    ],
)
def test_what_is_wrong_with_a_listener_is_said(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_listener(_listener(**attributes))


def test_only_a_subclass_of_listener_is_one() -> None:
    assert check_listener(Diary) is Diary
    assert check_listener(_listener(preview=lambda self: None))  # a method of its own
    for candidate in (5, Generation, Diary()):
        with pytest.raises(PluginError, match=r"is not a subclass of consingan\.Listener"):
            check_listener(candidate)


def test_a_listener_that_cannot_start_stops_before_anything_is_made(
    install: Install, tmp_path: Path
) -> None:
    def needs_setting(self: object) -> None:
        raise OptionError("set DIARY_FILE")

    def crashes(self: object) -> None:
        raise KeyError("diary")

    install("consingan.modes", consingan=Generation)
    for start, message in ((needs_setting, "set DIARY_FILE"), (crashes, "KeyError: 'diary'")):
        install("consingan.listeners", diaries=_listener(__init__=start))
        with pytest.raises(consingan.ConsinganError, match=message):
            consingan.train(tiny_image(), runs=tmp_path, listeners=["diary"], **TINY)
    assert not list(tmp_path.iterdir())


class Older(Mode[TrainOptions, consingan.Options]):
    """A mode for the first version of the hooks."""

    name = "older"
    summary = "Older."

    @hookimpl
    def apply(self, sampler: Sampler, options: consingan.Options, outputs: Outputs) -> None: ...


def test_a_plugin_for_older_hooks_is_loaded_with_a_warning_that_names_the_changes(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {2: "`apply` writes nothing", 3: "`preview` is shy"}
    monkeypatch.setattr(specs, "HOOKS_VERSION", 3)
    monkeypatch.setattr(specs, "CHANGES", MappingProxyType(changes))
    install("consingan.modes", old=Older, consingan=Generation)
    install("consingan.listeners", diaries=_listener(hooks_version=2), new=_listener(name="new"))
    assert cli.run(["plugins", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [mode["mode"] for mode in report["modes"]] == ["generation", "older"]
    assert [listener["listener"] for listener in report["listeners"]] == ["diary", "new"]
    assert report["broken"] == []
    reasons = {problem["package"]: problem["reason"] for problem in report["outdated"]}
    both = "`apply` writes nothing; `preview` is shy"
    assert reasons == {
        "old": f"written for version 1 of the hooks; changed since then: {both}",
        "diaries": "written for version 2 of the hooks; changed since then: `preview` is shy",
        "new": f"written for version 1 of the hooks; changed since then: {both}",
    }
    assert "warning: plugin 'old' (package old 1): written for version 1" in err


def test_a_plugin_for_newer_hooks_is_refused(install: Install) -> None:
    install("consingan.modes", future=type("Future", (Older,), {"hooks_version": 99}))
    plugins = find_plugins()
    assert plugins.modes == {}
    assert "pip install --upgrade consingan" in plugins.problems[0].reason


def test_every_version_of_the_hooks_says_what_changed() -> None:
    assert list(specs.CHANGES) == list(range(2, specs.HOOKS_VERSION + 1))


def test_plugins_can_be_disabled(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("consingan.modes", consingan=Generation, old=Older, broken=5)
    install("consingan.listeners", diaries=Diary)
    monkeypatch.setenv(DISABLE, "1")
    plugins = find_plugins()
    assert [*plugins.modes, *plugins.listeners, *plugins.problems] == ["generation"]
    assert cli.run(["plugins"]) == 0
    assert f"{DISABLE} is set" in capsys.readouterr().err
    monkeypatch.setenv(DISABLE, "0")
    assert "older" in find_plugins().modes


def test_strict_makes_any_problem_an_error(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(STRICT, "1")
    install("consingan.modes", consingan=Generation, old=Older)
    assert "older" in find_plugins().modes
    install("consingan.modes", consingan=Generation, broken=5)
    assert cli.run(["modes"]) == 1
    assert "plugin 'broken' (package broken 1) is not loaded" in capsys.readouterr().err
    install("consingan.modes", old=Older)
    monkeypatch.setattr(specs, "HOOKS_VERSION", 2)
    monkeypatch.setattr(specs, "CHANGES", MappingProxyType({2: "`apply` is shy"}))
    with pytest.raises(PluginError, match="is shy"):
        find_plugins()


def test_plugins_lists_modes_and_listeners_with_their_packages(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("consingan.modes", consingan=Generation, broken=5)
    install("consingan.listeners", diaries=Diary)
    assert cli.run(["plugins"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["mode", "generation", "consingan", "1", "works"] in rows
    assert ["listener", "diary", "diaries", "1", "works"] in rows
    assert any(row[:4] == ["mode", "broken", "broken", "1"] and "5" in row for row in rows)


class Exits(Listener):
    """Ends the program in one of its hooks."""

    name = "exits"
    summary = "Exits."
    error: BaseException = SystemExit(0)

    @hookimpl
    def step_logged(self) -> None:
        raise self.error


class Unprintable(Exception):
    """Its message is an error itself."""

    def __str__(self) -> str:
        raise SystemExit


ERRORS = [SystemExit(), SystemExit(0), GeneratorExit(), BaseException("a\nb"), Unprintable()]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("filters", ["default", "error"])
def test_no_exception_of_a_listener_stops_training(
    tmp_path: Path, error: BaseException, filters: str
) -> None:
    listener = type("Exits", (Exits,), {"error": error})()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter(filters)  # type: ignore[arg-type]
        run = consingan.train(tiny_image(), runs=tmp_path, listeners=[listener], **TINY)
    assert run.complete
    name = type(error).__name__
    (warning,) = seen
    said = f"listener Exits failed in step_logged and is not called again: {name}"
    assert str(warning.message).startswith(said)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Terminated(15)])
def test_whoever_stops_training_is_heard_from_the_first_hook_on(
    tmp_path: Path, error: BaseException
) -> None:
    class Stops:
        @hookimpl
        def run_started(self) -> None:
            raise error

    with pytest.raises(type(error)):
        consingan.train(tiny_image(), runs=tmp_path, listeners=[Stops()], **TINY)
    state = json.loads(next(tmp_path.glob("*/*/state.json")).read_text())
    assert state["status"] == "stopped"


def test_stopping_twice_still_records_that_training_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stops:
        @hookimpl
        def stage_saved(self) -> None:
            raise KeyboardInterrupt

    record, pressed = Run.set_status, []

    def interrupted(run: Run, status: Any) -> None:
        if status == "stopped" and not pressed:
            pressed.append(status)
            raise KeyboardInterrupt
        record(run, status)

    monkeypatch.setattr(Run, "set_status", interrupted)
    with pytest.raises(KeyboardInterrupt):
        consingan.train(tiny_image(), runs=tmp_path, listeners=[Stops()], **TINY)
    assert pressed
    state = json.loads(next(tmp_path.glob("*/*/state.json")).read_text())
    assert state["status"] == "stopped"


def test_a_listener_that_exits_when_it_starts_is_an_error(
    install: Install, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("consingan.modes", consingan=Generation)
    install("consingan.listeners", exits=_listener(__init__=lambda self: sys.exit(0)))
    train = ["generation", "train", str(photo), "--runs", str(tmp_path), "--listen", "diary"]
    assert cli.run(train) == 1
    assert "listener 'diary' cannot be started: SystemExit: 0" in capsys.readouterr().err


MODULE = """
from consingan import Listener, hookimpl

class Exits(Listener):
    name = "exits"
    summary = "Exits."

    @hookimpl
    def run_started(self):
        raise SystemExit
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-", "2> >(true)"])
@pytest.mark.parametrize("flags", ["", "-W error::RuntimeWarning -W error::UserWarning"])
def test_a_stderr_that_takes_nothing_stops_no_training(
    photo: Path, tmp_path: Path, stderr: str, flags: str
) -> None:
    packages = tmp_path / "packages"
    info = packages / "exits-1.dist-info"
    info.mkdir(parents=True)
    (packages / "exits.py").write_text(MODULE)
    (packages / "broken.py").write_text("raise BaseException")
    (info / "METADATA").write_text("Name: exits\nVersion: 1\n")
    points = "[consingan.listeners]\nexits = exits:Exits\nbroken = broken:Broken\n"
    (info / "entry_points.txt").write_text(points)
    options = [*OPTIONS, "--runs", str(tmp_path / "runs"), "--listen", "exits"]
    train = shlex.join(["generation", "train", str(photo), *options])
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} {flags} -m consingan {train} {stderr}"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), *sys.path])},
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Trained in ")
    assert "consingan: " not in done.stdout
    state = json.loads(next(tmp_path.glob("runs/*/*/state.json")).read_text())
    assert state["status"] == "complete"
