"""Odd numbers, names, pictures, streams and returns of hooks: one line that says what to do."""

from __future__ import annotations

import io
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

import consingan
from benchmarks.odd_values import OddMode
from consingan import Options, Run, Size, TrainOptions, cli, hookimpl
from consingan.core.hooks.dispatch import Hooks
from consingan.core.options.fields import parse_options
from consingan.core.options.size import SizeOptions, parse_size
from consingan.core.runs.tensor_files import sha256, stage_file
from consingan.core.system import threads
from consingan.core.system.devices import find_device
from consingan.errors import ConsinganError, ModeError, OptionError, PictureError, RunError
from tests.conftest import TINY, tiny_image
from tests.test_hostile import change

DIGITS = "9" * 400
SHORT = {**TINY, "niter": 1, "train_stages": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run."""
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("runs"), **SHORT)


# Numbers.


@pytest.mark.parametrize(
    ("model", "option", "value"),
    [
        (TrainOptions, "niter", int(DIGITS)),
        (TrainOptions, "max_size", DIGITS),
        (TrainOptions, "min_size", 2**63),
        (TrainOptions, "seed", -(2**64)),
        (SizeOptions, "scale_w", 1e308),
        (SizeOptions, "width", int(DIGITS)),
    ],
)
def test_numbers_beyond_all_use_are_refused_briefly(
    model: type[Options], option: str, value: Any
) -> None:
    with pytest.raises(OptionError) as caught:
        parse_options(model, {option: value})
    assert caught.value.option == option
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", [f"{DIGITS}x3", "9" * 5000 + "x1", "²x3", "٣x٣", "0x5", "-1x5"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no size; write WIDTHxHEIGHT") as caught:
        parse_size(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["cuda:²", "cuda:٣", f"cuda:{DIGITS}", 3, None, "", "cuda:-1"])
def test_devices_that_are_none(name: Any) -> None:
    with pytest.raises(OptionError) as caught:
        find_device(name)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("seconds", [math.nan, -1, "x", None])
def test_times_between_checkpoints_that_are_none(tmp_path: Path, seconds: Any) -> None:
    with pytest.raises(OptionError, match="checkpoint_every: give a number of seconds"):
        consingan.train(tiny_image(), runs=tmp_path, checkpoint_every=seconds, **SHORT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given", [{"seed": -1}, {"seed": 2**63}, {"seed": 1.5}, {"num_samples": 2.5}]
)
def test_evaluation_takes_what_apply_takes(trained: Run, given: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        consingan.evaluate(trained, **given)


@pytest.mark.parametrize("listeners", ["notify", None, 3])
def test_listeners_that_are_no_list(tmp_path: Path, listeners: Any) -> None:
    with pytest.raises(OptionError, match="listeners: give a list of names or objects"):
        consingan.train(tiny_image(), runs=tmp_path, listeners=listeners, **SHORT)


# Names and pictures.


def test_the_folder_of_a_user_who_is_none(trained: Run) -> None:
    from consingan.modes.shared.repainting import RepaintOptions

    with pytest.raises(OptionError, match="naive: the folder that it is in does not exist"):
        parse_options(RepaintOptions, {"naive": Path("~nosuchuser/a.png")})


def test_a_nul_in_a_path(trained: Run, tmp_path: Path) -> None:
    for use in (
        lambda: consingan.train("a\0b.png", runs=tmp_path, **SHORT),
        lambda: consingan.train(tiny_image(), runs=tmp_path / "a\0b", **SHORT),
        lambda: consingan.open_run("a\0b", runs=tmp_path),
        lambda: trained.apply(tmp_path / "a\0b", num_samples=1),
    ):
        with pytest.raises(ConsinganError):
            use()


def truncated() -> Image.Image:
    buffer = io.BytesIO()
    tiny_image(100, 100).save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.getvalue()[:2000]))


def closed() -> Image.Image:
    buffer = io.BytesIO()
    tiny_image().save(buffer, "PNG")
    image = Image.open(buffer)
    image.close()
    return image


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (truncated, "closed, damaged or truncated"),
        (closed, "closed, damaged or truncated"),
        (lambda: Image.new("RGB", (0, 0)), "has no pixels"),
        (lambda: Image.new("L", (0, 9)), "has no pixels"),
    ],
)
def test_images_that_cannot_be_used(
    picture: Callable[[], Image.Image], words: str, tmp_path: Path
) -> None:
    for given in ({"picture": picture()}, {"picture": tiny_image(), "naive": picture()}):
        with pytest.raises(PictureError, match=words):
            consingan.train(**given, mode="editing", runs=tmp_path, **SHORT)


# Weights.


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["amplitude", "generator.tail.weight"])
def test_weights_that_are_not_numbers_are_an_error(
    trained: Run, tmp_path: Path, name: str, value: float
) -> None:
    copy = shutil.copytree(trained.path, tmp_path / "copy")
    file = copy / stage_file(0)
    tensors = load_file(file)
    key = next(key for key in tensors if key.endswith(name) or key == name or "tail" in key)
    tensors[key] = torch.full_like(tensors[key], value)
    save_file(tensors, file)
    change(copy / "state.json", stages=[{"sha256": sha256(file.read_bytes()), "seconds": 1}])
    with pytest.raises(RunError, match="values that are not numbers"):
        consingan.open_run(copy).apply(num_samples=1)
    assert not list(copy.glob("applied/*/*.png"))


# What hooks give back.


class Odd(OddMode):
    """Changes the pyramid too, and saves a picture."""

    @hookimpl
    def fixed_input(
        self, pyramid: list[Tensor], options: TrainOptions, generator: torch.Generator
    ) -> Any:
        return self.given(pyramid) if callable(self.given) else self.given

    @hookimpl
    def apply(self, sampler: Any, options: Options, outputs: Any) -> None:
        if self.given is not None:
            outputs.save("a", self.given)


def odd(given: Any) -> Hooks:
    return Hooks(Odd(given))


SIZE = Size(12, 12)


@pytest.mark.parametrize(
    "given",
    [
        [(12.0, 12.0)],
        [(12, 12.5)],
        [("12", "12")],
        ["ab"],
        [(12,)],
        12,
        [12],
        [(12, 12)] * 65,
        [(math.nan, 12)],
        [(torch.tensor(1.5), 12)],
    ],
)
def test_odd_stage_sizes(given: Any) -> None:
    with pytest.raises(ModeError, match="mode 'odd'") as caught:
        odd(given).stage_sizes(SIZE, TrainOptions())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


ORDINARY = torch.zeros(1, 3, 12, 12)
TENSORS = {
    "sparse": ORDINARY.to_sparse(),
    "meta": ORDINARY.to("meta"),
    "complex": ORDINARY.to(torch.complex64),
    "NaN": ORDINARY + math.nan,
    "infinite": ORDINARY + math.inf,
    "shape": ORDINARY[..., :5],
    "list": ORDINARY.tolist(),
}


@pytest.mark.parametrize("name", TENSORS)
def test_odd_tensors(name: str) -> None:
    given = TENSORS[name]
    with pytest.raises(ModeError, match="mode 'odd' gave fixed_input"):
        odd(given).fixed_input([ORDINARY], TrainOptions(), torch.Generator())
    mask = given[:, :1] if name in ("complex", "NaN", "infinite") else given
    with pytest.raises(ModeError, match="mode 'odd' gave known_pixels"):
        odd(mask).known_pixels(SIZE, TrainOptions())


@pytest.mark.parametrize(
    "given",
    [ORDINARY.double(), ORDINARY.bool(), ORDINARY.half(), ORDINARY.clone().requires_grad_()],
)
def test_tensors_of_other_kinds_become_ordinary_ones(given: Tensor) -> None:
    found = odd(given).fixed_input([ORDINARY], TrainOptions(), torch.Generator())
    assert found.dtype == torch.float32
    assert not found.requires_grad


def test_a_pyramid_that_is_changed_in_place_is_said() -> None:
    with pytest.raises(ModeError, match="changed the pyramid in place in fixed_input"):
        odd(lambda pyramid: pyramid[0].add_(1)).fixed_input(
            [ORDINARY.clone()], TrainOptions(), torch.Generator()
        )
    levels = [ORDINARY.clone()]
    odd(lambda pyramid: pyramid.pop()).fixed_input(levels, TrainOptions(), torch.Generator())
    assert len(levels) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "mode 'odd' saved no picture in its hook `apply`"),
        (ORDINARY + math.nan, "mode 'odd' failed in its hook `apply`: ValueError: a picture has"),
        (ORDINARY - math.inf, "mode 'odd' failed in its hook `apply`: ValueError: a picture has"),
    ],
)
def test_an_apply_that_makes_no_picture(
    given: Tensor | None, words: str, trained: Run, tmp_path: Path
) -> None:
    run = consingan.open_run(trained.path)
    run.applier = odd(given)
    with pytest.raises(ModeError, match=words):
        run.apply(tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Processes.


def test_a_forked_process_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_computing", [])
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert find_device("cpu").type == "cpu"
    assert find_device("cpu").type == "cpu"
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    with pytest.raises(RunError, match=r"forked after its parent had computed.*'spawn'"):
        find_device("cpu")


def command(
    *arguments: str, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process, with redirections of a shell."""
    text = f'"$0" -m consingan "$@" {shell}'
    variables = {**os.environ, **environment}
    return subprocess.run(
        ["sh", "-c", text, sys.executable, *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


posix = pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")


@posix
def test_streams_that_are_closed_or_narrow(tmp_path: Path) -> None:
    closed_errors = command("show", "nothing", "--runs", str(tmp_path), shell="2>&-")
    assert (closed_errors.returncode, closed_errors.stdout) == (2, "")
    assert command("--version", shell=">&-").returncode == 0
    assert "animation" in command("modes", COLUMNS="0").stdout


def test_stdout_that_cannot_show_a_name(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(trained.path, tmp_path / "Phötö 🎉" / "run")
    narrow = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    code = cli.run(["show", str(folder)])
    narrow.flush()
    assert code == 0
    assert rb"Ph\xf6t\xf6 \U0001f389" in narrow.buffer.getvalue()  # type: ignore[attr-defined]


@posix
def test_a_working_directory_that_was_deleted_is_said(
    trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(RunError, match="the working directory was deleted"):
        trained.apply(tmp_path / "out", num_samples=1)
