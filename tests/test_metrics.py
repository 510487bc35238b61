"""The metrics against other people's code, known answers, and what each is meant to tell apart."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from consingan.core.metrics import patches
from consingan.core.metrics.frechet import EarlyInception, FeatureDistance, frechet_distance
from consingan.core.metrics.patches import PatchDistance, share_in_place, wasserstein
from consingan.core.metrics.pixels import Diversity, psnr, rmse, ssim
from tests.conftest import tiny_image


def _picture(height: int = 40, width: int = 56, seed: int = 0) -> Tensor:
    """(1, 3, H, W) in [0, 1]."""
    pixels = np.array(tiny_image(height, width, seed))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def _noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def _numpy(picture: Tensor) -> np.ndarray:
    return picture[0].permute(1, 2, 0).double().numpy()


@pytest.mark.parametrize("size", [(11, 11), (16, 24), (50, 31)])
@pytest.mark.parametrize("strength", [0.01, 0.3])
def test_ssim_and_psnr_are_scikit_images(size: tuple[int, int], strength: float) -> None:
    first = _picture(*size)
    second = (first + strength * (_noise(*first.shape) - 0.5)).clamp(0, 1)
    expected = structural_similarity(
        _numpy(first),
        _numpy(second),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=2,
    )
    assert ssim(first, second) == pytest.approx(expected, abs=2e-5)
    decibels = peak_signal_noise_ratio(_numpy(first), _numpy(second), data_range=1)
    assert psnr(first, second) == pytest.approx(decibels, abs=1e-3)


def test_a_picture_is_itself() -> None:
    picture = _picture()
    assert rmse(picture, picture) == 0
    assert psnr(picture, picture) == math.inf
    assert ssim(picture, picture) == pytest.approx(1, abs=1e-6)
    assert ssim(picture[..., :10], picture[..., :10]) is None
    assert PatchDistance(picture)(picture) == 0
    assert share_in_place(picture, picture) == 1


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 999))
def test_wasserstein_is_scipys_for_any_two_counts(n: int, m: int, seed: int) -> None:
    first, second = _noise(3, n, seed=seed), _noise(3, m, seed=seed + 1) * 2 - 0.5
    found = wasserstein(first.sort(dim=1).values, second.sort(dim=1).values)
    expected = [wasserstein_distance(a, b) for a, b in zip(first, second, strict=True)]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_patch_distance_of_a_brighter_picture_is_known() -> None:
    # Each projection moves by its direction's sum times the difference, on every scale.
    picture, difference = _picture() * 0.5, 0.25
    distance = PatchDistance(picture)
    shift = distance._directions.sum(dim=(1, 2, 3)).abs().mean() * difference
    assert distance(picture + difference) == pytest.approx(float(shift), rel=1e-4)


def test_patch_distance_ignores_places_and_sizes() -> None:
    picture = _picture(80, 120)
    distance = PatchDistance(picture)
    twice = torch.cat([picture, picture], dim=3)
    scrambled = picture.flatten(2)[..., _noise(80 * 120).argsort()].view_as(picture)
    assert distance(twice) < distance(scrambled) / 10
    assert distance(picture.roll(40, dims=3)) < distance(scrambled) / 4


def test_patch_distance_is_the_seeds() -> None:
    first, second = _picture(), _picture(seed=1) ** 2
    assert PatchDistance(first)(second) == PatchDistance(first)(second)
    other = PatchDistance(first, seed=1)(second)
    assert other != PatchDistance(first)(second)
    assert other == pytest.approx(PatchDistance(first)(second), rel=0.3)


def test_patch_distance_counts_the_scales_that_fit() -> None:
    small = _picture(8, 20)
    assert len(PatchDistance(small)._reference) == 1
    distance = PatchDistance(_picture(40, 56))
    assert len(distance._reference) == 3
    assert distance(small) > 0


def test_patches_of_large_pictures_are_a_part_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, other = _picture(120, 150), _picture(120, 150, seed=1) ** 1.5
    whole = PatchDistance(picture)(other)
    monkeypatch.setattr(patches, "MAX_PATCHES", 120 * 150 // 4)
    part = PatchDistance(picture)
    assert part._reference[0].shape[1] < 120 * 150 / 4
    assert part(other) == pytest.approx(whole, rel=0.05)


def test_places_tell_copies_from_strangers() -> None:
    picture = _noise(1, 3, 40, 56)
    slightly = (picture + 0.05 * _noise(1, 3, 40, 56, seed=1)).clamp(0, 1)
    assert share_in_place(slightly, picture) > 0.99
    assert share_in_place(picture.roll(1, dims=3), picture) > 0.9  # a neighbour is in its place
    assert share_in_place(picture.roll(20, dims=3), picture) < 0.02
    assert share_in_place(_noise(1, 3, 40, 56, seed=2), picture) < 0.02
    assert share_in_place(picture[:, :, :6], picture[:, :, :6]) == 1
    flat = torch.full_like(picture, 0.5)
    assert share_in_place(flat, flat) == 1  # where every place is as similar, none is wrong


def test_half_a_copy_is_in_place_by_half() -> None:
    picture = _noise(1, 3, 40, 64)
    half = torch.cat([picture[..., :32], _noise(1, 3, 40, 32, seed=1)], dim=3)
    assert 0.4 < share_in_place(half, picture) < 0.6


def test_diversity_is_the_standard_deviation_of_a_pixel() -> None:
    reference, pictures = _picture(), [_noise(1, 3, 40, 56, seed=seed) for seed in range(5)]
    diversity = Diversity()
    diversity.add(pictures[0])
    assert diversity.relative_to(reference) is None
    for picture in pictures[1:]:
        diversity.add(picture)
    expected = float(torch.cat(pictures).std(dim=0).mean() / reference.std())
    assert diversity.relative_to(reference) == pytest.approx(expected, rel=1e-5)
    assert diversity.relative_to(torch.zeros(1, 3, 40, 56)) is None


def test_copies_have_no_diversity() -> None:
    diversity = Diversity()
    for _ in range(3):
        diversity.add(_picture())
    assert diversity.relative_to(_picture()) == pytest.approx(0, abs=1e-6)


def _gaussian(mean: Tensor, covariance: Tensor) -> Tensor:
    """Vectors whose mean and covariance are exactly these."""
    drawn = torch.randn(500, len(mean), dtype=torch.float64, generator=torch.Generator())
    drawn = drawn - drawn.mean(dim=0)
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(torch.cov(drawn.T)), drawn.T, upper=False
    )
    return (torch.linalg.cholesky(covariance) @ white).T + mean


def test_frechet_distance_of_gaussians_is_known() -> None:
    # For covariances that commute it is |m1 - m2|^2 + sum of (s1 - s2)^2.
    zero, mean = torch.zeros(3).double(), torch.tensor([1.0, -2.0, 0.5]).double()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator()).double()).Q
    deviations = torch.tensor([1.0, 2.0, 3.0]).double(), torch.tensor([2.0, 0.5, 3.0]).double()
    first, second = (turn @ torch.diag(s**2) @ turn.T for s in deviations)
    found = frechet_distance(_gaussian(zero, first), _gaussian(mean, second))
    assert found == pytest.approx(float(mean @ mean) + 1 + 1.5**2, rel=1e-9)


def test_frechet_distance_is_scipys_matrix_square_root() -> None:
    from scipy.linalg import sqrtm

    drawn = torch.randn(2, 90, 8, generator=torch.Generator()).double()
    vectors = [drawn[0], 1.7 * drawn[1] + 0.5]
    vectors[1][:, 1] += 2 * vectors[1][:, 0]
    covariances = [np.cov(v.numpy().T) for v in vectors]
    mean = (vectors[0].mean(dim=0) - vectors[1].mean(dim=0)).numpy()
    shared = np.trace(sqrtm(covariances[0] @ covariances[1]).real)
    expected = mean @ mean + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * shared
    assert frechet_distance(*vectors) == pytest.approx(expected, rel=1e-6)


def test_fewer_vectors_than_features_still_compare() -> None:
    few = torch.randn(5, 64, generator=torch.Generator())
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(few, few + 1) == pytest.approx(64, rel=1e-6)


@pytest.fixture
def network() -> EarlyInception:
    """Of random weights and statistics."""
    network, generator = EarlyInception(), torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            drawn = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(drawn.abs() + 0.5 if "running_var" in name else drawn / 5)
    return network


def test_early_inception_computes_what_the_papers_do(network: EarlyInception) -> None:
    picture, state = _picture(17, 23), network.state_dict()
    features = picture * 2 - 1
    for name, stride, padding in (
        ("Conv2d_1a_3x3", 2, 0),
        ("Conv2d_2a_3x3", 1, 0),
        ("Conv2d_2b_3x3", 1, 1),
    ):
        weight = state[f"{name}.conv.weight"]
        features = torch.nn.functional.conv2d(features, weight, None, stride, padding)
        scale, shift, mean, variance = (
            state[f"{name}.bn.{part}"].view(1, -1, 1, 1)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        normal = (features - mean) / (variance + 0.001).sqrt()
        features = (normal * scale + shift).clamp(min=0)
    found = network(picture)
    assert found.shape == (6 * 9, 64)
    assert torch.allclose(found, features[0].flatten(1).T, atol=1e-4)


def test_feature_distance(network: EarlyInception) -> None:
    picture = _picture(60, 80)
    distance = FeatureDistance(picture, network)
    assert distance(picture) == pytest.approx(0, abs=1e-6)
    near = distance(torch.cat([picture, picture], dim=3))
    assert 0 < near < distance(_noise(1, 3, 60, 80)) / 5


@pytest.mark.parametrize(("sign", "code"), [("", 0), ("-", 1)])
def test_the_benchmark_tells_whether_a_judge_agrees(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sign: str,
    code: int,
) -> None:
    from benchmarks.metrics import main

    for name, seed in (("Real", 0), ("Near", 1), ("Far", None)):
        (tmp_path / name).mkdir()
        image = tiny_image(30, 40, seed or 0)
        image = image.point(lambda value: 255 - value // 3) if seed is None else image
        image.save(tmp_path / name / "1.png")
    judge = tmp_path.parent / f"judge{code}.py"
    judge.write_text(f"def swd(real, sample): return {sign}float((real - sample).abs().mean())")
    arguments = ["metrics.py", str(tmp_path), "--judge", str(judge), "--json"]
    monkeypatch.setattr("sys.argv", arguments)
    assert main() == code
    rows = json.loads(capsys.readouterr().out)
    assert rows["Near"]["patch distance"] < rows["Far"]["patch distance"]
    assert 0 < rows["the picture, JPEG 95"]["distance"] < rows["the picture, JPEG 75"]["distance"]
