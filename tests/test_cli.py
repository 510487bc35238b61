"""The command line as a user types it: exit codes, streams, messages."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import consingan
from consingan import cli
from consingan.console import duration, escaped, print_table
from consingan.core.options.fields import flag, in_words
from consingan.core.options.training import TrainOptions
from consingan.core.runs.locks import training_lock
from consingan.errors import Terminated
from tests.conftest import TINY, image_size

OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


@pytest.fixture
def here(tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own working folder that holds photo.png."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def trained(here: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The same, with a trained run."""
    assert cli.run(["generation", "train", "photo.png", *OPTIONS]) == 0
    capsys.readouterr()
    return here


def test_train_then_apply_as_it_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["generation", "train", "photo.png", *OPTIONS]) == 0
    out, err = capsys.readouterr()
    assert "stage 3 of 3 (24x16) saved" in err
    command = out.splitlines()[-1].removeprefix("Next: consingan ").split()
    assert cli.run([*command, "--num-samples", "2"]) == 0
    sheet = Path(capsys.readouterr().out.splitlines()[-1].removeprefix("Look at: "))
    assert sheet.name == "sheet.png"
    assert len(list(sheet.parent.glob("sample-*.png"))) == 2


def test_a_smallest_stage_as_large_as_the_picture_is_noted(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["generation", "train", "photo.png", *OPTIONS, "--min-size=16"]) == 0
    assert (
        "note: all stages have the size 24x16, since the smallest is to have a side of"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["latest", "photo"])
def test_apply_finds_a_run_by_name(trained: Path, name: str) -> None:
    arguments = ["--num-samples=1", "--width=40", "--out=new/castle.jpg"]
    assert cli.run(["generation", "apply", name, *arguments]) == 0
    assert image_size(trained / "new" / "castle.jpg") == (40, 16)


def test_show(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", "latest"]) == 0
    out = capsys.readouterr().out
    assert "generation on photo, complete" in out
    assert "24x16" in out
    assert "filters 4" in out
    assert "Next: consingan generation apply runs" in out


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("train_stages", 0, "auto"),
        ("window", 0, "whole"),
        ("window", 96, "96"),
        ("batch_norm", True, "on"),
        ("seed", 0, "0"),
    ],
)
def test_values_are_shown_as_they_are_given(option: str, value: object, shown: str) -> None:
    assert in_words(TrainOptions.model_fields[option], value) == shown


