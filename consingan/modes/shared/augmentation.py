"""Random changes to a picture that a network learns to undo, as a harmonized or edited one needs.

All is computed where the picture is, and no decision is read back from there: an "if" is a
`torch.where`, and a place is a mask made from coordinates, so that a GPU never waits.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Rectangles: how many at most; sides and shifts from .. to, as shares of the picture's side.
CUT_OUTS = 2
CUT_OUT_SIDES = (0.05, 0.4)
SHIFTED_RECTANGLES = 5
SHIFTED_SIDES = (0.1, 0.4)
SHIFTS = (0.05, 0.15)


def augment(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Change a picture, (1, 3, H, W) in [-1, 1], as `AUGMENTATIONS` lists.

    `generator` is the only source of randomness and on the picture's device. In 3.3 % of all calls
    nothing is changed.
    """
    changed = picture
    for change, probability in AUGMENTATIONS:
        happens = _uniform(0, 1, (1,), generator) < probability
        changed = torch.where(happens, change(changed, generator), changed)
    return changed.clamp(-1, 1)


def change_colour(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Change saturation and contrast by a factor each, then add a brightness and a tint.

    The factors are from 0.5 to 1.5. The brightness, up to 0.25, is the same for all channels; the
    tint, up to 0.2, is each channel's own.
    """
    saturation, contrast = _uniform(0.5, 1.5, (2, 1, 1, 1, 1), generator)
    brightness = _uniform(-0.25, 0.25, (1, 1, 1, 1), generator)
    tint = _uniform(-0.2, 0.2, (1, 3, 1, 1), generator)
    saturated = torch.lerp(_luminance(picture), picture, saturation)
    mean = saturated.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, saturated, contrast) + brightness + tint


def add_noise(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise, of a standard deviation from 0 to 0.2, a tenth of the range."""
    strength = _uniform(0, 0.2, (1, 1, 1, 1), generator)
    noise = torch.randn(picture.shape, generator=generator, device=generator.device)
    return picture + strength * noise


def tone_sepia(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Reduce the picture to brown tones, from black to a yellowish white."""
    light = (_luminance(picture).clamp(-1, 1) + 1) / 2
    return torch.cat([1.15 * light, light, 0.75 * light], dim=1) * 2 - 1


def invert(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Turn every colour into its opposite, as a photographic negative does."""
    return -picture


def drop_channel(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Replace one of the channels by its mean."""
    dropped = torch.randint(3, (1,), generator=generator, device=generator.device)
    channels = torch.arange(3, device=picture.device).view(1, 3, 1, 1)
    return torch.where(channels == dropped, picture.mean(dim=(2, 3), keepdim=True), picture)


def shuffle_channels(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Put the channels into one of the five other orders."""
    # 1 and 2 turn red, green, blue in a circle; 3 to 5 turn blue, green, red.
    choice = torch.randint(1, 6, (1,), generator=generator, device=generator.device)
    direction = 1 - 2 * (choice // 3)
    order = (direction * torch.arange(3, device=picture.device) + choice) % 3
    return picture.index_select(1, order)


def cut_out(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Fill one or two rectangles, with sides of 5 to 40 % of the picture's, each with a colour."""
    height, width = picture.shape[2:]
    rows, columns = (torch.arange(side, device=picture.device) for side in (height, width))
    count = torch.randint(1, CUT_OUTS + 1, (1,), generator=generator, device=generator.device)
    for index in range(CUT_OUTS):
        inside_rows = _in_stretch(rows, height, CUT_OUT_SIDES, generator)
        inside_columns = _in_stretch(columns, width, CUT_OUT_SIDES, generator)
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
"""What may happen to a picture, in this order, and how likely each is.

The mild ones are common and the drastic ones rare, so that most pictures stay like what is pasted
into one. Each takes (1, 3, H, W) in [-1, 1] and may leave that range.
"""


def shift_rectangles(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Copy one to five rectangles of a picture, (1, 3, H, W), to places nearby.

    Their sides are 10 to 40 % of the picture's, and they move by 5 to 15 % of its height up or
    down and of its width left or right; what leaves the picture is cut off. All show the picture
    as given, and later ones cover earlier ones. `generator` is on the picture's device.
    """
    height, width = picture.shape[2:]
    count = torch.randint(
        1, SHIFTED_RECTANGLES + 1, (1,), generator=generator, device=generator.device
    )
    shifted = picture
    for index in range(SHIFTED_RECTANGLES):
        rows, columns = _shifted(height, generator), _shifted(width, generator)
        inside_rows = _in_stretch(rows, height, SHIFTED_SIDES, generator)
        inside_columns = _in_stretch(columns, width, SHIFTED_SIDES, generator)
        inside = inside_rows[:, None] & inside_columns & (index < count)
        # Clamped indices are outside of every rectangle: they only have to exist.
        moved = picture.index_select(2, rows.clamp(0, height - 1))
        moved = moved.index_select(3, columns.clamp(0, width - 1))
        shifted = torch.where(inside, moved, shifted)
    return shifted


def _shifted(side: int, generator: torch.Generator) -> Tensor:
    """Where each of `side` positions gets its pixel from, after a random shift of at least 1."""
    distance = (side * _uniform(*SHIFTS, (1,), generator)).round().clamp(min=1).long()
    sign = 1 - 2 * torch.randint(2, (1,), generator=generator, device=generator.device)
    return torch.arange(side, device=generator.device) - sign * distance


def _in_stretch(
    positions: Tensor, side: int, shares: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """Which positions are in a random stretch of 0 .. side - 1, as long as `shares` of it say."""
    length = (side * _uniform(*shares, (1,), generator)).round().clamp(min=1)
    start = (_uniform(0, 1, (1,), generator) * (side - length + 1)).floor()
    return (positions >= start) & (positions < start + length)


def _luminance(picture: Tensor) -> Tensor:
    """How bright each pixel looks (ITU-R BT.601), (1, 1, H, W) in the picture's range."""
    red, green, blue = picture.split(1, dim=1)
    luminance: Tensor = 0.299 * red + 0.587 * green + 0.114 * blue
    return luminance


def _uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    numbers = torch.rand(shape, generator=generator, device=generator.device)
    return low + (high - low) * numbers
