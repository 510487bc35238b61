"""Finishes samples of a lower stage with patches of the picture, and scores them.

    python -m benchmarks.matching RUN --stage 2 [--levels 8] [--iterations 3] [--patch 7]
        [--judge judge.py] [--num-samples 10] [--sheet sheet.png] [--json]

Research: the stages up to `--stage` make the layout. From there to the full size the sample is
enlarged level by level, and at each level every patch is replaced by the nearest patch of the
picture at that size, and overlapping patches are averaged (GPNN: Granot et al., CVPR 2022, without
its normalization for completeness). The nearest patch is looked for among the keys of the nearest
clusters (an inverted file index), on the first principal components. Nothing is trained, and
nothing is written to the run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

import consingan
from benchmarks.shared import command_line, load_judge, print_means
from benchmarks.shared import run as run_main
from benchmarks.stage import save_sheet, scores, train_stage
from consingan.core.options.size import Size
from consingan.core.pictures.resizing import resize
from consingan.core.pictures.tensors import to_image

COMPONENTS = 32
"""Principal components of a patch that are compared."""
PROBES = 4
"""Clusters that are searched for each patch."""
CHUNK = 8192
"""Patches whose distances to the centres are held at a time."""


class Index:
    """Finds the nearest of `keys`, (n, d), among those of the nearest clusters."""

    def __init__(self, keys: Tensor) -> None:
        count = max(1, int(len(keys) ** 0.5))
        self.centres = keys[torch.linspace(0, len(keys) - 1, count).long()].clone()
        for _ in range(4):  # k-means
            cluster = self._nearest(keys, 1)[:, 0]
            members = torch.bincount(cluster, minlength=count).clamp(min=1)[:, None]
            sums = torch.zeros_like(self.centres).index_add_(0, cluster, keys)
            self.centres = sums / members
        cluster = self._nearest(keys, 1)[:, 0]
        self.order = cluster.argsort(stable=True)
        self.keys = keys[self.order]
        self.ends = _ends(cluster, count)

    def find(self, queries: Tensor) -> Tensor:
        """For each of `queries`, (m, d), the number of the nearest key, (m,)."""
        probed = self._nearest(queries, min(PROBES, len(self.centres)))
        cluster = probed.flatten()
        order = cluster.argsort(stable=True)
        query = order // probed.shape[1]
        squares = self.keys.square().sum(1)
        distance = torch.full((len(cluster),), torch.inf)
        found = torch.zeros(len(cluster), dtype=torch.long)
        spans = zip(pairwise(_ends(cluster, len(self.centres))), pairwise(self.ends), strict=True)
        for (first, last), (start, end) in spans:
            if first == last or start == end:
                continue
            near = torch.addmm(
                squares[start:end], queries[query[first:last]], self.keys[start:end].T, alpha=-2
            ).min(1)
            distance[order[first:last]] = near.values
            found[order[first:last]] = near.indices + start
        best = distance.view_as(probed).argmin(1, keepdim=True)
        return self.order[found.view_as(probed).gather(1, best)[:, 0]]

    def _nearest(self, points: Tensor, count: int) -> Tensor:
        squares = self.centres.square().sum(1)
        near = [
            torch.addmm(squares, part, self.centres.T, alpha=-2).topk(count, 1, largest=False)
            for part in points.split(CHUNK)
        ]
        return torch.cat([part.indices for part in near])


class Keys:
    """The patches of a picture, (1, 3, H, W), by their principal components."""

    def __init__(self, picture: Tensor, patch: int) -> None:
        patches = functional.unfold(picture, patch)[0].T
        mean = patches.mean(0)
        centred = patches - mean
        axes = torch.linalg.eigh(centred.T @ centred)[1][:, -COMPONENTS:]
        self._filters = axes.T.reshape(-1, 3, patch, patch).contiguous()
        self._bias = -(mean @ axes)
        self._index = Index(centred @ axes)

    def nearest(self, picture: Tensor) -> Tensor:
        """The number of the nearest patch at each place of `picture`, (h, w)."""
        queries = functional.conv2d(picture, self._filters, self._bias)[0]
        return self._index.find(queries.flatten(1).T).view(queries.shape[1:])


class Level:
    """Replaces patches at one size."""

    def __init__(self, picture: Tensor, below: Size, size: Size, patch: int) -> None:
        self.size, self._patch = size, patch
        self._picture = resize(picture, size)
        # An enlarged sample is as soft as the enlarged picture, so that is what it is compared to.
        self._keys = [Keys(_enlarge(resize(picture, below), size), patch)]
        self._keys.append(Keys(self._picture, patch))
        place = torch.arange(patch) - (patch - 1) / 2
        bell = torch.exp(-0.5 * (place / (patch / 4)).square())
        self._weights = bell[:, None] * bell

    def refine(self, sample: Tensor, iterations: int) -> Tensor:
        """The sample, (1, 3, h, w) in [-1, 1], at this level's size, of the picture's patches."""
        sample = _enlarge(sample, self.size)
        for iteration in range(iterations):
            sample = self._vote(self._keys[min(iteration, 1)].nearest(sample))
        return sample

    def _vote(self, found: Tensor) -> Tensor:
        height, width = found.shape
        places = self.size.width - self._patch + 1
        corner = found // places * self.size.width + found % places
        pixels = self._picture.flatten(2)
        total, weight = torch.zeros_like(self._picture), torch.zeros_like(self._picture)
        for y in range(self._patch):
            for x in range(self._patch):
                inside = (..., slice(y, y + height), slice(x, x + width))
                total[inside] += (
                    self._weights[y, x] * pixels[..., corner + (y * self.size.width + x)]
                )
                weight[inside] += self._weights[y, x]
        return total / weight


def _ends(cluster: Tensor, count: int) -> list[int]:
    return [0, *torch.bincount(cluster, minlength=count).cumsum(0).tolist()]


def _enlarge(picture: Tensor, size: Size) -> Tensor:
    return functional.interpolate(picture, tuple(size), mode="bicubic", align_corners=False)


def levels(picture: Tensor, start: Size, count: int, patch: int) -> list[Level]:
    """Levels from `start` to the size of `picture`, each larger by the same factor."""
    height, width = picture.shape[-2:]
    sizes = [
        Size(
            round(start.height * (height / start.height) ** (level / count)),
            round(start.width * (width / start.width) ** (level / count)),
        )
        for level in range(count + 1)
    ]
    return [Level(picture, below, size, patch) for below, size in pairwise(sizes)]


def finish(sample: Tensor, ladder: Sequence[Level], iterations: int) -> Tensor:
    """The sample of a lower stage at the full size."""
    for level in ladder:
        sample = level.refine(sample, iterations)
    return sample.clamp(-1, 1)


def main() -> int:
    """Sample, finish, score, print; the exit code."""
    parser = command_line(__doc__)
    parser.add_argument("run")
    parser.add_argument("--stage", type=int, required=True, help="the last one that is used")
    parser.add_argument("--levels", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=3, help="at each level")
    parser.add_argument("--patch", type=int, default=7, help="side in pixels")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--num-samples", type=int, default=10)
    parser.add_argument("--sheet", type=Path, help="where to save the pictures")
    given = parser.parse_args()
    run, judge = consingan.open_run(given.run), load_judge(given.judge)
    if not 0 <= given.stage < run.stages_done:
        parser.error(f"--stage: the run has stages 0 to {run.stages_done - 1}")
    full = run.sampler("cpu")
    sampler, _ = train_stage(consingan.open_run(given.run), given.stage, {})
    ladder = levels(full.picture, sampler.size, given.levels, given.patch)
    samples, started = [], time.time()
    for index in range(given.num_samples):
        made = finish(sampler.sample(index).float(), ladder, given.iterations)
        samples.append(to_image(made))
    row = {"seconds a sample": (time.time() - started) / given.num_samples}
    real = to_image(full.picture)
    row |= scores(judge, real, samples)
    print_means({f"stage {given.stage}, {given.levels} levels": row}, {}, given.json)
    if given.sheet is not None:
        save_sheet(given.sheet, real, samples)
    return 0


if __name__ == "__main__":
    run_main(main)
