"""Modes by strangers: real packages, installed by pip, seen by a real command line."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
import typer
from pydantic import FilePath, field_validator

import consingan
from consingan import Mode, Options, TrainOptions, changed, cli, hookimpl, option
from consingan.commands.modes import mode_group
from consingan.console import escaped
from consingan.contract import check_hooks, check_mode
from consingan.core.hooks.dispatch import Hooks
from consingan.core.options.fields import parse_options
from consingan.core.options.size import Size
from consingan.core.pictures.outputs import Outputs
from consingan.core.runs.records import Plugin, RunConfig
from consingan.core.sampling.sampler import Sampler
from consingan.entry_points import installed_entries
from consingan.errors import ModeError, OptionError, PluginError, Terminated
from consingan.loading import find_plugins
from consingan.modes.generation import Generation
from consingan.option_types import RESERVED_NAMES
from tests.conftest import TINY, Install

MIRROR = """
from typing import Literal

from consingan import Mode, Options, TrainOptions, hookimpl, option


class MirrorApply(Options):
    axis: Literal["x", "y"] = option("x", "Which way to mirror.", "Mirror")
    copies: int = option(1, "How many.", "Mirror", ge=1)


class Mirror(Mode[TrainOptions, MirrorApply]):
    name = "mirror"
    summary = "The picture, mirrored."
    ApplyOptions = MirrorApply

    @hookimpl
    def apply(self, sampler, options, outputs):
        for copy in range(options.copies):
            picture = sampler.reconstruction().flip(-1 if options.axis == "x" else -2)
            outputs.save(f"mirror-{copy}", picture)
"""

CLASS = """
from consingan import Mode, Options, TrainOptions, hookimpl, option

class Broken(Mode[TrainOptions, Options]):
    name = {name!r}
    summary = "Broken."
    {body}
    @hookimpl
    def apply(self, sampler, options, outputs): ...
"""

BROKEN = {
    "import-error": ("import no_such_module", "No module named 'no_such_module'"),
    "crashes": ("1 / 0", "ZeroDivisionError"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "no-mode": ("Broken = 5", "not a subclass of consingan.Mode"),
    "misspelt": (
        CLASS.format(name="misspelt", body="@hookimpl\n    def stage_sises(self): ..."),
        "there is no hook `stage_sises`; did you mean `stage_sizes`?",
    ),
    "clashing": (CLASS.format(name="generation", body=""), "both name a mode 'generation'"),
    "unshowable": (
        CLASS.format(
            name="unshowable",
            body="class TrainOptions(TrainOptions):\n        table: dict[str, int] = {}",
        ),
        "option 'table' of TrainOptions has type dict",
    ),
}


def _package(folder: Path, name: str, module: str, attribute: str = "Broken") -> Path:
    source = folder / name
    source.mkdir(parents=True)
    code = name.replace("-", "_")
    (source / f"{code}.py").write_text(module)
    (source / "pyproject.toml").write_text(
        f"""
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "{name}"
version = "1.2"
[project.entry-points."consingan.modes"]
{name} = "{code}:{attribute}"
[tool.setuptools]
py-modules = ["{code}"]
"""
    )
    return source


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good and seven broken packages, installed by pip."""
    folder = tmp_path_factory.mktemp("strangers")
    sources = [_package(folder, "mirror", MIRROR, "Mirror")]
    sources += [_package(folder, name, module) for name, (module, _) in BROKEN.items()]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    target = folder / "installed"
    subprocess.run([*pip, "--target", target, *sources], check=True, capture_output=True)
    return target


def _consingan(strangers: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "consingan", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(strangers), "COLUMNS": "200"},
        check=False,
    )


def test_a_strangers_mode_is_a_subcommand_with_typed_options(strangers: Path) -> None:
    shown = _consingan(strangers, "mirror", "apply", "--help")
    assert shown.returncode == 0
    assert "--axis" in shown.stdout
    assert "x|y" in shown.stdout
    assert "Which way to mirror. Default: x." in shown.stdout
    wrong = _consingan(strangers, "mirror", "apply", "latest", "--axis", "z")
    assert wrong.returncode == 2
    assert "--axis" in wrong.stderr


