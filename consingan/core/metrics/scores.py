"""All metrics of a set of pictures, computed in one pass over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from consingan.core.options.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.metrics.frechet import EarlyInception

Progress = Callable[[str, int, int], None]
"""Called with what is being scored, the number of pictures done, and their total."""


class PictureScores(BaseModel):
    """The metrics of one picture against the training picture; see `Scores`."""

    model_config = ConfigDict(frozen=True)
    index: int
    """The picture's number in the set: a sample's own number."""
    patch_distance: float
    sifid: float | None
    distance: float
    in_place: float
    colour: float
    """The largest shift of a channel's mean from the training picture's, in [0, 1]."""
    brightness: float
    """The shift of the mean of all values, in [-1, 1]; negative if it is darker."""
    sharpness: float
    """See `sharpness`, relative to the training picture's."""


class PictureFacts(BaseModel):
    """What a training picture is like; it makes the metrics of several pictures comparable."""

    model_config = ConfigDict(frozen=True)
    contrast: float
    """The standard deviation of its values, in [0, 1]."""
    brightness: float
    """The mean of its values, in [0, 1]."""
    flat_distance: float
    """The patch distance of a plain picture of its mean colour."""
    layout: float
    """The share of its variance that is left at 4x4 pixels: about 0 for textures."""


class Scores(BaseModel):
    """The metrics of a set of pictures against the training picture, averaged over the set."""

    model_config = ConfigDict(frozen=True)
    pictures: int
    """The number of pictures."""
    patch_distance: float
    """See `PatchDistance`; lower is better."""
    sifid: float | None
    """See `FeatureDistance`; lower is better. None without Inception weights."""
    diversity: float | None
    """See `Diversity`. None for a single picture, and in modes that repaint."""
    distance: float
    """RMSE from the training picture, in [0, 1]; 0 for copies."""
    nearest: float
    """The smallest RMSE of any one picture."""
    in_place: float
    """See `share_in_place`; 1 for copies."""
    colour: float
    """The largest shift of a channel's mean, averaged over the pictures, in [0, 1]."""
    brightness: float
    """The mean shift of all values, in [-1, 1]; negative if the pictures are darker."""
    sharpness: float
    """See `sharpness`, relative to the training picture's; below 1 they are smoother."""
    each: tuple[PictureScores, ...]
    """The pictures one by one, those first whose patches are most like the picture's."""


class Scorer:
    """Scores sets of pictures against a reference picture, (1, 3, H, W) in [0, 1]."""

    def __init__(
        self,
        reference: Tensor,
        network: EarlyInception | None,
        diverse: bool,
        progress: Progress | None,
    ) -> None:
        from consingan.core.metrics.frechet import FeatureDistance
        from consingan.core.metrics.patches import PatchDistance

        self._reference = reference
        self._patch_distance = PatchDistance(reference)
        self._feature_distance = (
            None if network is None else FeatureDistance(reference, network.to(reference.device))
        )
        self._diverse = diverse
        self._progress = progress

    @property
    def size(self) -> Size:
        """The reference's size."""
        return Size(*self._reference.shape[-2:])

    def facts(self) -> PictureFacts:
        """What the reference is like."""
        from torch.nn import functional

        coarse = functional.adaptive_avg_pool2d(self._reference, 4)
        plain = self._reference.mean(dim=(2, 3), keepdim=True).expand_as(self._reference)
        return PictureFacts(
            contrast=float(self._reference.std()),
            brightness=float(self._reference.mean()),
            flat_distance=self._patch_distance(plain),
            layout=float(coarse.var()) / (float(self._reference.var()) or 1),
        )

    def score(self, name: str, pictures: Iterable[Tensor], count: int) -> Scores:
        """Score pictures, (1, 3, H, W) in [0, 1] on any device, of about the reference's size."""
        from consingan.core.metrics.patches import share_in_place
        from consingan.core.metrics.pixels import Diversity, rmse, sharpness
        from consingan.core.pictures.resizing import resize

        diversity, each = Diversity(), []
        for index, picture in enumerate(pictures):
            if self._progress is not None:
                self._progress(name, index, count)
            picture = picture.to(self._reference.device)
            # These two don't need the reference's size, and resizing would blur.
            patches = self._patch_distance(picture)
            sifid = None if self._feature_distance is None else self._feature_distance(picture)
            picture = resize(picture, self.size)
            diversity.add(picture)
            shift = (picture - self._reference).mean(dim=(2, 3))
            each.append(
                PictureScores(
                    index=index,
                    patch_distance=patches,
                    sifid=sifid,
                    distance=rmse(picture, self._reference),
                    in_place=share_in_place(picture, self._reference),
                    colour=float(shift.abs().max()),
                    brightness=float(shift.mean()),
                    sharpness=sharpness(picture) / (sharpness(self._reference) or 1),
                )
            )
        features = [one.sifid for one in each if one.sifid is not None]
        return Scores(
            pictures=count,
            patch_distance=_mean([one.patch_distance for one in each]),
            sifid=_mean(features) if features else None,
            diversity=diversity.relative_to(self._reference) if self._diverse else None,
            distance=_mean([one.distance for one in each]),
            nearest=min(one.distance for one in each),
            in_place=_mean([one.in_place for one in each]),
            colour=_mean([one.colour for one in each]),
            brightness=_mean([one.brightness for one in each]),
            sharpness=_mean([one.sharpness for one in each]),
            each=tuple(sorted(each, key=lambda one: one.patch_distance)),
        )


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
