"""Small real files of every kind that consingan reads, to make damaged ones from."""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from consingan.core.networks.model import Model
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.tensors import to_tensor


def tiny_picture() -> Image.Image:
    """A small picture with a gradient."""
    rows, columns = np.mgrid[0:14, 0:16]
    values = np.stack([rows * 9, columns * 9, rows * columns], axis=-1)
    return Image.fromarray(values.astype(np.uint8))


def picture_files() -> list[bytes]:
    """A small picture in every format and many of their kinds."""
    image = tiny_picture()
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (image, "PNG", {}),
        (image.convert("RGBA"), "PNG", {}),
        (image.convert("P"), "PNG", {"transparency": 3}),
        (image.convert("I;16"), "PNG", {}),
        (image.convert("1"), "PNG", {}),
        (image, "PNG", {"save_all": True, "append_images": [image.rotate(90)]}),
        (image, "JPEG", {"exif": exif}),
        (image, "JPEG", {"progressive": True}),
        (image.convert("CMYK"), "JPEG", {}),
        (image.convert("L"), "JPEG", {}),
        (image, "WEBP", {}),
        (image.convert("RGBA"), "WEBP", {"lossless": True, "exif": exif}),
        (image, "WEBP", {"save_all": True, "append_images": [image.rotate(90)]}),
        (image, "GIF", {"save_all": True, "append_images": [image.rotate(90)]}),
        (image, "BMP", {}),
        (image.convert("P"), "BMP", {}),
        *(
            (image, "TIFF", {"compression": name})
            for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        ),
        (image.convert("CMYK"), "TIFF", {}),
        (image, "TIFF", {"save_all": True, "append_images": [image]}),
        (image.convert("1"), "TIFF", {"compression": "group4"}),
    ]
    files = []
    for kind, form, options in kinds:
        buffer = io.BytesIO()
        kind.save(buffer, form, **options)
        files.append(buffer.getvalue())
    return files


def published_folder(folder: Path) -> None:
    """A tiny model as the published code leaves it."""
    settings = {
        "train_mode": "generation", "input_name": "photo.jpg", "max_size": 16, "min_size": 12,
        "train_stages": 2, "niter": 1, "lr_scale": 0.1, "train_depth": 2, "lr_g": 5e-4,
        "lr_d": 5e-4, "gamma": 0.1, "beta1": 0.5, "Dsteps": 1, "Gsteps": 1, "lambda_grad": 0.1,
        "alpha": 10, "noise_amp": 0.1, "nfc": 4, "num_layer": 3, "activation": "lrelu",
        "lrelu_alpha": 0.05, "batch_norm": 0,
    }  # fmt: skip
    lines = [f"{name}\t-\t{value}\n" for name, value in settings.items()]
    (folder / "parameters.txt").write_text("".join(lines))
    sizes = [Size(12, 14), Size(14, 16)]
    options = TrainOptions(filters=4, layers=3, train_stages=2)
    model = Model(options, "oversize", sizes)
    model.grow()
    shapes = [model.generator.noise_shape(stage, size) for stage, size in enumerate(sizes)]
    reals = [to_tensor(tiny_picture().resize((size.width, size.height))) for size in sizes]
    (folder / "1").mkdir()
    weights = {name: value.contiguous() for name, value in model.generator.state_dict().items()}
    torch.save(OrderedDict(weights), folder / "1" / "netG.pth")
    torch.save(OrderedDict(model.critic.state_dict()), folder / "1" / "netD.pth")
    torch.save(reals, folder / "reals.pth")
    torch.save([reals[0].clone(), torch.randn(shapes[1])], folder / "fixed_noise.pth")
    torch.save([1, torch.tensor(0.2)], folder / "noise_amp.pth")
