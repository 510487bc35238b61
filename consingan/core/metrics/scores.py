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

    def score(self, name: str, pictures: Iterable[Tensor], count: int) -> Scores:
        """Score pictures, (1, 3, H, W) in [0, 1] on any device, of about the reference's size."""
        from consingan.core.metrics.patches import share_in_place
        from consingan.core.metrics.pixels import Diversity, rmse
        from consingan.core.pictures.resizing import resize

        diversity = Diversity()
        patches, features, distances, in_place = [], [], [], []
        for index, picture in enumerate(pictures):
            if self._progress is not None:
                self._progress(name, index, count)
            picture = picture.to(self._reference.device)
            # These two don't need the reference's size, and resizing would blur.
            patches.append(self._patch_distance(picture))
            if self._feature_distance is not None:
                features.append(self._feature_distance(picture))
            picture = resize(picture, self.size)
            distances.append(rmse(picture, self._reference))
            in_place.append(share_in_place(picture, self._reference))
            diversity.add(picture)
        return Scores(
            pictures=count,
            patch_distance=_mean(patches),
            sifid=_mean(features) if features else None,
            diversity=diversity.relative_to(self._reference) if self._diverse else None,
            distance=_mean(distances),
            nearest=min(distances),
            in_place=_mean(in_place),
        )


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
