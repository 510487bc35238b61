"""The sampler, which makes pictures with a generator; a mode's `apply` works with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import torch
from torch import Tensor

from consingan.core.networks.batch_norm import BatchNormStatistics
from consingan.core.networks.layers import CHANNELS
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.networks.plan import Plan
from consingan.core.networks.window import Span, Window, tiles, whole
from consingan.core.options.size import Size
from consingan.core.options.training import FINE, TrainOptions
from consingan.core.pictures.resizing import resize
from consingan.core.system.threads import make_in_threads
from consingan.core.system.torch_settings import own_settings

TILE = 512
"""The default side of a tile, in pixels."""
NoiseSource = Callable[[int, Window], Tensor]
"""A function from a stage and a window to the stage's noise in that window, (1, C, h, w)."""


def stored(noise: Sequence[Tensor]) -> NoiseSource:
    """A noise source that cuts windows from given noise tensors, one a stage."""
    return lambda level, window: window.cut(noise[level])


class Sampler:
    """Makes pictures with a generator. A seed and a number identify a sample.

    All pictures are (1, 3, H, W) in [-1, 1], float32, on the model's device.
    """

    def __init__(
        self,
        model: Model,
        pyramid: Sequence[Tensor],
        fixed_input: Tensor,
        noise: Noise,
        naive: Tensor | None = None,
        fine_tuning: bool = False,
        known: Sequence[Tensor] | None = None,
    ) -> None:
        self.model = model
        self.pyramid = list(pyramid)
        """The training picture at every stage, (1, 3, H, W) in [-1, 1]."""
        self._grey = bool((self.pyramid[-1] == self.pyramid[-1][:, :1]).all())
        self._known = known
        self._naive = naive
        tuned = naive if fine_tuning else None
        self.fine_tuned = None if tuned is None else resize(tuned, model.sizes[0]).to(model.device)
        """The naive picture at the size of stage 0, if the run is fine-tuned on it."""
        self.tile = TILE
        """Side of a tile, in pixels. Pictures with more pixels than a tile are made in tiles."""
        self.on_tile: Callable[[int, int], None] = lambda done, count: None
        """Called with the number of tiles done and their total."""
        self._fixed_input = fixed_input
        self._training_noise = noise

    def __repr__(self) -> str:
        return f"Sampler({len(self.sizes)} stages to {self.size}, on {self.model.device})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture, its reconstruction and two samples."""
        from consingan.core.pictures.html import pictures_html
        from consingan.core.pictures.tensors import to_image

        shown = {"picture": self.picture, "reconstruction": self.reconstruction()}
        shown |= {f"sample {index}": self.sample(index) for index in range(2)}
        return pictures_html((caption, to_image(picture)) for caption, picture in shown.items())

    @property
    def options(self) -> TrainOptions:
        """The options that the run was trained with."""
        return self.model.options

    @property
    def sizes(self) -> list[Size]:
        """The sizes of the stages trained so far, smallest first."""
        return self.model.sizes[: self.model.stages]

    @property
    def size(self) -> Size:
        """The default size of pictures: that of the last stage trained so far."""
        return self.sizes[-1]

    @property
    def picture(self) -> Tensor:
        """The training picture at `size`."""
        return self.pyramid[self.model.stages - 1]

    @property
    def known(self) -> Tensor | None:
        """1 where `picture` is known and 0 elsewhere, (1, 1, H, W); None if all of it is known."""
        return None if self._known is None else self._known[self.model.stages - 1]

    @property
    def naive(self) -> Tensor | None:
        """The picture of `train --naive`, (1, 3, H, W) in [-1, 1], at the scale of `size`."""
        if self._naive is None:
            return None
        full = self.model.sizes[-1]
        height, width = self._naive.shape[-2:]
        scaled = Size(
            max(1, round(height * self.size.height / full.height)),
            max(1, round(width * self.size.width / full.width)),
        )
        return resize(self._naive, scaled)

    def reconstruction(self) -> Tensor:
        """The training picture as the generator reconstructs it from the fixed noise."""
        return self.generate(self.fixed)

    def fixed(self, level: int, window: Window) -> Tensor:
        """A window of the fixed noise at stage `level`, from which the picture is reconstructed.

        Beyond the fixed input of stage 0, at the right and at the bottom, it goes on as noise.
        """
        if level == 0:
            height, width = self._fixed_input.shape[-2:]
            rows, columns = window
            if rows.stop <= height and columns.stop <= width:
                return window.cut(self._fixed_input)
            inside = Window(
                Span(min(rows.start, height), min(rows.stop, height)),
                Span(min(columns.start, width), min(columns.stop, width)),
            )
            extended = self._training_noise.fixed(0, CHANNELS, window)
            extended[..., : inside.rows.length, : inside.columns.length] = inside.cut(
                self._fixed_input
            )
            return extended
        return self._training_noise.fixed(level, self.options.filters, window)

    def fixed_noise(self, plan: Plan | None = None) -> list[Tensor]:
        """The fixed noise that a plan needs, one tensor a stage; by default the whole picture's."""
        plan = self.model.plan() if plan is None else plan
        return [self.fixed(level, part.noise) for level, part in enumerate(plan.stages)]

    def sample(
        self,
        index: int,
        seed: int = 0,
        size: tuple[int, int] | None = None,
        enlarge: float = 1.0,
    ) -> Tensor:
        """Sample number `index` of `seed`. It doesn't depend on which other samples are made.

        Args:
            index: the sample's number.
            seed: the seed of the samples; it is independent of the training's.
            size: height and width of the sample. A wider one shows more than the picture, not
                the same wider: see `scaled_sizes`.
            enlarge: makes the sample of `size` so many times as large, with the same layout.
        """
        return self.generate(self.noise_of(index, seed), self.scaled_sizes(size, enlarge))

    def samples(
        self,
        which: int | Sequence[int],
        seed: int = 0,
        size: tuple[int, int] | None = None,
        enlarge: float = 1.0,
    ) -> Iterator[Tensor]:
        """The samples of these numbers, or number 0 to `which` - 1, each the same as from `sample`.

        On a CPU several samples are made in parallel, together no larger than a tile. With batch
        norm they are made one by one, as its statistics would be rounded differently.
        """
        indices = range(which) if isinstance(which, int) else which
        height, width = self.scaled_sizes(size, enlarge)[-1]
        one_by_one = self.model.device.type != "cpu" or self.options.batch_norm
        most = 1 if one_by_one else self.tile**2 // (height * width)

        def make(place: int) -> Tensor:
            return self.sample(indices[place], seed, size, enlarge)

        return make_in_threads(make, len(indices), most)

    def in_one_tile(self, size: Size) -> bool:
        """Whether a picture of `size` is made in one piece, not in tiles."""
        return size.height * size.width <= self.tile**2

    def noise_of(self, index: int, seed: int = 0) -> NoiseSource:
        """The noise of a sample, as a function of stage and window."""
        noise, channels = Noise(seed, self.model.device), self.model.generator.noise_channels
        return lambda level, window: noise.sample(index, level, channels(level), window)

    def generate(self, noise: NoiseSource, sizes: Sequence[Size] | None = None) -> Tensor:
        """The picture that the generator makes from given noise.

        Args:
            noise: a function from a stage and a window to the stage's noise in that window,
                (1, C, h, w). `Generator.noise_shape` gives C and the size of the whole noise.
            sizes: the stages' sizes; by default the run's.
        """
        return torch.cat(list(self.bands(noise, sizes)), dim=2)

    def bands(self, noise: NoiseSource, sizes: Sequence[Size] | None = None) -> Iterator[Tensor]:
        """The picture of `generate` in bands, (1, 3, h, W), from top to bottom.

        A picture with more pixels than a tile is computed tile by tile, in rows of tiles. The
        memory for that doesn't depend on the picture's height. The pixels are the same as in one
        piece. Batch norm statistics are measured first. If the training picture is grey, so is
        this one.
        """
        made = self._bands(noise, sizes)
        while True:
            with own_settings():  # not while the caller has a band
                band = next(made, None)
            if band is None:
                return
            yield band.mean(dim=1, keepdim=True).expand_as(band) if self._grey else band

    @torch.inference_mode()
    def _bands(self, noise: NoiseSource, sizes: Sequence[Size] | None) -> Iterator[Tensor]:
        sizes = self.sizes if sizes is None else sizes
        size = sizes[-1]
        draw = partial(_drawn, noise)
        if self.in_one_tile(size):
            plan = self.model.plan(sizes)
            yield self.model.generate(draw(plan), plan)
            return
        windows = list(tiles(size, self.tile))
        statistics = BatchNormStatistics(self.model, sizes, self.tile)
        count = statistics.tiles + len(windows)
        for done in statistics.measure(draw):
            self.on_tile(done, count)
        done = statistics.tiles
        for _, row in groupby(windows, key=lambda window: window.rows):
            made = []
            for window in row:
                plan = self.model.plan(sizes, window)
                with statistics.used():
                    made.append(self.model.generate(draw(plan), plan))
                done += 1
                self.on_tile(done, count)
            yield torch.cat(made, dim=3)

    def scaled_sizes(self, size: tuple[int, int] | None = None, enlarge: float = 1.0) -> list[Size]:
        """The stages' sizes for a result of `size`, by default the run's, made larger.

        For `size`, every stage is scaled in proportion, to at least 1x1. The noise of a larger
        stage is that of a smaller one, extended at the right and at the bottom. So the result
        shows more things, each as large as in the picture.

        `enlarge`, at least 1, then enlarges the last stage and those below it of more than `FINE`
        x `FINE` trained pixels, which make texture. The others make the layout: they compute
        the very same features from the same noise, which are then upsampled further. So the result
        shows the same things, larger, with new texture.
        """
        size = self.size if size is None else Size(*size)
        tall, wide = size.height / self.size.height, size.width / self.size.width
        scaled = [
            Size(max(1, round(stage.height * tall)), max(1, round(stage.width * wide)))
            for stage in self.sizes[:-1]
        ]
        texture = [stage.height * stage.width > FINE**2 for stage in self.sizes[:-1]]
        return [
            Size(round(stage.height * enlarge), round(stage.width * enlarge)) if larger else stage
            for stage, larger in zip([*scaled, size], [*texture, True], strict=True)
        ]

    def repaint(
        self,
        picture: Tensor,
        index: int = 0,
        seed: int = 0,
        input_noise: float = 0.0,
        enlarge: float = 1.0,
    ) -> Tensor:
        """Repaint `picture`: it enters the generator at stage 0 in place of noise.

        Args:
            picture: (1, 3, H, W) in [-1, 1]; the result has its size.
            index: the result's number. Results differ by the noise of the stages above.
            seed: the seed of the results.
            input_noise: standard deviation of the noise that is added to the picture at stage 0.
            enlarge: makes the result so many times as large, with the same layout.
        """
        sizes = self.scaled_sizes(Size(*picture.shape[-2:]), enlarge)
        noise = self.noise_of(index, seed)
        first = resize(picture, sizes[0]).to(self.model.device)
        first = first + input_noise * noise(0, whole(sizes[0]))

        def entering(level: int, window: Window) -> Tensor:
            return noise(level, window) if level else window.cut(first)

        return self.generate(entering, sizes)


def _drawn(noise: NoiseSource, plan: Plan) -> list[Tensor]:
    """The part of each stage's noise that a plan needs, one tensor a stage."""
    return [noise(level, part.noise) for level, part in enumerate(plan.stages)]
