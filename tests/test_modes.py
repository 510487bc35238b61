"""The built-in modes: their defaults, what enters training, previews, retargeting, animation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import consingan
from consingan import Run, Size, TrainOptions, cli
from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.noise import Noise
from consingan.core.networks.window import Window, whole
from consingan.core.options.presets import PRESETS, preset_changes, train_options
from consingan.core.pictures import clips
from consingan.core.runs.stored_inputs import read_pyramid
from consingan.core.sampling.sampler import Sampler, stored
from consingan.errors import Note, OptionError
from consingan.loading import find_plugins
from consingan.modes.animation import STRENGTHS, AnimationApply, _frames, _walk
from consingan.preparing import prepare
from tests.conftest import TINY, image_size, tiny_image

MODES = ("generation", "retarget", "animation", "harmonization", "editing")
NAIVE_MODES = ("harmonization", "editing")
LIVELY = {**TINY, "lr_generator": 0.01}
"""After three steps at the usual rate, noise changes less than what eight bits show."""

Trained = Callable[[str], Run]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A finished run of each mode, which no test changes; those that can know a naive picture."""
    runs: dict[str, Run] = {}

    def find(mode: str) -> Run:
        if mode not in runs:
            runs[mode] = _train(mode, tmp_path_factory.mktemp(mode))
        return runs[mode]

    return find


@pytest.fixture
def animated(trained: Trained) -> Sampler:
    """The sampler of an animation run, its fixed noise the same as everyone's."""
    return trained("animation").sampler("cpu")


def _train(mode: str, out: Path, **options: Any) -> Run:
    naive = tiny_image(30, 20, seed=1) if mode in NAIVE_MODES else None
    return consingan.train(tiny_image(), mode, naive=naive, runs=out, **{**LIVELY, **options})


def _hooks(mode: str) -> Hooks:
    return Hooks(find_plugins().modes[mode].mode)


def _files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def _changed(options: TrainOptions) -> dict[str, Any]:
    defaults = TrainOptions()
    return {name: value for name, value in options if value != getattr(defaults, name)}


@pytest.mark.parametrize(
    ("mode", "options", "names"),
    [
        ("generation", {"num_samples": 1}, ["reconstruction", "sample-000", "sheet"]),
        ("retarget", {"num_samples": 1, "width": 30}, ["reconstruction", "sample-000", "sheet"]),
        ("animation", {"frames": 3}, ["clip"]),
        ("harmonization", {}, ["result", "raw", "sheet"]),
        ("editing", {}, ["result", "raw", "sheet"]),
    ],
)
def test_every_mode_trains_and_applies(
    trained: Trained, tmp_path: Path, mode: str, options: dict[str, Any], names: list[str]
) -> None:
    run = trained(mode)
    assert (run.mode, run.complete, run.sizes[-1]) == (mode, True, (16, 24))
    assert all((run.path / "previews" / f"{stage:02}.png").is_file() for stage in range(3))
    if mode in NAIVE_MODES:
        options = {"naive": tmp_path / "naive.png"}
        tiny_image(seed=1).save(options["naive"])
        Image.new("L", (30, 20), 255).save(tmp_path / "naive_mask.png")
    files = consingan.open_run(run.path).apply(tmp_path / "new", **options)
    assert [file.stem for file in files] == names
    beside = ["options.json", *["gallery.html"] * (len(files) > 2)]
    assert _files(tmp_path / "new") == sorted([*(file.name for file in files), *beside])


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_learns_the_same_in_every_mode(
    trained: Trained, tmp_path: Path, mode: str
) -> None:
    def weights(run: Run) -> list[bytes]:
        return [(run.path / f"stages/{stage:02}.safetensors").read_bytes() for stage in range(3)]

    first = weights(trained(mode))
    assert weights(_train(mode, tmp_path / "again")) == first
    if mode in NAIVE_MODES:  # what enters comes from the seed as well
        assert weights(_train(mode, tmp_path / "other", seed=1)) != first


