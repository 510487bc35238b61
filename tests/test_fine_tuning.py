"""Naive pictures in training, and fine-tuning: the last stage of a run trained again on one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

import consingan
from consingan import Run, cli, hookimpl
from consingan.core.hooks.dispatch import Hooks
from consingan.core.hooks.events import StageSaved, StageStarted, StepLogged
from consingan.core.pictures.reading import load_picture
from consingan.core.pictures.resizing import resize
from consingan.core.pictures.tensors import to_tensor
from consingan.core.runs.stored_model import load_model
from consingan.core.runs.tensor_files import stage_file
from consingan.core.sampling.sampler import Sampler
from consingan.errors import OptionError, RunError, RunNotFoundError
from tests.conftest import TINY, image_size, tiny_image

MODES = ["harmonization", "editing"]
pytestmark = pytest.mark.filterwarnings("ignore:the naive picture .* is sharper than the run")
LAST = stage_file(2)


class Tuned(NamedTuple):
    """A run fine-tuned from `parent`, and what was seen on the way."""

    run: Run
    parent: Run
    before: dict[str, bytes]
    """The parent's files before."""
    entered: list[Tensor]
    """The stage-0 input of every step."""
    model: dict[str, Tensor]
    """The generator's weights as trained, in memory."""


def _naive() -> Image.Image:
    """Of another size and shape than the training picture."""
    return tiny_image(44, 30, seed=7)


def _train(mode: str, out: Path, **options: Any) -> Run:
    return consingan.train(tiny_image(), mode, runs=out, **{**TINY, **options})


