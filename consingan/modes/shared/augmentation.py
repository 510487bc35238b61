"""Random augmentations, which harmonization and editing learn to undo.

Everything is computed on the picture's device, and no value is read back: conditions are
`torch.where`, and rectangles are masks from coordinates. So a GPU never has to wait.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Rectangles: the largest number, and ranges of sides and shifts as shares of the picture's sides.
CUT_OUTS = 2
CUT_OUT_SIDES = (0.05, 0.4)
SHIFTED_RECTANGLES = 5
SHIFTED_SIDES = (0.1, 0.4)
SHIFTS = (0.05, 0.15)


def augment(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Apply random `AUGMENTATIONS` to a picture, (1, 3, H, W) in [-1, 1].

    `generator` is on the picture's device. In 3.3 % of all calls nothing is changed.
    """
    changed = picture
    for change, probability in AUGMENTATIONS:
        happens = _uniform(0, 1, (1,), generator) < probability
        changed = torch.where(happens, change(changed, generator), changed)
    return changed.clamp(-1, 1)


def change_colour(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Scale saturation and contrast by factors from 0.5 to 1.5, then shift brightness and tint.

    The brightness shift, up to 0.25, is the same for all channels. The tint, up to 0.2, differs
    between channels.
    """
    saturation, contrast = _uniform(0.5, 1.5, (2, 1, 1, 1, 1), generator)
    brightness = _uniform(-0.25, 0.25, (1, 1, 1, 1), generator)
    tint = _uniform(-0.2, 0.2, (1, 3, 1, 1), generator)
    saturated = torch.lerp(_luminance(picture), picture, saturation)
    mean = saturated.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, saturated, contrast) + brightness + tint


def add_noise(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise with a standard deviation from 0 to 0.2."""
    strength = _uniform(0, 0.2, (1, 1, 1, 1), generator)
    noise = torch.randn(picture.shape, generator=generator, device=generator.device)
    return picture + strength * noise


def tone_sepia(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Tone the picture in sepia, from black to a yellowish white."""
    light = (_luminance(picture).clamp(-1, 1) + 1) / 2
    return torch.cat([1.15 * light, light, 0.75 * light], dim=1) * 2 - 1


def invert(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Invert the colours, as in a photographic negative."""
    return -picture


def drop_channel(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Replace one of the channels by its mean."""
    dropped = torch.randint(3, (1,), generator=generator, device=generator.device)
    channels = torch.arange(3, device=picture.device).view(1, 3, 1, 1)
    return torch.where(channels == dropped, picture.mean(dim=(2, 3), keepdim=True), picture)


def shuffle_channels(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Permute the channels into one of the five other orders."""
    # 1 and 2 rotate red, green, blue; 3 to 5 rotate blue, green, red.
    choice = torch.randint(1, 6, (1,), generator=generator, device=generator.device)
    direction = 1 - 2 * (choice // 3)
    order = (direction * torch.arange(3, device=picture.device) + choice) % 3
    return picture.index_select(1, order)


def cut_out(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Fill one or two rectangles, with sides of 5 to 40 % of the picture's, with random colours."""
    height, width = picture.shape[2:]
    rows, columns = (torch.arange(side, device=picture.device) for side in (height, width))
    count = torch.randint(1, CUT_OUTS + 1, (1,), generator=generator, device=generator.device)
    for index in range(CUT_OUTS):
        inside_rows = _in_interval(rows, height, CUT_OUT_SIDES, generator)
        inside_columns = _in_interval(columns, width, CUT_OUT_SIDES, generator)
        inside = inside_rows[:, None] & inside_columns & (index < count)
        colour = _uniform(-1, 1, (1, 3, 1, 1), generator)
        picture = torch.where(inside, colour, picture)
    return picture


Augmentation = Callable[[Tensor, torch.Generator], Tensor]

AUGMENTATIONS: tuple[tuple[Augmentation, float], ...] = (
    (change_colour, 0.8),
    (add_noise, 0.5),
    (tone_sepia, 0.1),
    (invert, 0.1),
    (drop_channel, 0.1),
    (shuffle_channels, 0.1),
    (cut_out, 0.5),
)
"""The augmentations, in the order in which they are applied, and their probabilities.

Mild ones are common and drastic ones rare, so that most results resemble pasted objects. Each
takes (1, 3, H, W) in [-1, 1]. Results may be outside that range.
"""


def shift_rectangles(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Copy one to five rectangles of a picture, (1, 3, H, W), to nearby positions.

    Their sides are 10 to 40 % of the picture's. They are shifted by 5 to 15 % of its height up or
    down, and of its width left or right. Parts outside the picture are cut off. All are copied from
    the given picture, and later ones cover earlier ones. `generator` is on the picture's device.
    """
    height, width = picture.shape[2:]
    count = torch.randint(
        1, SHIFTED_RECTANGLES + 1, (1,), generator=generator, device=generator.device
    )
    shifted = picture
    for index in range(SHIFTED_RECTANGLES):
        rows, columns = _shifted(height, generator), _shifted(width, generator)
        inside_rows = _in_interval(rows, height, SHIFTED_SIDES, generator)
        inside_columns = _in_interval(columns, width, SHIFTED_SIDES, generator)
        inside = inside_rows[:, None] & inside_columns & (index < count)
        # Clamped indices are outside all rectangles; they only have to be valid.
        moved = picture.index_select(2, rows.clamp(0, height - 1))
        moved = moved.index_select(3, columns.clamp(0, width - 1))
        shifted = torch.where(inside, moved, shifted)
    return shifted


def _shifted(side: int, generator: torch.Generator) -> Tensor:
    """The source index of each of `side` positions after a random shift of at least 1 pixel."""
    distance = (side * _uniform(*SHIFTS, (1,), generator)).round().clamp(min=1).long()
    sign = 1 - 2 * torch.randint(2, (1,), generator=generator, device=generator.device)
    return torch.arange(side, device=generator.device) - sign * distance


def _in_interval(
    positions: Tensor, side: int, shares: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """Which positions are in a random interval of 0 .. side - 1.

    Its length is a random share of `side` between the two `shares`.
    """
    length = (side * _uniform(*shares, (1,), generator)).round().clamp(min=1)
    start = (_uniform(0, 1, (1,), generator) * (side - length + 1)).floor()
    return (positions >= start) & (positions < start + length)


def _luminance(picture: Tensor) -> Tensor:
    """The luma of each pixel (ITU-R BT.601), (1, 1, H, W) in the picture's range."""
    red, green, blue = picture.split(1, dim=1)
    luminance: Tensor = 0.299 * red + 0.587 * green + 0.114 * blue
    return luminance


def _uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    numbers = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * numbers