@pytest.mark.parametrize(
    ("mode", "changed"),
    [
        ("generation", {}),
        ("retarget", {}),
        ("animation", {"min_size": 20}),
        (
            "harmonization",
            {
                "train_stages": 3,
                "min_size": 120,
                "niter": 1000,
                "lrelu_alpha": 0.3,
                "batch_norm": True,
            },
        ),
        ("editing", {"niter": 1000, "batch_norm": True}),
    ],
)
def test_defaults_are_the_papers(mode: str, changed: dict[str, Any]) -> None:
    assert _changed(find_plugins().modes[mode].mode.TrainOptions()) == changed


LOGARITHMIC = [(25, 38), (31, 47), (41, 61), (60, 89), (115, 171), (167, 250)]


@pytest.mark.parametrize(
    ("mode", "padding", "sizes"),
    [
        ("generation", "oversize", LOGARITHMIC),
        ("retarget", "zero", LOGARITHMIC),
        (
            "animation",
            "oversize",
            [(20, 30), (26, 38), (35, 52), (53, 79), (110, 164), (167, 250)],
        ),
        ("harmonization", "zero", [(120, 180), (142, 212), (167, 250)]),  # 167 r^2, r^2 = 120/167
        ("editing", "zero", LOGARITHMIC),
    ],
)
def test_padding_and_stage_sizes(mode: str, padding: str, sizes: list[tuple[int, int]]) -> None:
    hooks = _hooks(mode)
    options = hooks.mode.TrainOptions()
    assert hooks.mode.padding_style == padding
    assert hooks.stage_sizes(Size(167, 250), options) == sizes


def test_harmonization_grows_by_one_factor() -> None:
    hooks = _hooks("harmonization")
    sizes = hooks.stage_sizes(Size(200, 300), hooks.mode.TrainOptions(train_stages=5))
    factor = (120 / 200) ** (1 / 4)
    for stage, size in enumerate(sizes):  # rounded up
        exact = 200 * factor ** (4 - stage)
        assert exact - 1e-6 <= size.height < exact + 1.001
        assert 1.5 * exact - 1e-6 <= size.width < 1.5 * exact + 1.001


@pytest.mark.parametrize("mode", MODES)
def test_noise_has_a_margin_only_where_borders_vary(trained: Trained, mode: str) -> None:
    shape = trained(mode).sampler("cpu").fixed_noise()[-1].shape
    margin = 6 if mode in ("generation", "animation") else 0
    assert shape == (1, 4, 16 + margin, 24 + margin)


@pytest.mark.parametrize("size", [(480, 640), (640, 480), (300, 300), (200, 400)])
@pytest.mark.parametrize("mode", MODES)
def test_presets_suit_every_mode(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    runs = {
        preset: prepare(
            find_plugins(), tiny_image(*size), mode, preset, None, None, tmp_path, "cpu", [], {}
        )
        for preset in PRESETS
    }
    total = {}
    for preset, run in runs.items():
        options = run.options
        assert max(run.sizes[-1]) in (250, 251)  # the published rounding, on floats
        assert options.receptive_field <= min(run.sizes[0]) < min(run.sizes[-1])
        total[preset] = sum(options.iterations(len(run.sizes)))
        assert options.precision != "auto"
    assert total["draft"] < total["default"] < total["best"]
    paper = runs["paper"].options
    assert (paper.window, paper.precision, paper.critic_steps) == (0, "float32", 3)


def test_a_modes_changes_are_for_every_preset_but_the_papers() -> None:
    changes = preset_changes(niter=7)
    found = {name: train_options(TrainOptions, name, {}, changes).niter for name in PRESETS}
    assert found == {"default": 7, "draft": 7, "best": 7, "paper": 2000}


@pytest.mark.parametrize("preset", ["default", "draft", "best"])
def test_texture_noise_and_color_weight_are_for_modes_that_make_samples(preset: str) -> None:
    found = {}
    for name in ("generation", "retarget", "animation", "harmonization", "editing"):
        mode = find_plugins().modes[name].mode
        options = train_options(mode.TrainOptions, preset, {}, mode.presets)
        found[name] = options.fine_noise, options.color_weight
    held = 0 if preset == "draft" else 60  # in few iterations it disturbs
    assert found == {
        "generation": (20, held),
        "retarget": (20, held),
        "animation": (1, 0),
        "harmonization": (1, 0),
        "editing": (1, 0),
    }


@pytest.mark.parametrize(("window", "fits"), [(33, False), (36, True), (0, True)])
def test_batch_norm_needs_all_of_the_first_stage(tmp_path: Path, window: int, fits: bool) -> None:
    options = {"batch_norm": True, "window": window, "max_size": 64, "min_size": 36}
    given = (tiny_image(64, 64), "generation", "draft", None, None, tmp_path, "cpu", [], options)
    if fits:
        prepare(find_plugins(), *given)
        return
    with pytest.raises(OptionError, match="use --window 36 or more") as caught:
        prepare(find_plugins(), *given)
    assert caught.value.option == "window"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["generation", "retarget", "harmonization"])