def test_a_strangers_mode_trains_and_applies(strangers: Path, photo: Path, tmp_path: Path) -> None:
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    runs = tmp_path / "runs"
    trained = _consingan(strangers, "mirror", "train", photo, *options, "--runs", runs)
    assert trained.returncode == 0, trained.stderr
    made = _consingan(
        strangers, "mirror", "apply", "latest", "--runs", runs, "--copies", 2, "--out", tmp_path
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "mirror-1.png").is_file()
    config = json.loads(next(runs.glob("*/*/config.json")).read_text())
    assert config["plugin"] == {"package": "mirror", "version": "1.2"}

    without = subprocess.run(
        [sys.executable, "-m", "consingan", "show", "latest", "--runs", str(runs)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert without.returncode == 1
    assert "pip install mirror" in without.stderr
    other = _consingan(strangers, "generation", "apply", "latest", "--runs", runs)
    assert other.returncode == 2
    assert "was trained for mirror" in other.stderr


def test_broken_plugins_are_reported_by_name_and_stop_nothing(strangers: Path) -> None:
    listed = _consingan(strangers, "plugins", "--json")
    assert listed.returncode == 0
    report = json.loads(listed.stdout)
    names = {mode["mode"] for mode in report["modes"]}
    assert {"generation", "mirror"} <= names
    reasons = {problem["package"]: problem["reason"] for problem in report["broken"]}
    assert reasons.keys() == BROKEN.keys()
    for name, (_, expected) in BROKEN.items():
        assert expected in reasons[name]
        assert f"plugin {name!r} (package {name} 1.2) is not loaded" in listed.stderr
    assert "clashing and consingan" in reasons["clashing"]
    assert len(listed.stderr.splitlines()) == len(BROKEN)
    modes = _consingan(strangers, "modes")
    assert modes.returncode == 0
    assert "mirror" in modes.stdout


def _mode(**attributes: Any) -> type[Mode[Any, Any]]:
    @hookimpl
    def apply(self: object, sampler: Sampler, options: Options, outputs: Outputs) -> None:
        """Make nothing."""

    base = {"name": "some", "summary": "Some.", "apply": apply}
    return type("Some", (Mode,), {**base, **attributes})


def test_hooks_may_have_other_names_and_wait_for_newer_versions() -> None:
    other = hookimpl(specname="stage_sizes")(lambda self, size: [size])
    newer = hookimpl(optionalhook=True)(lambda self, what: None)
    hooks = check_hooks(check_mode(_mode(borders=other, some_newer_hook=newer)))
    assert hooks == {"apply", "stage_sizes", "some_newer_hook"}


def test_a_good_mode_passes_the_check() -> None:
    assert check_mode(_mode()).name == "some"
    assert check_mode(_mode()()).name == "some"


class FileOptions(Options):
    """A file that has to be there, if it is given."""

    sketch: FilePath | None = option(None, "A sketch.", "Pictures")
    more: list[Path] = option([], "Others.", "Pictures")


def test_files_are_checked_and_kept_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_mode(_mode(ApplyOptions=FileOptions)).name == "some"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match=r"sketch: .*not point to a file"):
        parse_options(FileOptions, {"sketch": "a.png"})
    Path("a.png").touch()
    given = parse_options(FileOptions, {"sketch": "a.png", "more": ["b.png"]})
    assert (given.sketch, given.more) == (tmp_path / "a.png", [tmp_path / "b.png"])


@pytest.mark.parametrize("command", ["train", "apply"])
def test_options_called_like_the_commands_own_are_refused(command: str) -> None:
    base = TrainOptions if command == "train" else Options
    plugins = find_plugins()
    group = typer.main.get_group(mode_group(plugins, plugins.modes["generation"]))
    commands = [group.commands[command]]
    commands += [group.commands["plan"]] if command == "train" else []
    given = getattr(plugins.modes["generation"].mode, f"{command.title()}Options").model_fields
    taken = {option.name for each in commands for option in each.params} - given.keys()
    for loaded in plugins.modes.values():
        taken -= loaded.mode.TrainOptions.model_fields.keys()
    called = consingan.train if command == "train" else consingan.Run.apply
    taken |= inspect.signature(called).parameters.keys() - {"self", "options"}
    assert set(RESERVED_NAMES[command]) == taken | {"help", "debug", "self"}
    for name in RESERVED_NAMES[command]:
        model = type(
            "Clashing", (base,), {"__annotations__": {name: str}, name: option("", "", "")}
        )
        with pytest.raises(PluginError, match=f"option '{name}' of Clashing has the name of one"):
            check_mode(_mode(**{f"{command.title()}Options": model}))


@pytest.mark.parametrize("name", ["json", "copy", "schema"])
def test_options_called_like_methods_of_pydantic_are_refused(name: str) -> None:
    with pytest.warns(UserWarning, match="shadows"):
        model = type(
            "Clashing", (Options,), {"__annotations__": {name: str}, name: option("", "", "")}
        )
    with pytest.raises(PluginError, match=f"option '{name}' of Clashing has the name of one of"):
        check_mode(_mode(ApplyOptions=model))


class Misfit(Options):
    """A default of another type than its option."""

    count: int = option("abc", "How many.", "Pictures")


class Needs(Options):
    """An option without a default, which is no fault."""

    count: int = option(..., "How many.", "Pictures")


def test_defaults_and_presets_that_no_option_takes_are_found_at_once() -> None:
    assert check_mode(_mode(ApplyOptions=Needs)).name == "some"
    for attributes, message in (
        ({"ApplyOptions": Misfit}, r"'count' of Misfit by its own default: input should be"),
        ({"presets": {"drafty": {}}}, r"`presets` has 'drafty'; there are: default, draft"),
        ({"presets": {"draft": {"niterr": 3}}}, r"'niterr' of TrainOptions by preset 'draft': th"),
        ({"presets": {"best": {"niter": 0}}}, r"'niter' of TrainOptions by preset 'best': input"),
    ):
        with pytest.raises(PluginError, match=message):
            check_mode(_mode(**attributes))


def test_an_option_says_which_limits_there_are_and_which_options_can_be_changed() -> None:
    with pytest.raises(TypeError, match="no limit 'min'; there are: ge, gt"):
        option(1, "", "", min=3)
    with pytest.raises(TypeError, match="TrainOptions has no option 'foo' to change"):
        changed(TrainOptions, "foo", 3)


def test_a_type_that_is_imported_for_the_type_checker_alone_is_said() -> None:
    model = type(
        "Later", (Options,), {"__annotations__": {"a": "Unknown | None"}, "a": option(None, "", "")}
    )
    with pytest.raises(PluginError, match=r"not known at run time; import it outside of `if TYPE"):
        check_mode(_mode(ApplyOptions=model))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("noise", r"mode 'some' gave fixed_input of type str, not a tensor of \(1, 3, 4, 5\)"),
        (torch.zeros(1, 3, 4, 4), r"gave fixed_input of shape \(1, 3, 4, 4\), not \(1, 3, 4, 5\)"),
    ],
)
def test_a_hook_that_returns_something_else_is_named(given: object, message: str) -> None:
    mode = _mode(fixed_input=hookimpl(lambda self, pyramid: given))
    with pytest.raises(ModeError, match=message):
        Hooks(check_mode(mode)).fixed_input(
            [torch.zeros(1, 3, 4, 5)], TrainOptions(), torch.Generator()
        )


