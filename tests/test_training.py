"""The engine and the run folder, end to end on tiny pictures."""

from __future__ import annotations

import gc
import json
import shutil
import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import consingan
from consingan import Mode, Options, Run, Size, TrainOptions, hookimpl
from consingan.core.hooks.dispatch import Hooks
from consingan.core.hooks.events import StageSaved, StageStarted, StepLogged
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.options.training import Schedule
from consingan.core.pictures.outputs import Outputs
from consingan.core.pictures.resizing import build_pyramid
from consingan.core.pictures.tensors import to_tensor
from consingan.core.run import make_sampler
from consingan.core.sampling.sampler import Sampler
from consingan.core.training import stage_trainer
from consingan.core.training.ema import WeightEMA
from consingan.core.training.loop import add_stage
from consingan.core.training.losses import (
    color_loss,
    gradient_penalty,
    mean_score,
    reconstruction_loss,
)
from consingan.core.training.session import train_run
from consingan.core.training.stage_trainer import StageTrainer
from consingan.errors import ModeError, Note, OptionError, PictureError, RunError, RunNotFoundError
from consingan.modes.generation import Generation
from tests.conftest import TINY, image_size, tiny_image
from tests.trainers import make_trainer


def _train(out: Path, **options: Any) -> Run:
    return consingan.train(tiny_image(), runs=out, **{**TINY, **options})