def test_the_fixed_input_is_the_smallest_picture(trained: Trained, mode: str) -> None:
    sampler = trained(mode).sampler("cpu")
    assert sampler.fixed_noise()[0].equal(sampler.pyramid[0])


def test_the_fixed_input_of_animation_is_noise(trained: Trained, animated: Sampler) -> None:
    fixed = animated.fixed_noise()[0]
    assert fixed.shape == animated.pyramid[0].shape
    assert abs(float(fixed.std()) - 1) < 0.15
    both = torch.stack([fixed.flatten(), animated.pyramid[0].flatten()])
    assert abs(float(torch.corrcoef(both)[0, 1])) < 0.2
    assert fixed.equal(trained("animation").sampler("cpu").fixed_noise()[0])


def test_the_fixed_input_of_editing_is_the_picture_and_noise(trained: Trained) -> None:
    run = trained("editing")
    sampler = run.sampler("cpu")
    noise = sampler.fixed_noise()[0] - sampler.pyramid[0]
    assert float(noise.std()) == pytest.approx(0.1, rel=0.15)
    assert sampler.fixed_noise()[0].equal(run.sampler("cpu").fixed_noise()[0])


@pytest.mark.parametrize("mode", ["generation", "retarget", "animation"])
def test_noise_enters_training(trained: Trained, mode: str) -> None:
    run = trained(mode)
    pyramid = read_pyramid(run)
    entering = run.hooks.training_input(pyramid, run.options, torch.Generator().manual_seed(0))
    assert float(entering.mean()) == pytest.approx(0, abs=0.15)
    assert float(entering.std()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("mode", "noise"), [("harmonization", 0.0), ("editing", 0.1)])
