"""SIFID: the Fréchet distance between the deep features of two pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class EarlyInception(nn.Module):
    """Inception-v3 (Szegedy et al. 2016) up to its first pooling layer: 64 feature maps.

    Its weights have the same names as in torchvision's and pytorch-fid's files. It computes the
    same as those networks in evaluation mode.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Convolution(3, 32, stride=2)
        self.Conv2d_2a_3x3 = _Convolution(32, 32)
        self.Conv2d_2b_3x3 = _Convolution(32, 64, padding=1)

    @torch.inference_mode()
    def forward(self, picture: Tensor) -> Tensor:
        """The features of a picture, (1, 3, H, W) in [0, 1], as (positions, 64).

        Both sides must be at least 7 pixels.
        """
        features = picture * 2 - 1
        for layer in (self.Conv2d_1a_3x3, self.Conv2d_2a_3x3, self.Conv2d_2b_3x3):
            features = layer(features)
        return features[0].flatten(1).T


class _Convolution(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, 3, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(filters, eps=0.001)
        self.eval()

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(features)))


class FeatureDistance:
    """The Fréchet distance between a picture's features and a reference's (SIFID).

    From Shaham et al. 2019. A picture has one feature vector for each position. The distance is 0
    for the same picture and has no upper bound.
    """

    def __init__(self, reference: Tensor, network: EarlyInception) -> None:
        """Compute the reference's features.

        Args:
            reference: (1, 3, H, W) in [0, 1].
            network: on the reference's device.
        """
        self._network = network
        self._reference = network(reference)

    def __call__(self, picture: Tensor) -> float:
        """The distance of `picture`, (1, 3, H, W) in [0, 1]; it may have another size."""
        return frechet_distance(self._reference, self._network(picture))


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """The Fréchet distance between Gaussians fitted to two sets of vectors, (n, D) and (m, D).

    |mean1 - mean2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau 1982; FID, Heusel et al.
    2017). tr((C1 C2)^(1/2)) is computed as the sum of the singular values of C1^(1/2) C2^(1/2). All
    is in float64 on the CPU. n and m must be at least 2.
    """
    first, second = first.cpu().double(), second.cpu().double()
    means = first.mean(dim=0) - second.mean(dim=0)
    covariances = torch.cov(first.T), torch.cov(second.T)
    one, other = map(_square_root, covariances)
    shared = torch.linalg.svdvals(one @ other).sum()
    total = means.square().sum() + sum(each.trace() for each in covariances) - 2 * shared
    return max(float(total), 0.0)


def _square_root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a covariance matrix, (D, D)."""
    values, vectors = torch.linalg.eigh(covariance)
    return torch.matmul(vectors * values.clamp(min=0).sqrt(), vectors.T)