def _stopped(out: Path) -> Run:
    """A run that was interrupted after its first stage."""

    class Interrupt:
        @hookimpl
        def stage_started(self, event: StageStarted) -> None:
            if event.stage == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consingan.train(tiny_image(), runs=out, listeners=[Interrupt()], **TINY)
    return consingan.open_run("latest", runs=out)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One finished run, which no test changes."""
    return _train(tmp_path_factory.mktemp("trained"))


def test_only_the_newest_stages_the_tail_and_the_critic_learn() -> None:
    trainer = make_trainer(5, train_depth=2)
    generator = trainer.model.generator
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    trainer.step(0)
    after = generator.state_dict()
    changed = {name.split(".block")[0] for name in before if not before[name].equal(after[name])}
    assert changed == {"body.3", "body.4", "tail.0.weight", "tail.0.bias"}


@pytest.mark.parametrize(("stages", "head_learns"), [(1, True), (3, True), (4, False)])
def test_the_head_learns_while_stage_0_does(stages: int, head_learns: bool) -> None:
    trainer = make_trainer(stages, train_depth=3)
    weight = trainer.model.generator.head.conv.weight
    before = weight.clone()
    trainer.step(0)
    assert weight.equal(before) is not head_learns


def test_lower_stages_learn_slower_by_lr_scale() -> None:
    trainer = make_trainer(3, lr_generator=0.01, lr_scale=0.5)
    rates = [group["lr"] for group in trainer.generator_optimizer.param_groups]
    assert rates == pytest.approx([0.0025, 0.005, 0.01, 0.0025, 0.01])  # body 0-2, head, tail


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [("step", [1.0] * 8 + [0.1] * 2), ("linear", [1.0] * 6 + [0.82, 0.64, 0.46, 0.28])],
)
def test_learning_rates_fall(schedule: Schedule, factors: list[float]) -> None:
    trainer = make_trainer(1, niter=10, lr_critic=0.01, lr_decay=0.1, lr_schedule=schedule)
    rates = []
    for step in range(10):
        trainer.step(step)
        rates.append(trainer.critic_optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.01 * factor for factor in factors])


def test_no_gradient_reaches_the_critic_from_the_generators_loss() -> None:
    trainer = make_trainer(1, critic_steps=1, generator_steps=1)
    critic, at_its_step = list(trainer.model.critic.parameters()), []
    trainer.critic_optimizer.register_step_post_hook(
        lambda *_: at_its_step.extend((w.detach().clone(), w.grad.clone()) for w in critic)
    )
    trainer.step(0)
    assert len(at_its_step) == len(critic)
    for weight, (after, slope) in zip(critic, at_its_step, strict=True):
        assert weight.equal(after)
        assert weight.grad is not None
        assert weight.grad.equal(slope)


@pytest.mark.parametrize("window", [0, 21])
def test_a_step_applies_the_gradients_of_the_losses_as_they_are_written(window: int) -> None:
    """WGAN-GP for the critic; for the generator, minus its score and its weighted error."""
    rates = {"lr_critic": 1e-12, "generator_steps": 1}
    weights = {"gradient_penalty": 0.3, "reconstruction_weight": 7}
    options = {"layers": 1, "initialization": "he", "critic_steps": 1, **rates, **weights}
    trainer = make_trainer(8, window=window, **options)
    critic, generator = trainer.model.critic, trainer.model.generator
    inputs = trainer._inputs(trainer._draw_window(0))
    at, real, fake = inputs.sampled, inputs.real, trainer._fake(0, inputs)
    mixing = trainer.noise.mixing(trainer.stage, 0, 0)
    penalty = gradient_penalty(critic, real, fake.detach(), mixing, at)
    critic_loss = mean_score(critic, fake.detach(), at) - mean_score(critic, real, at)
    rebuilt = trainer._picture(inputs.fixed, inputs.frozen_fixed(), inputs.plan)
    generator_loss = -mean_score(critic, fake, at) + 7 * reconstruction_loss(
        rebuilt, inputs.picture, at
    )
    learning = [weight for weight in generator.parameters() if weight.requires_grad]
    expected = [
        *torch.autograd.grad(
            critic_loss + 0.3 * penalty, list(critic.parameters()), allow_unused=True
        ),
        *torch.autograd.grad(generator_loss, learning),
    ]
    trainer.step(0)
    for weight, gradient in zip([*critic.parameters(), *learning], expected, strict=True):
        assert weight.grad is not None
        wanted = torch.zeros_like(weight) if gradient is None else gradient
        torch.testing.assert_close(weight.grad, wanted, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("window", [0, 21])
def test_a_trainer_that_is_done_with_is_freed(window: int) -> None:
    """With its optimizers, and without waiting for the garbage collector."""
    trainer = make_trainer(8, window=window, layers=1)
    assert (trainer.windows is None) == (not window)
    trainer.step(0)
    alive = weakref.ref(trainer)
    gc.collect()
    gc.disable()
    try:
        del trainer
        assert alive() is None
    finally:
        gc.enable()


def test_one_generator_pass_serves_all_critic_steps() -> None:
    trainer = make_trainer(2, critic_steps=5)
    calls: list[int] = []
    trainer.model.generator.tail[-1].register_forward_hook(lambda *_: calls.append(1))
    trainer.step(0)
    assert len(calls) == 2  # fresh noise once, fixed noise once


def test_every_critic_step_has_its_own_mixing_number(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def penalty(*given: Any) -> Tensor:
        seen.append(float(given[3]))
        return gradient_penalty(*given)

    monkeypatch.setattr(stage_trainer, "gradient_penalty", penalty)
    trainer = make_trainer(1, critic_steps=4)
    for step in range(2):
        trainer.step(step)
    assert len(seen) == len(set(seen)) == 8


@pytest.mark.parametrize(("side", "factor"), [(96, 1), (97, 20)])
def test_fine_stages_get_more_noise(side: int, factor: float) -> None:
    options = TrainOptions(**{**TINY, "fine_noise": 20, "noise_amplitude": 0.3})
    hooks, noise = Hooks(Generation()), Noise(0)
    sizes = [Size(12, 12), Size(side, side)]
    model = Model(options, "oversize", sizes)
    sampler = make_sampler(model, build_pyramid(to_tensor(tiny_image()), sizes), hooks, noise)
    add_stage(sampler)
    given, model.amplitudes[-1] = model.amplitudes[-1], 0.0
    error = float((sampler.reconstruction() - sampler.picture).square().mean().sqrt())
    assert given == pytest.approx(0.3 * factor * error, rel=1e-3)


def _color_distance(trainer: StageTrainer) -> float:
    """Of the last step's fake, along the axes."""
    fake, real = trainer.last_pair
    return float(color_loss(fake, real, torch.eye(3)))