def test_a_changed_picture_enters_training(trained: Trained, mode: str, noise: float) -> None:
    run = trained(mode)
    pyramid, generator = read_pyramid(run), torch.Generator().manual_seed(0)
    entering = [run.hooks.training_input(pyramid, run.options, generator) for _ in range(20)]
    assert len({hash(picture.numpy().tobytes()) for picture in entering}) > 15
    differences = torch.stack([(picture - pyramid[0]).abs().mean() for picture in entering])
    assert differences.max() > noise + 0.02  # some change is more than the noise
    if mode == "harmonization":
        assert all(picture.abs().max() <= 1 for picture in entering)
    naive = -pyramid[0]
    tuning = run.hooks.training_input(pyramid, run.options, generator, naive)
    assert float((tuning - naive).std()) == pytest.approx(noise, rel=0.15)


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("generation", ["picture", "reconstruction", *(f"sample {index}" for index in range(4))]),
        ("retarget", ["picture", "reconstruction", "wide", "tall"]),
        ("animation", ["picture", *(f"frame {index}" for index in range(0, 10, 2))]),
        ("harmonization", ["picture", "augmented", "result", "naive", "result"]),
        ("editing", ["picture", "edited", "result", "naive", "result"]),
    ],
)
@pytest.mark.parametrize("stages", [1, 3])
def test_previews(trained: Trained, mode: str, shown: list[str], stages: int) -> None:
    finished = trained(mode)
    state = finished.state.model_copy(update={"stages": finished.state.stages[:stages]})
    run = Run(finished.path, finished.config, state, finished.hooks)
    sampler = run.sampler("cpu")
    pictures = list(run.hooks.preview(sampler))
    assert [caption for caption, _ in pictures] == shown
    height, width = run.sizes[stages - 1]
    shapes = {"wide": (height, 2 * width), "tall": (2 * height, width)}
    upright = (3, 4) if mode in NAIVE_MODES else ()  # the naive picture and its result
    for index, (caption, picture) in enumerate(pictures):
        expected = (width, height) if index in upright else shapes.get(caption, (height, width))
        assert picture.shape == (1, 3, *expected)
        assert picture.isfinite().all()
        assert picture.abs().max() <= 1
    if mode == "animation":
        assert pictures[1][1].equal(sampler.reconstruction())
    if mode in NAIVE_MODES:
        assert not pictures[1][1].equal(pictures[0][1])
        assert not pictures[4][1].equal(pictures[3][1])


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"width": 31}, {"sample": (31, 16)}),
        ({"height": 9}, {"sample": (24, 9)}),
        ({"width": 31, "height": 9}, {"sample": (31, 9)}),
        ({"scale_w": 2}, {"sample": (48, 16)}),
        ({"scale_w": 0.5, "scale_h": 3}, {"sample": (12, 48)}),
        ({"scale_w": 1}, {"sample": (24, 16)}),
        ({"sizes": "50x15"}, {"sample": (50, 15)}),
        ({"sizes": "50x15,20x40"}, {"sample-50x15": (50, 15), "sample-20x40": (20, 40)}),
        ({"sizes": " 50x15, 20x40 "}, {"sample-50x15": (50, 15), "sample-20x40": (20, 40)}),
        ({"sizes": "1x200,200x1"}, {"sample-1x200": (1, 200), "sample-200x1": (200, 1)}),
        ({}, {"sample-48x16": (48, 16), "sample-24x32": (24, 32)}),
    ],
)
def test_retargeted_pictures_have_the_sizes_asked_for(
    trained: Trained, tmp_path: Path, options: dict[str, Any], sizes: dict[str, tuple[int, int]]
) -> None:
    files = trained("retarget").apply(tmp_path, num_samples=2, **options)
    expected = {f"{name}-{index:03}": size for name, size in sizes.items() for index in range(2)}
    assert {file.stem: image_size(file) for file in files[1:-1]} == expected
    assert [files[0].name, files[-1].name] == ["reconstruction.png", "sheet.png"]
    assert image_size(files[0]) == (24, 16)
    assert len({file.read_bytes() for file in files}) == len(files)


def test_retarget_without_a_number_makes_five_of_each_size(
    trained: Trained, tmp_path: Path
) -> None:
    assert len(trained("retarget").apply(tmp_path)) == 1 + 2 * 5 + 1


@pytest.mark.parametrize(
    "sizes",
    ["", "50", "50x", "x15", "0x5", "5x0", "-5x5", "5x5x5", "axb", "50x15,", "5.5x4", "²x5"],
)
def test_sizes_that_are_none_are_errors(trained: Trained, tmp_path: Path, sizes: str) -> None:
    with pytest.raises(OptionError) as caught:
        trained("retarget").apply(tmp_path / "new", sizes=sizes)
    assert caught.value.option == "sizes"
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_one_way_to_give_a_size(trained: Trained, tmp_path: Path) -> None:
    for other in ({"width": 30}, {"scale_h": 2}):
        with pytest.raises(OptionError, match="--sizes"):
            trained("retarget").apply(tmp_path / "new", sizes="50x15", num_samples=0, **other)


