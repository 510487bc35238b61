"""`Run`: a run folder together with its mode, for making pictures from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan.core.options.fields import parse_options
from consingan.core.pictures.outputs import Outputs
from consingan.core.runs.find import TIME_FORMAT
from consingan.core.runs.folder import RunFolder, create_folder, read_folder
from consingan.core.runs.metrics_file import METRICS, read_losses
from consingan.core.runs.records import RESTORE, RunConfig, RunState
from consingan.core.runs.stored_inputs import read_known, read_naive, read_noise, read_pyramid
from consingan.core.system.atomic_files import new_folder, remove_leftovers
from consingan.core.system.torch_settings import own_settings
from consingan.errors import ModeError, OptionError, RunError

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from consingan.core.hooks.dispatch import Hooks
    from consingan.core.networks.model import Model
    from consingan.core.networks.noise import Noise
    from consingan.core.sampling.sampler import Sampler

MIN_TILE = 32
"""The smallest side of a tile, in pixels. In smaller ones nearly all work would be margins."""

SHOWN = 4
"""How many samples a notebook shows of a run."""


class Run(RunFolder):
    """A run folder with its mode's hooks: makes pictures from a trained run."""

    def __init__(self, path: Path, config: RunConfig, state: RunState, hooks: Hooks) -> None:
        options = parse_options(hooks.mode.TrainOptions, config.options)
        super().__init__(path, config, state, options, hooks.mode.padding_style)
        self.hooks = hooks
        self.applier = hooks
        """The hooks that make pictures: those of its own mode, unless another applies it."""

    def __repr__(self) -> str:
        state = self.state.status if self.complete else f"{self.stages_done} of {len(self.sizes)}"
        return f"Run({str(self.path)!r}, {self.mode}, {self.sizes[-1]}, {state})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture, and samples if there are any."""
        from html import escape

        from consingan.core.pictures.html import pictures_html
        from consingan.core.pictures.reading import load_picture

        shown = f"<p>{escape(repr(self))}</p>"
        pictures = [("picture", load_picture(self.path / "picture.png").image)]
        if self.stages_done:
            made = enumerate(self.samples(SHOWN))
            pictures += [(f"sample {index}", image) for index, image in made]
        return shown + pictures_html(pictures)

    @classmethod
    def create(
        cls,
        root: Path,
        config: RunConfig,
        state: RunState,
        files: Mapping[str, bytes],
        hooks: Hooks,
    ) -> Run:
        """Create a run folder; see `create_folder`."""
        return cls(*create_folder(root, config, state, files), state, hooks)

    @classmethod
    def open(cls, path: Path, find_hooks: Callable[[RunConfig], Hooks]) -> Run:
        """Open a run folder; `find_hooks` gives its mode's hooks.

        Raises RunNotFoundError if it is not a run folder, RunError if it is damaged.
        """
        config, state = read_folder(path)
        hooks = find_hooks(config)
        try:
            run = cls(path, config, state, hooks)
        except OptionError as error:
            file, reason = str(path / config.file), str(error)[:200]
            raise RunError(f"{file!r} has unusable options: {reason}") from None
        if min(run.sizes[0]) < run.options.receptive_field:
            raise RunError(f"{str(path / state.file)!r} does not fit the run's options; {RESTORE}")
        return run

    @own_settings()
    def sampler(self, device: str = "auto") -> Sampler:
        """A sampler with the stages trained so far. Raises RunError if there are none.

        `device` is `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        """
        import torch

        from consingan.core.runs.stored_model import load_model
        from consingan.core.system.devices import faster_precision, find_device

        if not self.state.stages:
            raise RunError(f"{str(self.path)!r} has no trained stage yet; train it first")
        model = load_model(self, find_device(device))
        if faster_precision(model.device) == "float32":
            model.dtype = torch.float32  # the run may have been trained in bfloat16 elsewhere
        return self.sampler_of(model)

    def sampler_of(self, model: Model) -> Sampler:
        """A sampler with `model`, on its device. Raises RunError if a file is damaged."""
        device, tuning = model.device, self.config.fine_tuned
        pyramid, known = read_pyramid(self, device), read_known(self, device)
        noise, naive = read_noise(self, device), read_naive(self)
        return make_sampler(model, pyramid, self.hooks, noise, naive, tuning, known)

    def samples(
        self,
        which: int | Sequence[int] = 8,
        seed: int = 0,
        size: tuple[int, int] | None = None,
        enlarge: float = 1.0,
        device: str = "auto",
    ) -> list[Image.Image]:
        """Samples as Pillow images: so many, or those of these numbers; see `Sampler.sample`."""
        from consingan.core.pictures.tensors import to_image

        made = self.sampler(device).samples(which, seed, size, enlarge)
        return [to_image(picture) for picture in made]

    def curves(self) -> Image.Image:
        """The losses of the training so far, as a picture. Raises RunError if none is logged."""
        from consingan.core.pictures.curves import draw_curves

        stages = len(self.sizes)
        logged = [entry for entry in read_losses(self.path) if entry.stage < stages]
        if not logged:
            raise RunError(f"{str(self.path)!r} has no losses in its {METRICS} yet")
        iterations = self.options.iterations(stages)
        starts = [sum(iterations[:stage]) for stage in range(len(iterations))]
        titles = ("critic's loss", "adversarial loss", "reconstruction loss")
        return draw_curves(
            [starts[entry.stage] + entry.step for entry in logged],
            {title: [entry.losses[n] for entry in logged] for n, title in enumerate(titles)},
            {start: f"stage {stage + 1}" for stage, start in enumerate(starts)},
        )

    @own_settings()
    def apply(
        self,
        out: str | Path | None = None,
        device: str = "auto",
        tile: int | None = None,
        on_tile: Callable[[int, int], None] | None = None,
        **options: Any,
    ) -> list[Path]:
        """Make the mode's pictures.

        Args:
            out: a folder, or a file name whose suffix selects the format; see `Outputs`. By default
                a new folder in the run's `applied/`.
            device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
            tile: side of a tile, in pixels; by default 512. Pictures with more pixels than a tile
                are made in tiles, which bounds the memory.
            on_tile: called with the number of tiles done and their total.
            options: the mode's apply options, by name.

        Returns:
            The pictures' paths, in the order in which they were saved. No existing file is ever
            overwritten. `gallery.html` beside them shows them all, if there are several.

        Raises OptionError, RunError or ModeError.
        """
        return self.outputs(out, device, tile, on_tile, **options).files

    def outputs(
        self,
        out: str | Path | None = None,
        device: str = "auto",
        tile: int | None = None,
        on_tile: Callable[[int, int], None] | None = None,
        **options: Any,
    ) -> Outputs:
        """What `apply` does, with the same arguments: it returns where everything went."""
        parsed = parse_options(self.applier.mode.ApplyOptions, options)
        if tile is not None and not (isinstance(tile, int) and tile >= MIN_TILE):
            raise OptionError(f"a tile has at least {MIN_TILE} pixels a side", "tile")
        sampler = self.sampler(device)
        sampler.tile = tile or sampler.tile
        sampler.on_tile = on_tile or sampler.on_tile
        fresh = out is None
        if out is None:
            try:
                now = datetime.now(timezone.utc).astimezone()
                out = new_folder(
                    self.path / "applied", f"{now:{TIME_FORMAT}}-{self.applier.mode.name}"
                )
            except OSError as error:
                raise RunError(f"cannot write to {str(self.path)!r}: {error.strerror}") from None
        outputs = Outputs(Path(out), fresh)
        for folder in (outputs.folder, *(self.path / "applied").glob("*")):
            if not folder.is_symlink():  # it may lead out of the run's folder
                remove_leftovers(folder)
        try:
            self.applier.apply(sampler, parsed, outputs)
            if not outputs.files:
                raise ModeError(
                    f"mode {self.applier.mode.name!r} saved no picture in its hook `apply`"
                )
        except BaseException:
            outputs.discard()
            raise
        outputs.save_record({"run": str(self.path), "options": parsed.model_dump(mode="json")})
        outputs.save_gallery(f"{self.config.picture}, {self.applier.mode.name}")
        return outputs


def make_sampler(
    model: Model,
    pyramid: Sequence[Tensor],
    hooks: Hooks,
    noise: Noise,
    naive: Tensor | None = None,
    fine_tuning: bool = False,
    known: Sequence[Tensor] | None = None,
) -> Sampler:
    """Make a sampler. The fixed input of stage 0 is the stored one, if any, or else the mode's."""
    from consingan.core.networks.layers import CHANNELS
    from consingan.core.networks.noise import StoredNoise
    from consingan.core.networks.window import whole
    from consingan.core.sampling.sampler import Sampler

    if isinstance(noise, StoredNoise):
        fixed = noise.fixed(0, CHANNELS, whole(model.sizes[0]))
    else:
        fixed = hooks.fixed_input(pyramid, model.options, noise.portable("fixed", 0))
    return Sampler(model, pyramid, fixed, noise, naive, fine_tuning, known)