def test_the_color_weight_draws_colors_to_the_pictures() -> None:
    """Where nothing else does: no reconstruction, and a critic that learns nothing."""
    silent: dict[str, Any] = {"reconstruction_weight": 0, "lr_critic": 1e-9}
    distances = {}
    for weight in (0, 60):
        options = {"filters": 16, "initialization": "he", "color_weight": weight}
        trainer = make_trainer(1, niter=100, **options, **silent)
        for step in range(100):
            trainer.step(step)
        distances[weight] = _color_distance(trainer)
    assert distances[60] < 0.05 < distances[0]


@pytest.mark.parametrize("window", [0, 21])
def test_the_color_weight_is_for_stages_trained_whole(window: int) -> None:
    hooks, noise, sizes, found = Hooks(Generation()), Noise(0), [Size(30, 30)], []
    for weight in (0, 60):
        given = {**TINY, "layers": 1, "window": window, "color_weight": weight}
        model = Model(TrainOptions(**given), "oversize", sizes)
        pyramid = build_pyramid(to_tensor(tiny_image()), sizes)
        trainer = StageTrainer(make_sampler(model, pyramid, hooks, noise), hooks, noise)
        trainer.step(0)
        found.append(model.generator.tail.state_dict()["0.weight"].clone())
    assert found[0].equal(found[1]) == bool(window)


def test_training_fits_the_picture() -> None:
    stable: dict[str, Any] = {"first_generator_steps": 1, "beta2": 0.9, "initialization": "he"}
    options = {"filters": 32, "lr_generator": 1e-3, "reconstruction_weight": 50, **stable}
    trainer = make_trainer(1, niter=200, **options)
    losses = [trainer.step(step).reconstruction.item() for step in range(200)]
    assert losses[-1] < 0.4 * losses[0]