def test_retarget_from_the_command_line(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["retarget", "apply", str(trained("retarget").path), f"--out={tmp_path}/a.jpg"]
    assert cli.run([*command, "--sizes=50x15,20x40", "--num-samples=1"]) == 0
    names = ["a-reconstruction.jpg", "a-sample-20x40-000.jpg", "a-sample-50x15-000.jpg"]
    assert _files(tmp_path) == ["a-gallery.html", "a-options.json", *names, "a-sheet.jpg"]
    capsys.readouterr()
    assert cli.run([*command, "--sizes=50"]) == 2
    assert "--sizes: '50' is no size; write WIDTHxHEIGHT" in capsys.readouterr().err


def _clip(file: Path) -> tuple[list[bytes], set[float], str | None]:
    """The pixels of a clip's frames, their durations in ms, and its format."""
    pixels, durations = [], set()
    with Image.open(file) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            pixels.append(image.convert("RGB").tobytes())
            durations.add(image.info["duration"])
        assert image.size == (24, 16)
        return pixels, durations, image.format


def test_a_clip_is_a_gif_unless_asked_otherwise(trained: Trained, tmp_path: Path) -> None:
    files = trained("animation").apply(tmp_path, frames=5)
    assert files == [tmp_path / "clip.gif"]
    pixels, durations, kind = _clip(files[0])
    assert (len(pixels), durations, kind) == (5, {100}, "GIF")
    assert len(set(pixels)) == 5


def test_a_clip_has_a_hundred_frames_unless_asked_otherwise() -> None:
    options = AnimationApply()
    assert (options.frames, options.fps, options.alpha) == (100, 10, 0.1)
    published = {(start, beta) for start in range(3) for beta in (0.8, 0.85, 0.9, 0.95)}
    assert {*STRENGTHS.values(), (options.start_stage, options.beta)} <= published


@pytest.mark.parametrize(("fps", "duration"), [(20, 50), (4, 250), (50, 20)])
def test_frames_a_second_become_durations(
    trained: Trained, tmp_path: Path, fps: float, duration: float
) -> None:
    file = trained("animation").apply(tmp_path, frames=2, fps=fps)[0]
    assert _clip(file)[1] == {duration}


@pytest.mark.parametrize(
    ("name", "kind"), [("a.gif", "GIF"), ("a.webp", "WEBP"), ("a.png", "PNG"), ("b.c.gif", "GIF")]
)
def test_a_clip_has_exactly_the_name_of_out(
    trained: Trained, tmp_path: Path, name: str, kind: str
) -> None:
    out = tmp_path / "new" / name
    assert trained("animation").apply(out, frames=3, strength="strong") == [out]
    pixels, _, written = _clip(out)
    assert (len(pixels), written) == (3, kind)
    again = trained("animation").apply(out, frames=2, strength="strong")  # nothing is overwritten
    assert len(_clip(out)[0]) == 3
    assert len(_clip(again[0])[0]) == 2


def test_each_strength_makes_a_clip(trained: Trained, tmp_path: Path) -> None:
    run = trained("animation")
    strengths = "weak, medium,strong"
    files = run.apply(tmp_path, frames=3, strength=strengths)
    assert [file.name for file in files] == ["weak.gif", "medium.gif", "strong.gif"]
    assert len({file.read_bytes() for file in files}) == 3
    named = run.apply(tmp_path / "a.webp", frames=2, strength="weak,strong")
    assert [file.name for file in named] == ["a-weak.webp", "a-strong.webp"]
    # One is no choice between several: it is the clip, and it stands for stage and beta.
    single = run.apply(tmp_path / "one", frames=3, strength="strong")
    spelled = run.apply(tmp_path / "two", frames=3, start_stage=0, beta=0.85)
    assert [file.name for file in (*single, *spelled)] == ["clip.gif", "clip.gif"]
    contents = {file.read_bytes() for file in (*single, *spelled, files[2])}
    assert len(contents) == 1


def test_a_start_stage_beyond_the_last_is_noted(trained: Trained, tmp_path: Path) -> None:
    run = trained("animation")
    with pytest.warns(Note, match="no stage 9 for --start-stage: only the last stage moves, num"):
        beyond = run.apply(tmp_path / "beyond", frames=2, start_stage=9)
    last = run.apply(tmp_path / "last", frames=2, start_stage=2)
    assert beyond[0].read_bytes() == last[0].read_bytes()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("strength", "wild", "weak, medium, strong"),
        ("strength", "weak,wild", "weak, medium, strong"),
        ("strength", "", "weak, medium, strong"),
        ("frames", 0, "greater than or equal to 1"),
        ("fps", 0, "greater than 0"),
        ("loop", "both", "'none' or 'seamless'"),
        ("alpha", 0, "greater than"),
        ("beta", 1, "less than 1"),
        ("start_stage", -1, "greater than or equal to 0"),
    ],
)
def test_bad_animation_options_are_errors(
    trained: Trained, tmp_path: Path, option: str, value: Any, message: str
) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        trained("animation").apply(tmp_path / "new", **{option: value})
    assert caught.value.option == option
    assert not (tmp_path / "new").exists()


