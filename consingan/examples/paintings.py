"""Three pictures to train on: a landscape, a stone wall, and a night sky with lightning.

Painters work on float arrays: (H, W) maps and (H, W, 3) colours in [0, 1], row 0 at the top.
Pictures are drawn SCALE times as large and reduced at the end, for antialiasing. The seeds are
fixed, and were chosen for a good composition.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

Array = NDArray[np.float32]
SCALE = 2
WIDTH = 256


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cell: tuple[float, float],
    octaves: int = 6,
    gain: float = 0.5,
) -> Array:
    """Return (H, W) fractal value noise stretched to [0, 1].

    `cell` is the (height, width) in pixels of the coarsest grid cell; every octave halves the
    cell and multiplies the amplitude by `gain`.
    """
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows, cols = (max(c / 2**octave, 1.0) for c in cell)
        grid = rng.random((int(height / rows) + 4, int(width / cols) + 4), np.float32)
        # The window starts one and a half cells in, so the border never shows clamped values.
        box = (1.5, 1.5, 1.5 + width / cols, 1.5 + height / rows)
        layer = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC, box)
        total += np.float32(gain**octave) * np.asarray(layer)
    total -= total.min()
    total /= total.max()
    return total


def _step(low: float, high: float, values: Array) -> Array:
    """Return a smooth 0-to-1 step of `values` between `low` and `high`, shaped like `values`."""
    t: Array = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _mix(first: ArrayLike, second: ArrayLike, amount: Array) -> Array:
    """Blend colours, (3,) or (H, W, 3), from `first` to `second` by an (H, W) `amount`."""
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return a + (b - a) * amount[..., None]


def _blur(values: Array, radius: float) -> Array:
    """Return the (H, W) map blurred by a Gaussian of `radius` pixels, as bright at its borders."""

    def kernel(size: int) -> Array:
        offset = np.arange(size, dtype=np.float32) - np.arange(size, dtype=np.float32)[:, None]
        weights: Array = np.exp(-0.5 * (offset / radius) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    blurred: Array = kernel(values.shape[0]) @ values @ kernel(values.shape[1]).T
    return blurred


def _clouds(rng: np.random.Generator, shape: tuple[int, int], sun: int) -> tuple[Array, Array]:
    """Return how dense clouds are and how much sun they catch from the left, (H, W) in [0, 1].

    `sun` is 1 for light from above, -1 for light from below.
    """
    height, width = shape
    gap = 6 * width // WIDTH
    puff = fractal_noise(rng, (height + gap, width + gap), (height / 4.5, width / 3), 8, 0.5)
    # A spot is bright if the cloud thins out towards the sun.
    toward, away = (slice(None, -gap), slice(gap, None))[::sun]
    here, there = puff[away, gap:], puff[toward, :-gap]
    return here, _step(-0.13, 0.16, here - there)


def _finish(colour: Array) -> Image.Image:
    """Turn a (SCALE * H, SCALE * W, 3) picture in [0, 1] into the final RGB image."""
    image = Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))
    return image.resize((image.width // SCALE, image.height // SCALE), Image.Resampling.LANCZOS)


def landscape(width: int = WIDTH) -> Image.Image:
    """Paint hazy mountains under a cloudy sky behind forest and meadow, 256 x 171.

    A larger `width` shows more detail of the same kind of land, in the same proportions.
    """
    rng = np.random.default_rng(0)
    times = width / WIDTH
    height, width = shape = (round(171 * times) * SCALE, width * SCALE)
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None] + np.zeros(shape, np.float32)

    sky = _mix((0.24, 0.44, 0.72), (0.93, 0.90, 0.84), (rows / 0.5) ** 0.8)
    density, lit = _clouds(rng, shape, 1)
    cloud = _mix((0.62, 0.67, 0.76), (1.0, 0.98, 0.94), lit)
    sky = _mix(sky, cloud, _step(0.42, 0.68, density - 0.1 * rows))

    # Terrain as slices from near (0) to far, in log depth: one noise scale suits all distances.
    land = slices, _ = (round(900 * times), width)
    depth = np.linspace(0, 1, slices, dtype=np.float32)[:, None] + np.zeros(land, np.float32)
    relief = fractal_noise(rng, land, (slices / 7, width / 3), 2)
    rough = fractal_noise(rng, land, (slices / 11, width / 8), 8, 0.5)
    ridges = 1.2 * relief**1.5 + 0.55 * (1 - np.abs(2 * rough - 1))
    grass = fractal_noise(rng, land, (50, 60), 7, 0.8)
    leaves = fractal_noise(rng, land, (11, 9), 3, 0.8)
    woods = fractal_noise(rng, land, (70, 90), 6)
    forest = _step(0.48, 0.54, woods + 0.25 * (depth - 0.3)) * _step(0.12, 0.2, depth)
    forest = forest * _step(0.72, 0.6, depth + 0.2 * (grass - 0.5))
    slab = 0.38 * (1 - (1 - depth) ** 2) - 0.03
    terrain = slab + (0.03 + 0.29 * depth**2) * (ridges - 0.45) + 0.025 * forest * (0.4 + leaves)

    slope = np.gradient(terrain, axis=1) * 100 - np.gradient(terrain, axis=0) * 70
    slope += np.gradient(relief, axis=1) * 90 * depth**2  # tells a mountain's two sides apart
    light = np.clip(0.75 + 0.5 * slope, 0.2, 1.4)

    ground = _mix((0.15, 0.28, 0.06), (0.76, 0.74, 0.30), _step(0.3, 0.75, grass))
    petals = _step(0.58, 0.7, fractal_noise(rng, land, (8, 6), 2)) * _step(0.45, 0.6, woods)
    hue = _step(0.4, 0.6, fractal_noise(rng, land, (40, 60), 3))
    bloom = _mix((0.95, 0.85, 0.25), (0.80, 0.45, 0.75), hue)
    ground = _mix(ground, bloom, petals * _step(0.25, 0.05, depth))
    ground = _mix(ground, _mix((0.02, 0.07, 0.04), (0.30, 0.38, 0.13), leaves), forest)
    high = _step(0.6, 0.75, depth + 0.2 * (grass - 0.5))
    ground = _mix(ground, _mix((0.20, 0.20, 0.24), (0.50, 0.46, 0.42), grass), high)
    snow = _step(0.43, 0.50, terrain + 0.2 * (rough - 0.5) + 0.35 * (grass - 0.5)) * high
    ground = _mix(ground, (1.0, 1.0, 1.0), snow) * light[..., None]
    ground = _mix(ground, (0.70, 0.78, 0.88), 0.72 * depth**1.7)

    # A pixel shows the nearest slice that is high enough to reach it.
    tops = np.maximum.accumulate(terrain, axis=0).T
    hit = np.stack([np.searchsorted(top, 1 - rows[:, 0]) for top in tops], axis=1)
    shown = ground[np.minimum(hit, slices - 1), np.arange(width)]
    return _finish(np.where((hit < slices)[..., None], shown, sky))


def stone_wall() -> Image.Image:
    """Paint a wall of irregular mortared stones lit from the upper left, 256 x 192."""
    rng = np.random.default_rng(5)
    height, width = shape = (192 * SCALE, 256 * SCALE)
    grain = fractal_noise(rng, shape, (12, 12), 5, 0.75)
    rough = fractal_noise(rng, shape, (60, 60), 7, 0.6)
    stains = fractal_noise(rng, shape, (150, 150), 7, 0.6)
    # All distances below are in final pixels, on randomly distorted coordinates.
    shake = [8 * (fractal_noise(rng, shape, (40, 40), 5) - 0.5) for _ in range(2)]
    y, x = np.mgrid[:height, :width].astype(np.float32) / SCALE + np.stack(shake)

    # Stones lie in rough courses. A pixel belongs to the stone with the smallest squared distance
    # to its middle, less a term for the stone's size.
    stones: list[tuple[float, float, float]] = []
    top = -10.0
    while top < 192:
        course, left = rng.uniform(15, 38), -rng.uniform(0, 40)
        while left < 256:
            length = course * rng.uniform(0.6, 2.2)
            middle = top + course * (0.5 + 0.16 * rng.standard_normal())
            stones.append((middle, left + length / 2, length))
            left += length
        top += course
    sy, sx, length = np.array(stones, np.float32).T[..., None, None]
    reach = 1.6 * (y - sy) ** 2 + (x - sx) ** 2 - 0.2 * length**2
    owner = reach.argmin(axis=0)
    # Each pixel's distance to its stone's edge. A soft minimum over neighbours rounds the corners.
    crowd = np.full(shape, 1e-6, np.float32)
    nearest = reach.min(axis=0)
    for i, other in enumerate(reach):
        gap = np.hypot(sy - sy[i], sx - sx[i]).ravel()[owner]
        crowd += np.where(owner == i, 0, np.exp((nearest - other) / (2 * gap + 1e-6)))
    inside = -np.log(crowd)

    stone = _step(1.2, 2.5, inside + 2.0 * (rough - 0.5))
    bulge = 12 * (1 - np.exp(-np.maximum(inside - 1.3, 0) / 4)) + 20 * rough
    slope = np.add(*np.gradient(bulge + 2.5 * grain))
    tilt = rng.normal(0, 0.07, len(stones)).astype(np.float32)[owner]  # stones are tilted a little
    light = np.clip(0.85 + 0.3 * slope + tilt, 0.25, 1.7)
    light *= 0.5 + 0.5 * _step(-1.0, 4.0, inside)  # less of the sky reaches into the joints

    hues = np.array(
        ((60, 55, 48), (48, 48, 49), (64, 54, 42), (43, 40, 38), (56, 46, 40), (70, 66, 58)),
        np.float32,
    )
    paint = hues[rng.integers(len(hues), size=len(stones))]
    paint *= rng.uniform(0.0075, 0.0115, (len(stones), 1)).astype(np.float32)
    colour = paint[owner] * (0.75 + 0.5 * rough)[..., None]
    lichen = _step(0.64, 0.8, stains + 0.4 * (grain - 0.5)) * 0.6
    colour = _mix(colour, (0.50, 0.52, 0.34), lichen)
    mortar = _mix((0.55, 0.52, 0.46), (0.95, 0.90, 0.81), grain)
    return _finish(_mix(mortar, colour, stone) * light[..., None])


def lightning() -> Image.Image:
    """Paint a forked lightning bolt between night clouds and dark hills, 256 x 192."""
    rng = np.random.default_rng(3)
    height, width = shape = (192 * SCALE, 256 * SCALE)
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None] + np.zeros(shape, np.float32)
    flash = np.zeros(shape, np.float32)

    def strike(start: complex, end: complex, power: float) -> None:
        """Add a jagged line between two points x + iy, with thinner and fainter forks."""
        path = np.array([start, end])
        while abs(path[1] - path[0]) > 5 * SCALE:
            steps = np.diff(path)
            middle = path[:-1] + steps * (0.5 + 0.10j * rng.standard_normal(len(steps)))
            path = np.append(np.stack([path[:-1], middle], axis=1).ravel(), end)
        layer = Image.new("F", (width, height))
        draw = ImageDraw.Draw(layer)
        for i, (a, b) in enumerate(pairwise(path)):
            left = power if power == 1 else power * (1 - i / len(path))
            draw.line((a.real, a.imag, b.real, b.imag), left, max(1, round(1.5 * SCALE * left)))
            if power > 0.15 and rng.random() < 0.2 * power:
                turn = np.exp(1j * rng.choice((-1, 1)) * rng.uniform(0.4, 0.9))
                strike(a, a + (end - a) * turn * rng.uniform(0.3, 0.7), left * 0.6)
        np.maximum(flash, np.asarray(layer), out=flash)

    strike(0.62 * width - 0.03j * height, 0.42 * width + 0.86j * height, 1.0)
    glow = _blur(flash, 2 * SCALE) * 0.8 + _blur(flash, 7 * SCALE) * 0.9
    aura = _blur(flash * (1.2 - rows), 32 * SCALE) * 9

    density, lit = _clouds(rng, shape, -1)  # lit from below, by the strike
    grit = fractal_noise(rng, shape, (6, 12), 4, 0.7)
    sky = _mix((0.07, 0.07, 0.16), (0.34, 0.24, 0.38), rows)
    cloud = _mix((0.11, 0.11, 0.19), (0.70, 0.62, 0.82), lit)
    colour = _mix(sky, cloud, _step(0.2, 0.7, density + 0.35 * (0.5 - rows)))
    colour = colour * (0.45 + 2.4 * aura)[..., None]
    colour = colour + glow[..., None] * np.array((0.50, 0.45, 0.95), np.float32)
    colour = _mix(colour, (0.97, 0.96, 1.0), np.clip(flash * 1.5, 0, 1))

    # Firs along the hills: the maximum of many narrow triangles, on rolling ground.
    x = np.arange(width, dtype=np.float32)
    for distance, shade in ((1.0, 0.12), (0.0, 0.055)):
        hill = fractal_noise(rng, (1, width), (1, width / 2), 7)[0] * 26 + 4 + 14 * distance
        spots, tall = rng.uniform(0, width, 160), rng.gamma(4, 1.6 - 0.8 * distance, 160)
        trees = (tall[:, None] - 2.2 * np.abs(x - spots[:, None]) / SCALE).max(axis=0).clip(0)
        wood = np.arange(height)[:, None] > height - SCALE * (hill + trees)
        ink = (0.4 + 0.8 * grit + 3 * aura)[..., None] * np.array((0.8, 0.8, 1.2), np.float32)
        colour = np.where(wood[..., None], shade * ink, colour)
    return _finish(colour)