@pytest.mark.parametrize("activation", ["lrelu", "elu", "prelu", "selu"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_kind_of_network_trains(activation: str, batch_norm: bool) -> None:
    trainer = make_trainer(2, activation=activation, batch_norm=batch_norm)
    assert all(torch.isfinite(loss) for loss in trainer.step(0))


def test_the_run_folder_holds_what_it_should(trained: Run) -> None:
    names = {str(file.relative_to(trained.path)) for file in trained.path.rglob("*.*")}
    stages = [f"stages/{stage:02}.safetensors" for stage in range(3)]
    previews = [f"previews/{stage:02}.png" for stage in range(3)]
    expected = {"config.json", "state.json", "picture.png", "metrics.jsonl", *stages, *previews}
    assert expected <= names
    assert trained.path.parent.name == "picture"
    assert trained.state.status == "complete"
    config = json.loads((trained.path / "config.json").read_text())
    assert config["schema_version"] == 1
    assert config["mode"] == "generation"
    assert config["plugin"]["package"] == "consingan"
    assert config["options"]["niter"] == 3
    assert image_size(trained.path / "picture.png") == (24, 16)


def test_stage_files_hold_only_what_the_stage_learned(tmp_path: Path) -> None:
    run = _train(tmp_path, train_depth=1)
    last = load_file(run.path / "stages" / "02.safetensors")
    bodies = {name.split(".")[2] for name in last if name.startswith("generator.body")}
    assert bodies == {"2"}
    assert not any(name.startswith("generator.head") for name in last)


def test_a_loaded_model_equals_the_trained_one(tmp_path: Path) -> None:
    kept: list[dict[str, Tensor]] = []
    rebuilt: list[Tensor] = []

    class Keep:
        @hookimpl
        def stage_saved(self, event: StageSaved, sampler: Sampler) -> None:
            kept.append(sampler.model.generator.state_dict())
            rebuilt.append(sampler.reconstruction())

    run = consingan.train(tiny_image(), runs=tmp_path, listeners=[Keep()], **TINY)
    sampler = consingan.open_run(run.path).sampler("cpu")
    loaded = sampler.model.generator.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in kept[-1].items())
    torch.testing.assert_close(sampler.reconstruction(), rebuilt[-1], rtol=0, atol=1e-6)


def test_the_same_seed_learns_the_same_and_another_does_not(tmp_path: Path, trained: Run) -> None:
    def weights(run: Run) -> bytes:
        return (run.path / "stages" / "02.safetensors").read_bytes()

    assert weights(_train(tmp_path / "a")) == weights(trained)
    assert weights(_train(tmp_path / "b", seed=1)) != weights(trained)


def test_metrics_are_logged_for_the_last_step_of_each_stage(trained: Run) -> None:
    lines = (trained.path / "metrics.jsonl").read_text().splitlines()
    events = [StepLogged(**json.loads(line)) for line in lines]
    assert [event.stage for event in events if event.step == event.niter] == [0, 1, 2]


def test_apply_makes_samples_a_reconstruction_and_a_sheet(tmp_path: Path, trained: Run) -> None:
    files = trained.apply(tmp_path / "new", num_samples=2, seed=3)
    names = [file.name for file in files]
    assert names == ["reconstruction.png", "sample-000.png", "sample-001.png", "sheet.png"]
    assert {image_size(file) for file in files[:3]} == {(24, 16)}
    record = json.loads((tmp_path / "new" / "options.json").read_text())
    assert record["options"]["seed"] == 3


def test_the_same_seed_makes_the_same_pictures(tmp_path: Path, trained: Run) -> None:
    sampler, again = trained.sampler("cpu"), trained.sampler("cpu")
    first = sampler.sample(0, seed=3)
    assert torch.equal(sampler.sample(1, seed=3), again.sample(1, seed=3))
    assert not torch.equal(first, sampler.sample(1, seed=3))
    assert not torch.equal(first, sampler.sample(0, seed=4))
    few = trained.apply(tmp_path / "few", num_samples=2, seed=3)
    many = trained.apply(tmp_path / "many", num_samples=4, seed=3)
    assert [file.read_bytes() for file in few[:3]] == [file.read_bytes() for file in many[:3]]


def test_apply_never_overwrites(tmp_path: Path, trained: Run) -> None:
    first = trained.apply(tmp_path, num_samples=1)
    before = [file.read_bytes() for file in first]
    second = trained.apply(tmp_path, num_samples=1, seed=9)
    assert not set(first) & set(second)
    assert [file.read_bytes() for file in first] == before


def test_default_outputs_get_a_folder_each(trained: Run) -> None:
    folders = {trained.apply(num_samples=0)[0].parent for _ in range(2)}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {trained.path / "applied"}


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"scale_w": 2}, (48, 16)),
        ({"scale_h": 0.5}, (24, 8)),
        ({"width": 31}, (31, 16)),
        ({"height": 40, "width": 10}, (10, 40)),
        ({"height": 1, "width": 60}, (60, 1)),
        ({"scale_w": 2, "height": 20}, (48, 20)),
    ],
)
def test_samples_have_the_size_that_is_asked_for(
    tmp_path: Path, trained: Run, options: dict[str, float], size: tuple[int, int]
) -> None:
    files = trained.apply(tmp_path, num_samples=1, **options)
    assert image_size(files[1]) == size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale_w": 2, "width": 9}, "--scale-w and --width exclude"),
        ({"num_samples": -1}, "greater than or equal to 0"),
        ({"width": 0}, "greater than or equal to 1"),
        ({"colour": "red"}, "no option 'colour'"),
    ],
)
def test_bad_apply_options_are_errors_and_write_nothing(
    tmp_path: Path, trained: Run, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        trained.apply(tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("stages", [1, 2])
def test_one_and_two_stages_train(tmp_path: Path, stages: int) -> None:
    run = _train(tmp_path, train_stages=stages)
    assert run.stages_done == stages
    assert run.apply(tmp_path / "new", num_samples=1)


def test_a_picture_smaller_than_min_size_trains(tmp_path: Path) -> None:
    with pytest.warns(Note, match="all stages have the size 15x13"):
        run = consingan.train(tiny_image(13, 15), runs=tmp_path, **{**TINY, "min_size": 20})
    assert run.sizes == [(13, 15)] * 3


@pytest.mark.parametrize(
    ("size", "options", "advice"),
    [
        ((10, 40), {}, "at least 11"),
        ((1, 1), {}, "at least 11"),
        ((200, 12), {}, "larger --max-size"),
    ],
)
def test_a_picture_too_small_is_refused_and_nothing_is_created(
    tmp_path: Path, size: tuple[int, int], options: dict[str, Any], advice: str
) -> None:
    with pytest.raises(PictureError, match=advice):
        consingan.train(tiny_image(*size), runs=tmp_path / "runs", **{**TINY, **options})
    assert not (tmp_path / "runs").exists()


def test_a_min_size_below_the_critics_view_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="min_size: 5 is less than the critic's receptive field"):
        consingan.train(tiny_image(30, 30), runs=tmp_path / "runs", **{**TINY, "min_size": 5})
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_run_keeps_its_stages_and_resumes_to_the_same(
    tmp_path: Path, trained: Run
) -> None:
    stopped = _stopped(tmp_path)
    assert (stopped.state.status, stopped.stages_done) == ("stopped", 1)
    assert image_size(stopped.apply(num_samples=1)[1]) == (18, 12)

    resumed = consingan.resume("latest", runs=tmp_path)
    assert resumed.state.status == "complete"
    for stage in range(3):
        name = f"stages/{stage:02}.safetensors"
        assert (resumed.path / name).read_bytes() == (trained.path / name).read_bytes()
    with pytest.raises(RunError, match="complete"):
        consingan.resume("latest", runs=tmp_path)


def test_a_failing_mode_is_named_and_the_run_says_failed(tmp_path: Path) -> None:
    class Broken(Generation):
        name = "broken"

        @hookimpl
        def training_input(
            self,
            pyramid: Sequence[Tensor],
            options: TrainOptions,
            generator: torch.Generator,
            naive: Tensor | None,
        ) -> Tensor:
            raise ZeroDivisionError("oops")

    run = _stopped(tmp_path)
    run.hooks = Hooks(Broken())
    with pytest.raises(ModeError, match=r"'broken' failed in its hook `training_input`.*oops"):
        train_run(run)
    assert (run.state.status, run.stages_done) == ("failed", 1)


def test_a_failing_listener_never_stops_training(tmp_path: Path) -> None:
    heard: list[str] = []

    class Broken:
        @hookimpl
        def step_logged(self, event: StepLogged) -> None:
            heard.append("broken")
            raise ZeroDivisionError("oops")

    class Works:
        @hookimpl
        def run_started(self, run: Run) -> None:
            heard.append("started")

        @hookimpl
        def step_logged(self, event: StepLogged) -> None:
            heard.append("step")

        @hookimpl
        def run_ended(self, run: Run) -> None:
            heard.append("ended")

    with pytest.warns(RuntimeWarning, match="listener Broken failed in step_logged"):
        run = consingan.train(tiny_image(), runs=tmp_path, listeners=[Broken(), Works()], **TINY)
    assert run.complete
    assert heard == ["started", "broken", "step", "step", "step", "ended"]


def test_hook_results_of_the_wrong_shape_are_refused() -> None:
    class Wrong(Generation):
        @hookimpl
        def fixed_input(
            self, pyramid: Sequence[Tensor], options: TrainOptions, generator: torch.Generator
        ) -> Tensor:
            return torch.zeros(1, 3, 2, 2)

        @hookimpl
        def stage_sizes(self, size: Size, options: TrainOptions) -> list[Size]:
            return [Size(30, 30), Size(20, 20)]

    hooks = Hooks(Wrong())
    with pytest.raises(ModeError, match="shape"):
        hooks.fixed_input([torch.zeros(1, 3, 12, 12)], TrainOptions(), torch.Generator())
    with pytest.raises(ModeError, match="don't grow to 20x20"):
        hooks.stage_sizes(Size(20, 20), TrainOptions())


def test_names_find_runs(tmp_path: Path) -> None:
    first = consingan.train(tiny_image(), runs=tmp_path, **TINY)
    shutil.copytree(first.path, tmp_path / "other" / first.path.name)
    last = consingan.train(tiny_image(), runs=tmp_path, **TINY)
    assert consingan.open_run("latest", runs=tmp_path).path == last.path
    assert consingan.open_run("picture", runs=tmp_path).path == last.path
    assert consingan.open_run("other", runs=tmp_path).path.parent.name == "other"
    assert consingan.open_run(str(first.path)).path == first.path
    with pytest.raises(RunNotFoundError, match="there are runs on: other, picture"):
        consingan.open_run("castle", runs=tmp_path)


def test_a_mode_finds_the_newest_run_that_it_can_use(tmp_path: Path) -> None:
    usable = _train(tmp_path)
    other = consingan.train(tiny_image(), mode="retarget", runs=tmp_path, **TINY)
    untrained = shutil.copytree(usable.path, tmp_path / "picture" / "newer")
    shutil.rmtree(untrained / "stages")
    config = json.loads((untrained / "config.json").read_text())
    config["created"] = "2999-01-01T00:00:00+00:00"
    (untrained / "config.json").write_text(json.dumps(config))
    assert consingan.open_run("picture", runs=tmp_path, mode="generation").path == usable.path
    assert consingan.open_run("latest", runs=tmp_path, mode="retarget").path == other.path
    assert consingan.open_run("latest", runs=tmp_path).path == untrained
    assert consingan.open_run("latest", runs=tmp_path, mode="editing").path == untrained
    shutil.rmtree(other.path / "stages")
    assert consingan.open_run("picture", runs=tmp_path, mode="retarget").path == other.path


@pytest.mark.parametrize("file", ["config.json", "state.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema_version": "x"}'])
def test_damaged_records_are_errors(tmp_path: Path, trained: Run, file: str, content: str) -> None:
    copy = shutil.copytree(trained.path, tmp_path / "copy")
    (copy / file).write_text(content)
    with pytest.warns(Note, match=f"{file}' is damaged or missing; its backup is used"):
        assert consingan.open_run(copy).state == trained.state
    (copy / file.replace(".", ".backup.")).write_text(content)
    with pytest.raises(RunError, match=rf"{file}.*restore it from a copy"):
        consingan.open_run(copy)


def test_a_newer_schema_is_refused(tmp_path: Path, trained: Run) -> None:
    copy = shutil.copytree(trained.path, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "schema_version": 2}))
    with pytest.raises(RunError, match="newer consingan"):
        consingan.open_run(copy)


