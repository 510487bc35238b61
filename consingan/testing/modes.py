"""The tests that every mode must pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL.Image import Image

from consingan.contract import check_mode
from consingan.core.hooks.dispatch import AnyMode, Hooks
from consingan.core.options.fields import Options, flag, parse_options
from consingan.core.options.presets import train_options
from consingan.core.options.samples import SampleOptions
from consingan.core.options.size import Size
from consingan.core.pictures.outputs import Outputs
from consingan.core.pictures.reading import load_picture
from consingan.core.run import Run
from consingan.errors import OptionError, PictureError, RunError
from consingan.testing.trainings import (
    PRESET,
    Interrupt,
    loads_torch,
    plugins_with,
    reopen,
    reseed_globals,
    tiny_picture,
    train_tiny,
    weights,
)
from consingan.testing.writes import outside, writes

CHOOSING = frozenset({"num_samples", "index", "best"})
"""The options that say which samples."""
NUMBERED = re.compile(r"-[0-9]{3}\.png$")
"""The end of the name of a numbered picture."""


class ModeTests:
    """The tests of a mode. Subclass it as `TestSomething` and set `mode`."""

    mode: ClassVar[type[AnyMode]]
    """The mode's class."""

    def train_options(self, folder: Path) -> dict[str, Any]:
        """Training options on top of `TINY`. Create files that they need in `folder`."""
        return {}

    def apply_options(self, folder: Path) -> dict[str, Any]:
        """The options of `apply`. Create files that they need in `folder`."""
        return {}

    @pytest.fixture
    def trained(self, tmp_path_factory: pytest.TempPathFactory) -> Run:
        """A finished run."""
        return self._train(tmp_path_factory.mktemp("trained"))

    def test_it_loads(self) -> None:
        """It passes the checks that consingan does when it loads it."""
        check_mode(self.mode)

    def test_it_loads_without_torch(self) -> None:
        """`consingan --help` loads every mode, and loading torch takes a second."""
        assert not loads_torch(self.mode), "import torch inside the functions that use it"

    @pytest.mark.parametrize("command", ["train", "apply"])
    def test_options_are_on_the_command_line(self, command: str) -> None:
        """Every option has a flag in `--help-all`, and says what it does."""
        from typer.testing import CliRunner

        from consingan.cli import build_app

        model: type[Options] = getattr(self.mode, f"{command.capitalize()}Options")
        app, arguments = build_app(plugins_with(self.mode)), [self.mode.name, command, "--help-all"]
        shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1"})
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown.output)
        assert shown.exit_code == 0, text
        for name, field in model.model_fields.items():
            assert re.search(rf"{flag(name)}\b", text), f"{flag(name)} is not in the help"
            assert field.description, f"option {name!r} has no help text"

    @pytest.mark.parametrize("shape", [(20, 30), (300, 200), (40, 400)])
    @pytest.mark.parametrize("stages", [0, 1, 2, 3, 6])
    def test_any_picture_gets_stage_sizes(
        self, shape: tuple[int, int], stages: int, tmp_path: Path
    ) -> None:
        """The sizes end with the picture's, for any picture and number of stages (0: auto)."""
        given = {**self.train_options(tmp_path), "train_stages": stages}
        options = train_options(self.mode.TrainOptions, PRESET, given)
        assert Hooks(self.mode()).stage_sizes(Size(*shape), options)[-1] == shape

    def test_it_trains(self, trained: Run) -> None:
        """All stages are saved, weights are finite, and previews are pictures in [-1, 1]."""
        import torch
        from safetensors.torch import load

        assert trained.complete
        files = weights(trained)
        assert len(files) == len(trained.sizes)
        for name, content in files.items():
            for key, tensor in load(content).items():
                assert torch.isfinite(tensor).all(), f"{key} of {name} is not finite"
        shown = list(trained.hooks.preview(trained.sampler("cpu")))
        assert shown, "the preview shows nothing"
        for caption, picture in shown:
            assert picture.ndim == 4, f"{caption}: {tuple(picture.shape)} is not (1, 3, H, W)"
            assert picture.shape[:2] == (1, 3), f"{caption}: not (1, 3, H, W)"
            assert picture.abs().max() <= 1.001, f"{caption}: not in [-1, 1]"

    def test_resumed_equals_uninterrupted(self, trained: Run, tmp_path: Path) -> None:
        """A stopped training, resumed, gives the same weights bit for bit."""
        with pytest.raises(KeyboardInterrupt):
            self._train(tmp_path, [Interrupt()])
        [folder] = next((tmp_path / "runs").iterdir()).iterdir()
        stopped = Run.open(folder, plugins_with(self.mode).hooks_for)
        assert stopped.stages_done == 1
        self._apply(stopped, tmp_path / "unfinished")
        from consingan.core.training.session import train_run

        reseed_globals()
        train_run(stopped, "cpu")
        assert weights(stopped) == weights(trained)

    def test_its_reconstruction_is_always_the_same(self, trained: Run) -> None:
        """The result of `fixed_input` depends on the run only."""
        first, second = (reopen(trained, self.mode).sampler("cpu") for _ in range(2))
        assert first.reconstruction().equal(second.reconstruction())

    def test_the_same_seed_applies_the_same(self, trained: Run, tmp_path: Path) -> None:
        """The files that `apply` saves depend on the run and the options only."""
        first, second = (
            {file.name: file.read_bytes() for file in self._apply(trained, tmp_path / name)}
            for name in ("first", "second")
        )
        assert first, "apply saves nothing"
        assert first.keys() == second.keys()
        differing = [name for name in first if first[name] != second[name]]
        assert not differing, f"{differing} differ; draw random numbers from the options' seed"

    def test_it_trains_on_windows(self, tmp_path: Path) -> None:
        """It trains on windows of a picture that is larger than `--window`."""
        picture = tiny_picture(40, 60)
        assert self._train(tmp_path, picture=picture, window=33, max_size=60).complete

    def test_a_window_equals_that_part_of_the_whole(self, trained: Run, tmp_path: Path) -> None:
        """Pictures made in tiles have the same pixels as in one piece."""
        tmp_path.joinpath("given").mkdir()
        model = trained.hooks.mode.ApplyOptions
        options = parse_options(model, self.apply_options(tmp_path / "given"))
        made: dict[int, list[Path]] = {}
        for tile in (512, 9):
            sampler = reopen(trained, self.mode).sampler("cpu")
            sampler.tile = tile
            outputs = Outputs(tmp_path / str(tile))
            trained.hooks.apply(sampler, options, outputs)
            made[tile] = [file for file in outputs.files if file.suffix == ".png"]
        assert [file.name for file in made[512]] == [file.name for file in made[9]]
        for one, other in zip(made[512], made[9], strict=True):
            pixels = [np.asarray(load_picture(file).image, int) for file in (one, other)]
            difference = np.abs(pixels[0] - pixels[1]).max()
            assert difference <= 1, f"{one.name} differs by {difference} of 255"

    def test_samples_are_chosen(self, trained: Run, tmp_path: Path) -> None:
        """A mode with `SampleOptions` makes the same sample by number, the best, and one by name.

        `save_samples` does all this.
        """
        if not issubclass(trained.hooks.mode.ApplyOptions, SampleOptions):
            pytest.skip("it has no numbered samples")
        given = tmp_path / "given"
        given.mkdir()
        options = {n: v for n, v in self.apply_options(given).items() if n not in CHOOSING}
        run = reopen(trained, self.mode)

        def made(name: str, **choice: Any) -> dict[str, bytes]:
            files = run.apply(tmp_path / name, "cpu", **options, **choice)
            return {file.name: file.read_bytes() for file in files if file.suffix == ".png"}

        every, third = made("every", num_samples=3), made("third", index=2)
        numbered = {name for name in third if re.search(r"-002\.png$", name)}
        assert numbered, f"index 2 makes {sorted(third)}: none is number 2"
        for name in numbered:
            assert third[name] == every.get(name), f"{name} is another picture with --index"
        kept = {name for name in made("best", num_samples=3, best=2) if NUMBERED.search(name)}
        of_all = {name for name in every if NUMBERED.search(name)}
        assert 3 * len(kept) == 2 * len(of_all), f"--best 2 of 3 keeps {sorted(kept)}"
        assert list(made("one.png", index=2)) == ["one.png"], "one sample takes the name of --out"

    def test_nothing_is_written_outside_the_run(self, trained: Run, tmp_path: Path) -> None:
        """Training writes to its run's folder only, and `apply` to its output folder only.

        Libraries create cache folders in the first run, `trained`, so that these don't count.
        """
        given, options = self.train_options(tmp_path), self.apply_options(tmp_path)
        runs, out = tmp_path / "runs", tmp_path / "out"
        with writes() as seen:
            run = train_tiny(self.mode, runs, given)
            reopen(run, self.mode).apply(out, "cpu", **options)
        stray = outside(seen, runs, out)
        assert not stray, f"{stray} are outside of the run's folder"

    @pytest.mark.parametrize("shape", [(1, 1), (5, 5), (3, 60)])
    def test_too_small_a_picture_is_said(self, shape: tuple[int, int], tmp_path: Path) -> None:
        """Too small a picture is a one-line error of the user, and creates no run."""
        with pytest.raises((PictureError, OptionError)) as caught:
            self._train(tmp_path, picture=tiny_picture(*shape))
        assert len(str(caught.value).splitlines()) == 1
        assert not list(tmp_path.glob("runs/*"))

    def test_errors_of_apply_leave_everything_as_it_was(self, trained: Run, tmp_path: Path) -> None:
        """Nothing is written for an unknown option, a file as folder, or an untrained run."""
        options = self.apply_options(tmp_path)
        taken = tmp_path / "taken"
        taken.write_text("mine")
        with pytest.raises(OptionError):
            trained.apply(tmp_path / "none", "cpu", **options, no_such_option=1)
        with pytest.raises(OptionError):
            trained.apply(taken, "cpu", **options)
        assert taken.read_text() == "mine"
        assert not (tmp_path / "none").exists()
        untrained = reopen(trained, self.mode)
        untrained.state = untrained.state.model_copy(update={"stages": []})
        with pytest.raises(RunError):
            untrained.apply(tmp_path / "none", "cpu", **options)
        assert not (tmp_path / "none").exists()

    def _train(
        self,
        folder: Path,
        listeners: Sequence[object] = (),
        picture: Image | None = None,
        **changes: Any,
    ) -> Run:
        given = folder / "given"
        given.mkdir()
        options = {**self.train_options(given), **changes}
        return train_tiny(self.mode, folder / "runs", options, listeners, picture)

    def _apply(self, run: Run, folder: Path) -> list[Path]:
        folder.mkdir()
        options = self.apply_options(folder)
        return reopen(run, self.mode).apply(folder / "made", "cpu", **options)