def test_show_says_what_is_damaged(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = consingan.open_run("latest").path
    file = run / "stages" / "01.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert cli.run(["show", str(run)]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("Damaged: ")
    assert "01.safetensors" in last
    assert "consingan resume" in last


def test_show_tells_a_run_in_training_from_one_whose_process_died(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = consingan.open_run("latest").path
    for name in ("state.json", "state.backup.json"):
        state = json.loads((run / name).read_text())
        state |= {"status": "training", "stages": state["stages"][:1]}
        (run / name).write_text(json.dumps(state))
    with training_lock(run):
        assert cli.run(["show", str(run)]) == 0
        out = capsys.readouterr().out
    assert ", training" in out
    assert "Next: wait until it is trained" in out
    assert cli.run(["show", str(run)]) == 0
    out = capsys.readouterr().out
    assert ", stopped" in out
    assert "Next: consingan resume" in out


def test_show_json(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", "latest", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["status"] == "complete"
    assert summary["options"]["niter"] == 3
    assert len(summary["stages"]) == 3


def test_modes_and_plugins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSINGAN_DISABLE_PLUGINS", "1")
    assert cli.run(["modes"]) == 0
    assert "generation" in capsys.readouterr().out
    assert cli.run(["plugins", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {mode["package"] for mode in report["modes"]} == {"consingan"}
    assert report["broken"] == []


def test_examples(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["examples"]) == 0
    out = capsys.readouterr().out
    assert (here / "examples" / "landscape.png").is_file()
    assert "Next: consingan generation train examples/" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["generation", "train"], 2, "give the PHOTO"),
        (["generation", "apply"], 2, "'RUN'; see: consingan generation apply --help"),
        (["show"], 2, "'RUN'; see: consingan show --help"),
        (["generation", "train", "none.png"], 2, "'none.png' does not exist"),
        (["generation", "train", "."], 2, "'.' is not a file"),
        (["generation", "train", "text.png"], 2, "'text.png' is none of JPEG, PNG"),
        (["generation", "train", "photo.png", "--niter=0"], 2, "--niter: input should be greater"),
        (["generation", "train", "photo.png", "--niter=many"], 2, "--niter"),
        (["generation", "train", "photo.png", "--lr-scale=nan"], 2, "--lr-scale: input should be"),
        (["generation", "train", "photo.png", "--lr-critic=inf"], 2, "--lr-critic: input should"),
        (["generation", "train", "photo.png", "--preset=finest"], 2, "--preset: no preset"),
        (["generation", "train", "photo.png", "--device=tpu"], 2, "--device: 'tpu' is not one of"),
        (["generation", "train", "photo.png", "--device=cuda:99"], 2, "--device: cuda:99"),
        (["generation", "train", "photo.png", "--activation=step"], 2, "--activation': 'step' is"),
        (["generation", "train", "photo.png", "--max-size=12"], 2, "larger --max-size"),
        (["generation", "train", "photo.png", "--colour=red"], 2, "No such option"),
        (["generation", "train", "--niter=3"], 2, "give the PHOTO"),
        (["generation", "train", "--from=latest"], 2, "--from: mode generation has no fine-tuning"),
        (["generation", "train", "photo.png", "--naive=photo.png"], 2, "--naive: mode generation"),
        (
            ["editing", "train", "--from=latest", "--naive=photo.png", "--preset=draft"],
            2,
            "--preset: fine-tuning keeps the options of its run",
        ),
        (["generation", "paint"], 2, "No such command 'paint'"),
        (["generatoin"], 2, "generation"),
        (["show", "none"], 2, "no run 'none' was found"),
        (["resume", "latest"], 2, "no run 'latest' was found"),
        (["generation", "apply", "."], 2, "no run '.'"),
    ],
)
def test_wrong_usage_is_one_line_and_creates_nothing(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    (here / "text.png").write_text("no picture")
    assert cli.run(arguments) == code
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--width=9", "--scale-w=2"], "--scale-w and --width exclude each other"),
        (["--num-samples=-1"], "--num-samples: input should be greater than or equal to 0"),
        (["--scale-h=0"], "--scale-h"),
        (["--width=100000000"], "100000000x16 is more than 100 million pixels"),
        (["--out=new/film.mp4"], "--out: '.mp4' holds no still pictures"),
        (["--out=photo.png/new"], "--out: 'photo.png/new' is not a folder"),
    ],
)
def test_wrong_apply_options_are_one_line(
    trained: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.run(["generation", "apply", "latest", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_errors_other_than_usage_exit_with_1(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["resume", "latest"]) == 1
    assert "is complete: there is nothing to resume" in capsys.readouterr().err


def test_a_traceback_only_with_debug(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(folder: Path) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("consingan.examples.write_examples", crash)
    assert cli.run(["examples"]) == 1
    err = capsys.readouterr().err
    assert err == "consingan: ZeroDivisionError: oops (unexpected; --debug shows where)\n"
    with pytest.raises(ZeroDivisionError):
        cli.run(["examples", "--debug"])


def test_what_was_done_to_the_picture_is_said(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    with Image.open("photo.png") as image:
        image.putalpha(128)
        image.save("clear.png")
    assert cli.run(["generation", "train", "clear.png", *OPTIONS]) == 0
    assert "note: transparent parts were composited on white" in capsys.readouterr().err


def test_strange_names_are_shown_escaped(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["generation", "train", "a\n\x1b[31mb.png"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert escaped("a\n\x1b[31mb") == r"a\n\x1b[31mb"


def test_ctrl_c_ends_cleanly_and_keeps_what_is_saved(here: Path) -> None:
    # A stage is over in a blink; there are so many that the signal comes in the middle.
    options = [*OPTIONS, "--train-stages=60", "--niter=200"]
    process = subprocess.Popen(
        [sys.executable, "-m", "consingan", "generation", "train", "photo.png", *options],
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background, such as this suite, inherits that it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list(here.glob("runs/*/*/stages/01.safetensors")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "stages are saved. Next: consingan resume runs/photo/" in err.splitlines()[-1]
    state = json.loads(next(here.glob("runs/*/*/state.json")).read_text())
    assert state["status"] == "stopped"
    assert state["stages"]


def test_a_signal_while_an_error_is_told_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(arguments: list[str]) -> int:
        raise Terminated(signal.SIGTERM)

    monkeypatch.setattr(cli, "run", interrupted)
    monkeypatch.setattr(sys, "argv", ["consingan", "modes"])
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 143


def test_help_needs_no_torch_numpy_or_pillow_and_wrong_usage_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from consingan import cli; code = cli.run(sys.argv[1:]); "
        "slow = {'torch', 'numpy', 'PIL', 'imageio'} if code == 0 else {'torch', 'imageio'}; "
        "sys.exit(9 if slow & set(sys.modules) else code)"
    )
    errors = ["generation", "train", "none.png"], ["generation", "apply", "latest"]
    answers = ["--help"], ["generation", "train", "--help"], ["modes"], ["--version"]
    for command in (*answers, *errors):
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "160"},
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == (2 if command in errors else 0), (command, done.stderr)
        assert done.stderr if command in errors else done.stdout


def test_every_option_says_what_it_does_and_has_a_panel() -> None:
    from consingan.loading import find_plugins

    for loaded in find_plugins().modes.values():
        for model in (loaded.mode.TrainOptions, loaded.mode.ApplyOptions):
            for name, field in model.model_fields.items():
                assert len(field.description or "") > 15, name
                assert isinstance(field.json_schema_extra, dict), name
                assert field.json_schema_extra["panel"], name


def _shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> set[str]:
    """The options that a command's help lists."""
    assert cli.run(arguments) == 0
    return set(re.findall(r"^│ *(--[a-z0-9-]+)", capsys.readouterr().out, re.MULTILINE))


def test_the_help_shows_a_dozen_training_options_and_all_of_them_if_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    every = {flag(name) for name in TrainOptions.model_fields}
    few = _shown(capsys, "generation", "train", "--help") & every
    assert few == {
        *("--max-size", "--min-size", "--train-stages", "--niter", "--window", "--precision"),
        *("--lr-scale", "--train-depth", "--seed", "--filters", "--noise-amplitude"),
        "--reconstruction-weight",
    }
    shown = _shown(capsys, "generation", "train", "--help-all")
    assert every <= shown
    assert not shown & {"--naive", "--from"}  # of other modes
    assert {"--naive", "--from"} <= _shown(capsys, "editing", "train", "--help")


def test_completion_knows_runs(trained: Path) -> None:
    from consingan.commands.parameters import complete_run

    assert complete_run("") == ["latest", "photo"]
    assert complete_run("ph") == ["photo"]


def test_completion_works_in_a_shell(trained: Path) -> None:
    environment = {
        **os.environ,
        "_CONSINGAN_COMPLETE": "complete_bash",
        "COMP_WORDS": "consingan generation apply l",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "consingan")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert "latest" in done.stdout.split()


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.4, "4 s"), (89, "89 s"), (300, "5 min"), (4320, "1 h 12 min")]
)
def test_durations_read_naturally(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_tables_keep_all_of_long_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    names = ["kaleidoscope-of-the-left-half", "consingan-kaleidoscope-of-halves"]
    print_table(("mode", "package"), [names])
    lines = capsys.readouterr().out.splitlines()[1:]
    assert sorted("".join(lines).replace(" ", "")) == sorted("".join(names))


def test_garbage_is_collected_while_a_command_runs() -> None:
    """It is not while the command line is loaded, which is faster."""
    gc.disable()
    try:
        assert cli.run(["modes"]) == 0
        assert gc.isenabled()
    finally:
        gc.enable()