def test_a_flipped_bit_in_a_stage_file_is_noticed(tmp_path: Path, trained: Run) -> None:
    copy = shutil.copytree(trained.path, tmp_path / "copy")
    file = copy / "stages" / "01.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(RunError, match=r"01\.safetensors.*checksum"):
        consingan.open_run(copy).apply()


def test_another_picture_in_the_run_folder_is_noticed(tmp_path: Path, trained: Run) -> None:
    copy = shutil.copytree(trained.path, tmp_path / "copy")
    tiny_image(16, 24, seed=5).save(copy / "picture.png")
    with pytest.raises(RunError, match=r"picture\.png.*checksum"):
        consingan.open_run(copy).apply()


def test_a_mode_that_only_applies_is_enough(tmp_path: Path) -> None:
    class Mirror(Mode[TrainOptions, Options]):
        name = "mirror"
        summary = "The picture, mirrored."

        @hookimpl
        def apply(self, sampler: Sampler, options: Options, outputs: Outputs) -> None:
            outputs.save("mirror", sampler.reconstruction().flip(-1))

    run = _train(tmp_path)
    run.applier = Hooks(Mirror())
    assert [file.name for file in run.apply()] == ["mirror.png"]


def test_training_warns_of_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _train(tmp_path, train_stages=1).complete


def test_an_average_forgets_where_a_short_stage_began() -> None:
    weight = torch.nn.Parameter(torch.full((2,), 100.0))
    ema = WeightEMA([weight], 0.995)
    for step in range(100):
        weight.data.fill_(float(step))
        ema.update()
    ema.copy_to_weights()
    # The plain mean would be 49.5; the last tenth has a mean of 94.5.
    assert 85 < weight.tolist()[0] < 97


def test_nothing_is_averaged_unless_asked_for() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    ema = WeightEMA([weight], 0.0)
    weight.data.fill_(3.0)
    ema.update()
    ema.copy_to_weights()
    assert weight.tolist() == [3.0, 3.0]