def _files(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


class _Keep:
    def __init__(self) -> None:
        self.model: dict[str, Tensor] = {}

    @hookimpl
    def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
        state = sampler.model.generator.state_dict()
        self.model = {name: tensor.clone() for name, tensor in state.items()}


class _Interrupt:
    """Ctrl-C as a stage starts, or at its last step."""

    def __init__(self, stage: int, at_end: bool = False) -> None:
        self.stage, self.at_end = stage, at_end

    @hookimpl
    def stage_started(self, event: StageStarted) -> None:
        if event.stage == self.stage and not self.at_end:
            raise KeyboardInterrupt

    @hookimpl
    def step_logged(self, event: StepLogged) -> None:
        if event.stage == self.stage and event.step == event.niter:
            raise KeyboardInterrupt


@pytest.fixture(scope="module", params=MODES)
def tuned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A run and one that was fine-tuned from it, which no test changes."""
    out, keep = tmp_path_factory.mktemp(request.param), _Keep()
    parent = _train(request.param, out)
    before = _files(parent.path)
    entered: list[Tensor] = []
    training_input = Hooks.training_input

    def spy(*given: Any) -> Tensor:
        entered.append(training_input(*given))
        return entered[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hooks, "training_input", spy)
        run = consingan.fine_tune(parent.path, _naive(), runs=out, niter=5, listeners=[keep])
    return Tuned(run, parent, before, entered, keep.model)


@pytest.mark.parametrize("mode", MODES)
def test_a_naive_picture_is_shown_and_never_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    given: list[Tensor | None] = []
    training_input = Hooks.training_input

    def spy(*arguments: Any) -> Tensor:
        given.append(arguments[4])
        return training_input(*arguments)

    monkeypatch.setattr(Hooks, "training_input", spy)
    path = tmp_path / "naive.png"
    _naive().save(path)
    without = _files(_train(mode, tmp_path / "without").path)
    run = _train(mode, tmp_path / "with", naive=path)
    files = _files(run.path)
    assert image_size(run.path / "naive.png") == (17, 24)
    assert "naive.png" not in without
    for stage in range(3):
        assert files[stage_file(stage)] == without[stage_file(stage)]
        assert files[f"previews/{stage:02}.png"] != without[f"previews/{stage:02}.png"]
    assert given == [None] * 18
    shown = run.hooks.preview(run.sampler("cpu"))
    naive = to_tensor(load_picture(run.path / "naive.png").image)
    assert [picture.equal(naive) for caption, picture in shown if caption == "naive"] == [True]
    assert run.config.parent is None


def test_a_mode_without_naive_pictures_refuses_one(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="generation takes no naive picture") as caught:
        _train("generation", tmp_path / "runs", naive=_naive())
    assert caught.value.option == "naive"
    assert not (tmp_path / "runs").exists()


def test_the_parent_is_named_and_unchanged(tuned: Tuned) -> None:
    assert tuned.run.config.parent == str(tuned.parent.path.resolve())
    assert tuned.run.path != tuned.parent.path
    assert tuned.run.path.parent == tuned.parent.path.parent
    assert _files(tuned.parent.path) == tuned.before
    opened = consingan.open_run("latest", runs=tuned.run.path.parents[1])
    assert opened.path == tuned.run.path
    assert (opened.state.status, opened.complete) == ("complete", True)
    assert opened.config.created > tuned.parent.config.created


def test_only_what_may_change_does(tuned: Tuned) -> None:
    run, parent = tuned.run, tuned.parent
    changed = {name for name, value in run.options if value != getattr(parent.options, name)}
    assert changed == {"niter", "train_depth"}
    assert (run.options.niter, run.options.train_depth) == (5, 1)
    after = _files(run.path)
    for name in ("picture.png", stage_file(0), stage_file(1)):
        assert after[name] == tuned.before[name]
    assert run.sizes == parent.sizes
    last, start = load_file(run.path / LAST), load_file(parent.path / LAST)
    groups = {name.split(".block")[0] for name in last if not name.startswith("critic.")}
    assert groups == {
        "generator.body.2",
        "generator.tail.0.weight",
        "generator.tail.0.bias",
        "amplitude",
    }
    assert {name for name in last if name.startswith("critic.")} == {
        name for name in start if name.startswith("critic.")
    }
    # Biases that batch norm or the critic's differences cancel may have nothing to learn.
    same = {name for name in last if last[name].equal(start[name])}
    assert {name for name in same if not name.endswith("bias")} == {"amplitude"}


def test_a_loaded_fine_tuned_model_equals_the_trained_one(tuned: Tuned) -> None:
    loaded = load_model(consingan.open_run(tuned.run.path))
    state = loaded.generator.state_dict()
    assert [name for name, tensor in tuned.model.items() if not tensor.equal(state[name])] == []
    parent = load_model(tuned.parent)
    kept = {name: tensor for name, tensor in parent.generator.state_dict().items()}
    lower = [name for name in kept if name.startswith(("head", "body.0", "body.1"))]
    assert lower
    assert [name for name in lower if not kept[name].equal(state[name])] == []
    assert loaded.amplitudes == parent.amplitudes


def test_the_naive_picture_enters_at_every_step(tuned: Tuned) -> None:
    naive = to_tensor(load_picture(tuned.run.path / "naive.png").image)
    expected = resize(naive, tuned.run.sizes[0])
    assert len(tuned.entered) == 5
    noise = torch.stack([entering - expected for entering in tuned.entered])
    if tuned.run.mode == "harmonization":
        assert noise.abs().max() == 0
    else:
        assert float(noise.std()) == pytest.approx(0.1, rel=0.1)


def test_a_fine_tuned_run_shows_and_applies(tuned: Tuned, tmp_path: Path) -> None:
    previews = [file.name for file in (tuned.run.path / "previews").iterdir()]
    assert previews == ["02.png"]
    captions = [caption for caption, _ in tuned.run.hooks.preview(tuned.run.sampler("cpu"))]
    assert captions[3:] == ["naive", "result"]
    naive, mask = tmp_path / "naive.png", tmp_path / "naive_mask.png"
    _naive().save(naive)
    Image.new("L", _naive().size, 255).save(mask)
    made = [
        run.apply(tmp_path / name, "cpu", naive=naive)[1].read_bytes()
        for name, run in (("tuned", tuned.run), ("parent", tuned.parent))
    ]
    assert made[0] != made[1]


def test_a_fine_tuned_run_needs_its_parent_no_more(tuned: Tuned, tmp_path: Path) -> None:
    copy = shutil.copytree(tuned.run.path, tmp_path / "copy")
    config = (copy / "config.json").read_text()
    assert str(tuned.parent.path) in config
    (copy / "config.json").write_text(config.replace(str(tuned.parent.path), "/nowhere"))
    run = consingan.open_run(copy)
    naive = tmp_path / "naive.png"
    _naive().save(naive)
    Image.new("L", _naive().size, 255).save(tmp_path / "naive_mask.png")
    assert run.apply(tmp_path / "new", "cpu", naive=naive)


def test_a_fine_tuned_run_can_be_fine_tuned(tuned: Tuned, tmp_path: Path) -> None:
    again = consingan.fine_tune(tuned.run.path, tiny_image(seed=8), runs=tmp_path, niter=2)
    assert again.config.parent == str(tuned.run.path.resolve())
    assert _files(again.path)[LAST] != _files(tuned.run.path)[LAST]
    kept, first = load_model(again).generator, load_model(tuned.parent).generator
    assert kept.head.conv.weight.equal(first.head.conv.weight)


def test_another_naive_picture_teaches_something_else(tuned: Tuned, tmp_path: Path) -> None:
    same, other = (
        consingan.fine_tune(tuned.parent.path, picture, runs=tmp_path / name, niter=5)
        for name, picture in (("same", _naive()), ("other", tiny_image(44, 30, seed=8)))
    )
    expected = _files(tuned.run.path)[LAST]
    assert _files(same.path)[LAST] == expected
    assert _files(other.path)[LAST] != expected


@pytest.mark.parametrize("at_end", [False, True])
def test_interrupted_fine_tuning_resumes_to_the_same(
    tuned: Tuned, tmp_path: Path, at_end: bool
) -> None:
    with pytest.raises(KeyboardInterrupt):
        consingan.fine_tune(
            tuned.parent.path, _naive(), runs=tmp_path, niter=5, listeners=[_Interrupt(2, at_end)]
        )
    stopped = consingan.open_run("latest", runs=tmp_path)
    assert (stopped.state.status, stopped.stages_done) == ("stopped", 2)
    resumed = consingan.resume("latest", runs=tmp_path)
    assert resumed.state.status == "complete"
    files, expected = _files(resumed.path), _files(tuned.run.path)
    for name in (*map(stage_file, range(3)), "picture.png", "naive.png", "previews/02.png"):
        assert files[name] == expected[name]


@pytest.mark.parametrize("file", ["start.safetensors", "naive.png", "stages/01.safetensors"])
def test_a_damaged_fine_tuning_is_no_surprise(tuned: Tuned, tmp_path: Path, file: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        consingan.fine_tune(tuned.parent.path, _naive(), runs=tmp_path, listeners=[_Interrupt(2)])
    stopped = consingan.open_run("latest", runs=tmp_path)
    (stopped.path / file).unlink()
    with pytest.raises(RunError, match=file):
        consingan.resume("latest", runs=tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_a_run_of_one_stage_is_fine_tuned(tmp_path: Path, mode: str) -> None:
    parent, keep = _train(mode, tmp_path, train_stages=1), _Keep()
    before = _files(parent.path)
    with pytest.raises(KeyboardInterrupt):
        consingan.fine_tune(parent.path, _naive(), runs=tmp_path, listeners=[_Interrupt(0)])
    with pytest.raises(RunError, match="has no trained stage"):
        consingan.open_run("latest", runs=tmp_path).sampler("cpu")
    run = consingan.resume("latest", runs=tmp_path, listeners=[keep])
    assert run.complete
    assert _files(parent.path) == before
    state = load_model(consingan.open_run(run.path)).generator.state_dict()
    assert all(tensor.equal(state[name]) for name, tensor in keep.model.items())
    old = load_model(parent).generator.state_dict()
    assert not old["tail.0.weight"].equal(state["tail.0.weight"])


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("filters", 8),
        ("layers", 2),
        ("max_size", 20),
        ("min_size", 11),
        ("train_stages", 2),
        ("activation", "elu"),
        ("lrelu_alpha", 0.1),
        ("batch_norm", False),
        ("train_depth", 2),
        ("window", 64),
        ("seed", 1),
    ],
)
def test_what_is_trained_already_cannot_change(
    tuned: Tuned, tmp_path: Path, option: str, value: Any
) -> None:
    with pytest.raises(OptionError, match="fine-tuning keeps it at ") as caught:
        consingan.fine_tune(tuned.parent.path, _naive(), runs=tmp_path, **{option: value})
    assert caught.value.option == option
    assert list(tmp_path.iterdir()) == []


def test_what_stays_as_it_is_may_be_said(tuned: Tuned, tmp_path: Path) -> None:
    same = {"filters": tuned.parent.options.filters, "seed": tuned.parent.options.seed}
    run = consingan.fine_tune(tuned.parent.path, _naive(), runs=tmp_path, niter=1, **same)
    assert run.complete


@pytest.mark.parametrize(("option", "value"), [("niter", 0), ("lr_generator", -1), ("colour", 1)])
def test_bad_options_are_errors(tuned: Tuned, tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(OptionError) as caught:
        consingan.fine_tune(tuned.parent.path, _naive(), runs=tmp_path, **{option: value})
    assert option in (caught.value.option or str(caught.value))
    assert list(tmp_path.iterdir()) == []


def test_what_fine_tuning_may_change_arrives(tuned: Tuned, tmp_path: Path) -> None:
    changes = {"niter": 1, "lr_generator": 0.01, "reconstruction_weight": 1.0}
    run = consingan.fine_tune(tuned.parent.path, _naive(), runs=tmp_path, **changes)
    assert {name: getattr(run.options, name) for name in changes} == changes
    assert run.options == consingan.open_run(run.path).options


def test_generation_has_no_fine_tuning(tmp_path: Path) -> None:
    parent = _train("generation", tmp_path)
    before = _files(tmp_path)
    with pytest.raises(OptionError, match=r"generation .*has no fine-tuning"):
        consingan.fine_tune(parent.path, _naive(), runs=tmp_path)
    assert _files(tmp_path) == before


def test_an_unfinished_or_damaged_run_is_not_fine_tuned(tuned: Tuned, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _train(tuned.run.mode, tmp_path, listeners=[_Interrupt(1)])
    with pytest.raises(RunError, match=r"is unfinished; .*consingan resume"):
        consingan.fine_tune("latest", _naive(), runs=tmp_path)
    damaged = shutil.copytree(tuned.parent.path, tmp_path / "copy")
    (damaged / LAST).write_bytes(b"nothing")
    with pytest.raises(RunError, match="damaged"):
        consingan.fine_tune(damaged, _naive(), runs=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(RunNotFoundError):
        consingan.fine_tune("castle", _naive(), runs=tmp_path)


@pytest.fixture
def here(tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a finished run, a photo and a naive picture."""
    monkeypatch.chdir(tmp_path)
    parent = tuned.parent.path
    shutil.copytree(parent, tmp_path / "runs" / "photo" / parent.name)
    tiny_image().save("photo.png")
    _naive().save("naive.png")
    return tmp_path


def test_fine_tuning_from_the_command_line(
    tuned: Tuned, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mode = tuned.run.mode
    command = [mode, "train", "--from=latest", "--naive=naive.png", "--niter=5", "--device=cpu"]
    assert cli.run(command) == 0
    out, err = capsys.readouterr()
    assert "stage 3 of 3 (24x16) saved" in err
    assert f"Next: consingan {mode} apply runs" in out
    assert out.rstrip().endswith(" --naive naive.png")
    run = consingan.open_run("latest")
    assert run.config.parent == str(here / "runs" / "photo" / tuned.parent.path.name)
    assert _files(run.path)[LAST] == _files(tuned.run.path)[LAST]
    assert cli.run(["show", "latest", "--json"]) == 0
    assert '"parent": "/' in capsys.readouterr().out
    Image.new("L", _naive().size, 255).save("naive_mask.png")
    assert cli.run([mode, "apply", "latest", "--naive=naive.png"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from=latest"], "--from: fine-tuning needs --naive PICTURE"),
        (["photo.png", "--from=latest"], "--from: fine-tuning needs --naive PICTURE"),
        (["photo.png", "--from=latest", "--naive=naive.png"], "no PHOTO; leave 'photo.png' out"),
        (["--from=nothing", "--naive=naive.png"], "no run 'nothing' was found"),
        (["--from=latest", "--naive=nothing.png"], "'nothing.png' does not exist"),
        (
            ["--from=latest", "--naive=naive.png", "--filters=9"],
            "--filters: fine-tuning keeps it at 4",
        ),
        (["--from=latest", "--naive=naive.png", "--niter=0"], "--niter: input should be"),
        (["--from=latest", "--naive=naive.png", "--device=tpu"], "--device: 'tpu'"),
        (["--naive=naive.png"], "give the PHOTO"),
    ],
)
def test_wrong_usage_is_one_line_and_creates_nothing(
    tuned: Tuned,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    before = _files(here)
    assert cli.run([tuned.run.mode, "train", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert _files(here) == before


def test_a_run_of_another_mode_is_refused(
    tuned: Tuned, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _files(here)
    for mode in ("generation", "editing" if tuned.run.mode == "harmonization" else "harmonization"):
        assert cli.run([mode, "train", "--from=latest", "--naive=naive.png", "--niter=1"]) == 2
        err = capsys.readouterr().err
        assert err.startswith("consingan: --from: ")
        assert err.count("\n") == 1
    assert _files(here) == before