def test_a_strength_and_what_it_stands_for_exclude_each_other(
    trained: Trained, tmp_path: Path
) -> None:
    for other in ({"start_stage": 0}, {"beta": 0.8}):
        with pytest.raises(OptionError, match="--strength"):
            trained("animation").apply(tmp_path / "new", strength="weak", frames=1, **other)


@pytest.mark.parametrize(
    ("name", "options", "option"), [("a.jpg", {}, "out"), ("a.gif", {"fps": 60}, "fps")]
)
def test_what_cannot_be_written_is_said_before_any_frame_is_made(
    trained: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: dict[str, Any],
    option: str,
) -> None:
    made: list[object] = []
    generate = Sampler.generate
    monkeypatch.setattr(Sampler, "generate", lambda *given: made.append(given) or generate(*given))
    with pytest.raises(OptionError) as caught:
        trained("animation").apply(tmp_path / name, frames=2, **options)
    assert caught.value.option == option
    assert _files(tmp_path) == []
    assert made == []


def test_a_clip_that_does_not_fit_is_refused_after_one_frame(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    generate = Sampler.generate
    monkeypatch.setattr(Sampler, "generate", lambda *given: made.append(given) or generate(*given))
    monkeypatch.setattr(clips, "free_memory", lambda: 100_000)
    with pytest.raises(OptionError, match=r"900 frames of 24x16 take 0\.0 GB .* and 86 fit"):
        trained("animation").apply(tmp_path, frames=900)
    assert _files(tmp_path) == []
    assert len(made) == 1


def test_the_same_seed_makes_the_same_clip(trained: Trained, tmp_path: Path) -> None:
    run = trained("animation")
    clips = [
        run.apply(tmp_path / str(index), frames=4, seed=seed)[0].read_bytes()
        for index, seed in enumerate((3, 3, 4))
    ]
    assert clips[0] == clips[1] != clips[2]


def _extent(noise: Tensor) -> tuple[int, Window]:
    """A noise's channels, and the window that is all of it."""
    return noise.shape[1], whole(Size(*noise.shape[-2:]))


def _walked(sampler: Sampler, start: int = 0, **options: Any) -> list[list[Tensor]]:
    parsed = AnimationApply(**options)
    return list(_walk(sampler, parsed, start, parsed.beta))


@pytest.mark.parametrize(("start", "still"), [(0, 0), (1, 1), (2, 2), (9, 2)])
def test_stages_below_the_start_keep_their_noise(animated: Sampler, start: int, still: int) -> None:
    fixed = animated.fixed_noise()
    for loop in ("none", "seamless"):
        frames = _walked(animated, start, frames=5, loop=loop)
        for level in range(3):
            moved = [not after[level].equal(fixed[level]) for after in frames[1:]]
            assert set(moved) == {level >= still}


def test_a_walk_begins_at_the_picture(animated: Sampler) -> None:
    first = _walked(animated, frames=2)[0]
    assert all(a.equal(b) for a, b in zip(first, animated.fixed_noise(), strict=True))
    assert animated.generate(stored(first)).equal(animated.reconstruction())


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 0.95), (0.1, 0.8), (0.5, 0.0), (1.0, 0.9)])
def test_a_walk_follows_its_formula(animated: Sampler, alpha: float, beta: float) -> None:
    frames = _walked(animated, frames=8, alpha=alpha, beta=beta, seed=5)
    noise = Noise(5)
    for level, fixed in enumerate(animated.fixed_noise()):
        before, now = fixed.double(), fixed.double()
        for index in range(8):
            torch.testing.assert_close(frames[index][level].double(), now, rtol=0, atol=1e-5)
            fresh = noise.sample(index, level, *_extent(fixed)).double()
            onward = now + beta * (now - before) + (1 - beta) * fresh
            before, now = now, alpha * fixed.double() + (1 - alpha) * onward