def test_previews_are_made_as_they_are_taken_and_their_mode_is_blamed() -> None:
    def preview(self: object) -> Iterator[tuple[str, torch.Tensor]]:
        yield "one", torch.zeros(1, 3, 4, 5)
        raise ValueError("oops")

    shown = Hooks(check_mode(_mode(preview=hookimpl(preview)))).preview(cast(Sampler, None))
    assert next(shown)[0] == "one"
    with pytest.raises(ModeError, match="'some' failed in its hook `preview`: ValueError: oops"):
        next(shown)


def test_stage_sizes_and_previews_that_are_something_else_are_named() -> None:
    odd: dict[str, Any] = {
        "stage_sizes": hookimpl(lambda self, size: 3),
        "preview": hookimpl(lambda self, sampler: [torch.zeros(1, 3, 4, 5)]),
    }
    hooks = Hooks(check_mode(_mode(**odd)))
    with pytest.raises(ModeError, match=r"gave stage_sizes 3, not a list of \(height, width\)"):
        hooks.stage_sizes(Size(30, 40), TrainOptions())
    with pytest.raises(ModeError, match=r"gave preview Tensor, not \(caption, picture\)"):
        next(hooks.preview(cast(Sampler, None)))


class OddOptions(Options):
    """One option of a type that cannot be shown."""

    either: int | str = 3


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"name": "Two Words"}, "no mode name"),
        ({"name": None}, "no `name`"),
        ({"summary": 3}, "no `summary`"),
        ({"apply": None}, "no `apply`"),
        ({"stage_sizes": lambda self, size: [size]}, "`stage_sizes` lacks its @hookimpl"),
        ({"applies": "generation"}, "`applies` is 'generation', not a tuple"),
        ({"padding_style": "reflect"}, "`padding_style` is 'reflect', not 'oversize' or 'zero'"),
        (
            {"padding_style": hookimpl(lambda self, options: "zero")},
            "`padding_style` is an attribute of the class, not a hook",
        ),
        ({"preview": hookimpl(lambda self, smapler: [])}, "no argument `smapler`; it has: sampler"),
        ({"ApplyOptions": dict}, "`ApplyOptions` is not a subclass of consingan.Options"),
        ({"TrainOptions": Options}, "`TrainOptions` is not a subclass of consingan.TrainOptions"),
        ({"ApplyOptions": OddOptions}, r"option 'either' of OddOptions has type int \| str"),
    ],
)
def test_what_is_wrong_with_a_mode_is_said(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        check_mode(_mode(**attributes))


def test_built_ins_come_through_the_entry_points() -> None:
    plugins = find_plugins()
    assert plugins.problems == []
    assert plugins.modes["generation"].plugin.package == "consingan"
    with pytest.raises(ModeError, match="there are: animation, editing, generation"):
        plugins.mode("none")


def test_two_strangers_with_one_name_are_both_left_out(install: Install) -> None:
    install("consingan.modes", one=_mode(), two=_mode())
    plugins = find_plugins()
    assert plugins.modes == {}
    reasons = [problem.reason for problem in plugins.problems]
    assert reasons == ["packages one and two both name a mode 'some'; uninstall one"] * 2


def test_a_run_of_a_broken_mode_is_told_what_is_wrong_with_it(install: Install) -> None:
    config = RunConfig.model_construct(mode="some", plugin=Plugin(package="kit", version="1"))
    install("consingan.modes", "kit", one=_mode(apply=None))
    with pytest.raises(PluginError, match=r"needs mode 'some'; plugin 'one' .* no `apply` hook"):
        find_plugins().hooks_for(config)
    install("consingan.modes")
    with pytest.raises(PluginError, match="install it with: pip install kit"):
        find_plugins().hooks_for(config)


def test_two_modes_of_one_package_with_one_name_are_both_left_out(install: Install) -> None:
    install("consingan.modes", "kit", one=_mode(), two=_mode())
    plugins = find_plugins()
    assert plugins.modes == {}
    reasons = [problem.reason for problem in plugins.problems]
    assert reasons == ["entry points one and two both name a mode 'some'; give each a name"] * 2


class Unprintable(Exception):
    """Its message is an error itself."""

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class Base(BaseException):
    """No Exception."""


RAISED = [
    (Base("boo"), "Base: boo"),
    (Base(), "Base"),
    (KeyboardInterrupt(), "KeyboardInterrupt"),
    (Terminated(15), "Terminated: 15"),
    (GeneratorExit("over"), "GeneratorExit: over"),
    (SystemExit(0), "SystemExit: 0"),
    (StopIteration(), "StopIteration"),
    (RecursionError("deep"), "RecursionError: deep"),
    (Unprintable(), "Unprintable"),
    (type("Two\nlines", (PluginError,), {"__str__": Unprintable.__str__})(), "Two lines"),
    (ImportError("one\ntwo\r\n\x1b[2J"), "ImportError: one two \\x1b[2J"),
    (PluginError(), "PluginError"),
    (PluginError("buy a licence"), "buy a licence"),
    (ValueError("x" * 10**7), "ValueError: x"),
]


def _raise(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize(("error", "shown"), RAISED)
@pytest.mark.parametrize("group", ["modes", "listeners"])
def test_whatever_is_raised_at_import_is_a_problem_in_one_line(
    install: Install,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    group: str,
    error: BaseException,
    shown: str,
) -> None:
    install("consingan.modes", consingan=Generation)
    install(f"consingan.{group}", bad=5, **{"consingan": Generation} if group == "modes" else {})
    entries = installed_entries().select(group=f"consingan.{group}")
    entries[0].load = lambda: _raise(error)
    assert cli.run(["modes"]) == 0
    out, err = capsys.readouterr()
    assert "generation" in out
    assert err.startswith(
        f"consingan: warning: plugin 'bad' (package bad 1) is not loaded: {shown}"
    )
    assert err.count("\n") == 1
    assert len(err) < 3000
    if group == "listeners":
        with pytest.raises(PluginError, match="plugin 'bad'"):
            find_plugins().listener("bad")
        return
    for command in (["bad"], ["bad", "train", "--help"], ["bad", "apply", "latest"]):
        assert cli.run(command) == 1
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith(f"consingan: plugin 'bad' (package bad 1) is not loaded: {shown}")
    with pytest.raises(PluginError, match="plugin 'bad'"):
        find_plugins().mode("bad")


@pytest.mark.parametrize("made_of_it", ["raise", "pass", "raise ImportError", "sys.exit()"])
def test_ctrl_c_while_plugins_are_loaded_ends_the_program(
    install: Install, made_of_it: str
) -> None:
    code = f"try: os.kill(os.getpid(), signal.SIGINT); time.sleep(9)\nexcept: {made_of_it}"
    install("consingan.modes", slow=5)
    entries = installed_entries().select(group="consingan.modes")
    entries[0].load = lambda: exec(code, {"os": os, "signal": signal, "time": time, "sys": sys})
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert cli.run(["modes"]) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


class Metadata:
    """A package's metadata that raises something."""

    @property
    def name(self) -> str:
        """Never there."""
        raise Base

    version = name


@pytest.mark.parametrize(
    ("dist", "package", "version"),
    [
        (None, "unknown", "unknown"),
        (Metadata(), "unknown", "unknown"),
        (SimpleNamespace(name=None, version=None), "unknown", "unknown"),
        (SimpleNamespace(name="kit"), "kit", "unknown"),
        (SimpleNamespace(name=" ", version=""), "unknown", "unknown"),
        (SimpleNamespace(name="my kit", version="1.0 (beta)"), "my-kit", "1.0--beta-"),
        (SimpleNamespace(name="Farbe-grün", version="1β"), "Farbe-grün", "1β"),
        (SimpleNamespace(name="a²\n\x1b[2J", version=1.0), "a----2J", "unknown"),
        (SimpleNamespace(name="consingan!", version="1!2+x"), "consingan-", "1!2+x"),
        (SimpleNamespace(name="x" * 10**6, version="\ud800"), "x" * 100, "-"),
    ],
)
def test_odd_metadata_is_shown_as_far_as_it_goes(
    install: Install,
    photo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    dist: object,
    package: str,
    version: str,
) -> None:
    install("consingan.modes", odd=_mode(), bad=5)
    for entry in installed_entries().select(group="consingan.modes"):
        entry.dist = dist
    assert cli.run(["plugins", "--json"]) == 0
    out, err = capsys.readouterr()
    assert f"(package {package} {version})" in err
    origin = {"package": package, "version": version}
    assert json.loads(out)["modes"] == [{"mode": "some", **origin}]
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    train = ["some", "train", str(photo), *options, "--niter=1", "--train-stages=1"]
    assert cli.run([*train, "--runs", str(tmp_path)]) == 0
    assert cli.run(["show", "latest", "--runs", str(tmp_path)]) == 0


def test_a_run_of_a_nameless_package_gives_no_advice_to_install_unknown(install: Install) -> None:
    origin = Plugin(package="unknown", version="unknown")
    install("consingan.modes")
    with pytest.raises(PluginError, match=r"needs mode 'some'; install its package$"):
        find_plugins().hooks_for(RunConfig.model_construct(mode="some", plugin=origin))


@pytest.mark.parametrize(
    ("metadata", "points", "said"),
    [
        (b"Name: a\xff\nVersion: 1\n", b"[consingan.modes]\nbad = no_such:M\n", "'bad' (package u"),
        (b"", b"[consingan.modes]\nbad = no_such:M\n", "'bad' (package unknown unknown)"),
        (b"Name: a\nVersion: 1\n", b"[consingan.modes]\nbad = two words\n", "'bad' (package a 1)"),
    ],
)
def test_files_of_a_package_that_cannot_be_read_take_nothing_down(
    tmp_path: Path, metadata: bytes, points: bytes, said: str
) -> None:
    folder = tmp_path / "a-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_bytes(metadata)
    (folder / "entry_points.txt").write_bytes(points)
    done = _consingan(tmp_path, "plugins", "--json")
    assert done.returncode == 0, done.stderr
    assert "generation" in {mode["mode"] for mode in json.loads(done.stdout)["modes"]}
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def _options(base: type[Options] = Options, **fields: Any) -> type[Options]:
    types = {name: type(default) for name, default in fields.items()}
    defaults = {name: option(default, "Some.", "Some") for name, default in fields.items()}
    return type("Given", (base,), {"__annotations__": types, **defaults})


@pytest.mark.parametrize("name", ["class", "from", "lambda", "None", "async", "a b", "1a", "a-b"])
@pytest.mark.parametrize("kind", ["ApplyOptions", "TrainOptions"])
def test_options_that_no_parameter_can_be_called_are_refused(
    install: Install, capsys: pytest.CaptureFixture[str], kind: str, name: str
) -> None:
    base = TrainOptions if kind == "TrainOptions" else Options
    install("consingan.modes", e=_mode(**{kind: _options(base, **{name: 1})}))
    assert cli.run(["--help"]) == 0
    assert cli.run(["some", "apply"]) == 1
    assert (
        f"(mode 'some', package e 1) is not loaded: option {name!r} of Given has"
        in (capsys.readouterr().err.splitlines()[-1])
    )


def test_options_that_the_command_line_can_show_work(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("class_", "match", "type", "Größe", "x1", "no_noise")
    install("consingan.modes", e=_mode(ApplyOptions=_options(**dict.fromkeys(names, 1))))
    assert cli.run(["some", "apply", "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for flag in ("--class-", "--match", "--type", "--Größe", "--x1", "--no-noise"):
        assert flag in out


def test_an_option_with_the_flag_that_turns_another_off_is_refused() -> None:
    with pytest.raises(PluginError, match=r"'no_noise' of Given has the flag that turns 'noise' o"):
        check_mode(_mode(ApplyOptions=_options(noise=True, no_noise=True)))


def test_a_mode_called_like_a_command_is_refused() -> None:
    with pytest.raises(PluginError, match="package consingan has a command 'show'; name it other"):
        check_mode(_mode(name="show"))


class Odd(str):
    """A text that cannot be shown."""

    def __str__(self) -> str:
        raise Base


def test_a_mode_that_the_command_line_cannot_show_takes_no_other_down(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install("consingan.modes", consingan=Generation, e=_mode(ApplyOptions=_options(a=1)))
    field = cast(Any, find_plugins().modes["some"].mode.ApplyOptions).model_fields["a"]
    field.json_schema_extra["panel"] = Odd("panel")
    assert cli.run(["modes"]) == 0
    out, err = capsys.readouterr()
    assert "generation" in out
    assert "not loaded: the command line cannot show it: Base" in err
    assert cli.run(["some"]) == 1
    assert "cannot show it: Base" in capsys.readouterr().err
    monkeypatch.setenv("CONSINGAN_STRICT_PLUGINS", "1")
    assert cli.run(["modes"]) == 1


TEXTS = [
    "[/]",
    "[bold",
    "[/bold]",
    "[red]a",
    "[link=x]a[/link]",
    "\\[/]",
    "a\\",
    ":warning:",
    "[@x]",
]


@pytest.mark.parametrize("text", [*TEXTS, "\x1b[2J", "a\bb\fc", "", "\n\n", "[" * 50, "\0[/]"])
def test_texts_of_plugins_are_shown_as_they_are(
    install: Install, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    noted = option(text, f"<{text}>", f"({text})")
    apply = type("A", (Options,), {"__annotations__": {"a": str}, "a": noted})
    install("consingan.modes", e=_mode(summary=f"<{text}>", ApplyOptions=apply))
    shown = escaped(" ".join(f"<{text}>".split()))
    for command in (["--help"], ["some", "--help"], ["modes"], ["some", "apply", "--help"]):
        assert cli.run(command) == 0, capsys.readouterr().err
        out = capsys.readouterr().out
        assert "\x1b" not in out
        if text in TEXTS:
            assert shown in out
    assert "Default: " in out
    if text in TEXTS:
        assert f"({text})" in out


@pytest.mark.parametrize(("error", "shown"), RAISED)
def test_whatever_a_modes_hook_raises_names_mode_and_hook(error: BaseException, shown: str) -> None:
    if isinstance(error, KeyboardInterrupt | Terminated | PluginError):
        return
    mode = _mode(
        stage_sizes=hookimpl(lambda self: _raise(error)),
        preview=hookimpl(lambda self: (_raise(error) for _ in "a")),
    )
    hooks = Hooks(check_mode(mode))
    with pytest.raises(ModeError, match="mode 'some' failed in its hook `stage_sizes`: "):
        hooks.stage_sizes(Size(30, 40), TrainOptions())
    if not isinstance(error, StopIteration):
        with pytest.raises(ModeError, match="mode 'some' failed in its hook `preview`: "):
            list(hooks.preview(cast(Sampler, None)))


def test_a_mode_that_exits_leaves_no_run_in_training(
    install: Install, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["some", "train", str(photo), "--runs", str(tmp_path)]
    train += [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    for hook in ("stage_sizes", "training_input", "fixed_input"):
        install("consingan.modes", e=_mode(**{hook: hookimpl(lambda self: sys.exit())}))
        assert cli.run(train) == 1
        said = f"mode 'some' failed in its hook `{hook}`: SystemExit (--debug shows where)"
        assert capsys.readouterr().err.endswith(f"consingan: {said}\n")
        for state in tmp_path.glob("*/*/state.json"):
            assert json.loads(state.read_text())["status"] in ("stopped", "failed")


class Exits(TrainOptions):
    """Exits for one of its values."""

    odd: int = option(1, "Odd.", "Odd")

    @field_validator("odd")
    @classmethod
    def _exit(cls, value: int) -> int:
        return value if value == 1 else sys.exit(0)


def test_an_exit_anywhere_in_a_plugin_is_an_error(
    install: Install, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("consingan.modes", e=_mode(TrainOptions=Exits))
    train = ["some", "train", str(photo), "--runs", str(tmp_path / "runs"), "--odd", "2"]
    assert cli.run(train) == 1
    assert capsys.readouterr().err == "consingan: a plugin ended the command: SystemExit: 0\n"
    assert not (tmp_path / "runs").exists()