@pytest.mark.parametrize(
    ("frames", "alpha", "beta"),
    [
        (100, 0.1, 0.95),
        (7, 0.1, 0.95),
        (100, 0.1, 0.8),
        (30, 0.5, 0.0),
        (50, 0.02, 0.9),
        (50, 0.01, 0.9),
        (10, 0.01, 0.0),
        (50, 0.1, 0.999),
    ],
)
def test_a_seamless_walk_goes_round(
    animated: Sampler, frames: int, alpha: float, beta: float
) -> None:
    walk = _walked(animated, frames=frames, alpha=alpha, beta=beta, loop="seamless")
    assert len(walk) == frames
    for level, fixed in enumerate(animated.fixed_noise()):
        path = torch.stack([frame[level].flatten() for frame in walk])
        steps = (path[1:] - path[:-1]).norm(dim=1)
        assert (path[0] - path[-1]).norm() <= 1.5 * steps.mean()
        # The frame that would follow the last one is the first.
        fresh = Noise(0).sample(frames - 1, level, *_extent(fixed)).flatten()
        onward = path[-1] + beta * (path[-1] - path[-2]) + (1 - beta) * fresh
        following = alpha * fixed.flatten() + (1 - alpha) * onward
        assert (following - path[0]).norm() <= 0.05 * steps.mean()


def test_without_a_loop_the_walk_does_not_go_round(animated: Sampler) -> None:
    walk = _walked(animated, frames=30)
    path = torch.stack([frame[2].flatten() for frame in walk])
    steps = (path[1:] - path[:-1]).norm(dim=1)
    assert (path[0] - path[-1]).norm() > 2 * steps.mean()


def test_a_seamless_clip_goes_round(trained: Trained, tmp_path: Path) -> None:
    file = trained("animation").apply(tmp_path / "a.png", frames=12, loop="seamless")[0]
    pixels = [np.frombuffer(frame, np.uint8).astype(float) for frame in _clip(file)[0]]
    steps = [np.abs(a - b).mean() for a, b in pairwise(pixels)]
    assert np.abs(pixels[0] - pixels[-1]).mean() <= 1.5 * np.mean(steps)


def test_frames_are_made_one_at_a_time(animated: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    generate = animated.generate
    monkeypatch.setattr(animated, "generate", lambda *given: made.append(1) or generate(*given))
    frames: Iterator[Image.Image] = _frames(animated, AnimationApply(frames=10**6), 0, 0.9)
    for number in (1, 2, 3):
        assert next(frames).size == (24, 16)
        assert len(made) == number
