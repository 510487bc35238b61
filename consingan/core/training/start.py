"""Creating run folders: for a new training, for fine-tuning and for refining."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan.core.options.fields import in_words, parse_options
from consingan.core.options.size import MAX_PIXELS, Size, fit
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.reading import Picture
from consingan.core.pictures.resizing import build_pyramid, resize_image
from consingan.core.pictures.tensors import to_image
from consingan.core.pictures.writing import encode_png
from consingan.core.run import Run
from consingan.core.runs.records import Plugin, RunConfig, RunState
from consingan.core.runs.tensor_files import (
    FIXED_NOISE,
    KNOWN,
    START,
    sha256,
    stage_file,
)
from consingan.core.system.names import folder_name
from consingan.core.training.forecast import Forecast, forecast
from consingan.core.training.memory import check_memory
from consingan.errors import OptionError, PictureError, RunError

if TYPE_CHECKING:
    import torch

    from consingan.core.hooks.dispatch import Hooks


FIXED_BY_PARENT = frozenset(
    TrainOptions.model_fields.keys()
    - {
        "niter",
        "last_share",
        "window",
        "averaging",
        "lr_generator",
        "lr_critic",
        "lr_decay",
        "lr_schedule",
        "beta1",
        "beta2",
        "critic_steps",
        "generator_steps",
        "first_generator_steps",
        "gradient_penalty",
        "reconstruction_weight",
        "color_weight",
    }
)
"""Options that fine-tuning cannot change, since the stages trained before depend on them."""


def create_run(
    root: Path,
    picture: Picture,
    options: TrainOptions,
    preset: str,
    plugin: Plugin,
    hooks: Hooks,
    device: torch.device,
    naive: Picture | None = None,
) -> Run:
    """Check that `picture` can be trained on, and create its run folder. Nothing is trained yet.

    `naive` is a picture for the previews. Raises PictureError if a stage would be smaller than the
    critic's receptive field, OptionError if training needs more memory than `device` has.
    """
    _check_naive(hooks, naive)
    sizes = _sizes(picture, options, hooks, device)
    size = sizes[-1]
    config = RunConfig(
        consingan=version("consingan"),
        created=datetime.now(timezone.utc).astimezone(),
        mode=hooks.mode.name,
        plugin=plugin,
        preset=preset,
        options=options.model_dump(mode="json"),
        picture=folder_name(picture.name),
        file_sha256=picture.file_sha256,
        notes=[*picture.notes, *_size_notes(sizes, options)],
    )
    files = _picture_files(picture, sizes, options, hooks)
    if naive is not None:
        files["naive.png"] = _reduced(naive, fit(naive.size, max(size)))
    state = RunState(
        status="stopped",
        picture_sha256=sha256(files["picture.png"]),
        known_sha256=sha256(files[KNOWN]) if KNOWN in files else None,
        sizes=sizes,
    )
    return Run.create(root, config, state, files, hooks)


def plan_training(
    picture: Picture, options: TrainOptions, hooks: Hooks, device: torch.device
) -> Forecast:
    """Forecast a training; see `forecast`. Raises the same errors as `create_run`."""
    sizes = _sizes(picture, options, hooks, device)
    pyramid = build_pyramid(resize_image(picture.image, sizes[-1]), sizes)
    return forecast([level.to(device) for level in pyramid], options, hooks, device)


def create_fine_tuning(
    root: Path, parent: Run, naive: Picture, overrides: Mapping[str, Any]
) -> Run:
    """Create the folder of a run that trains the last stage of `parent` again, on `naive`.

    The parent is not changed. Raises OptionError if the mode has no fine-tuning or an override
    changes an option that must stay the same, RunError if the parent is unfinished.
    """
    _check_naive(parent.hooks, naive)
    reduced = _reduced(naive, fit(naive.size, max(parent.sizes[-1])))
    changes = {"train_depth": 1}
    return _create_successor(root, parent, changes, overrides, False, {"naive.png": reduced})


def create_refinement(root: Path, parent: Run, overrides: Mapping[str, Any]) -> Run:
    """Create the folder of a run that trains the last stage of `parent` further.

    The errors are those of `create_fine_tuning`. A fine-tuned run goes on with its naive picture.
    """
    naive = parent.path / "naive.png"
    files = {"naive.png": naive.read_bytes()} if naive.is_file() else {}
    changes = {"last_share": 1.0}  # so that `niter` is the number of iterations
    refines = not parent.config.fine_tuned
    return _create_successor(root, parent, changes, overrides, refines, files)


def _create_successor(
    root: Path,
    parent: Run,
    changes: Mapping[str, Any],
    overrides: Mapping[str, Any],
    refines: bool,
    files: dict[str, bytes],
) -> Run:
    """Create the folder of a run that starts from the finished `parent`, with these files too.

    `changes` are made to the parent's options first, and then `overrides`.
    """
    from safetensors.torch import save

    if not parent.complete:
        raise RunError(f"{str(parent.path)!r} is unfinished; finish it with: consingan resume")
    model, given = parent.hooks.mode.TrainOptions, {**parent.config.options, **changes}
    options, before = parse_options(model, {**given, **overrides}), parse_options(model, given)
    for name in overrides:
        # Which stages have batch norm depends on the window.
        fixed = name in FIXED_BY_PARENT or (name == "window" and before.batch_norm)
        if fixed and getattr(options, name) != getattr(before, name):
            value = in_words(model.model_fields[name], getattr(before, name))
            what = "refining" if refines else "fine-tuning"
            raise OptionError(f"{what} keeps it at {value}; train a new run", name)
    whole = save(parent.sampler("cpu").model.all_tensors())  # raises if the parent is damaged
    kept = ["picture.png", *[FIXED_NOISE] * (parent.config.fixed_noise_sha256 is not None)]
    kept += [KNOWN] * (parent.state.known_sha256 is not None)
    names = [*kept, *map(stage_file, range(parent.stages_done - 1))]
    files |= {name: (parent.path / name).read_bytes() for name in names}
    # The whole model, since training the last stage also changed stages below it.
    files[START] = whole
    config = parent.config.model_copy(
        update={
            "created": datetime.now(timezone.utc).astimezone(),
            "options": options.model_dump(mode="json"),
            "parent": str(parent.path.resolve()),
            "refines": refines,
            "start_sha256": sha256(whole),
        }
    )
    state = parent.state.model_copy(
        update={"status": "training", "stages": parent.state.stages[:-1], "checkpoint": None}
    )
    return Run.create(root, config, state, files, parent.hooks)


def _size_notes(sizes: list[Size], options: TrainOptions) -> list[str]:
    if len(sizes) == 1 or sizes[0] != sizes[-1]:
        return []
    return [
        f"all stages have the size {sizes[0]}, since the smallest is to have a side of "
        f"{options.min_size}; for stages that grow, use a smaller --min-size or a larger --max-size"
    ]


def _check_naive(hooks: Hooks, naive: Picture | None) -> None:
    if naive is not None and not hooks.mode.takes_naive:
        raise OptionError(
            f"mode {hooks.mode.name} takes no naive picture and has no fine-tuning", "naive"
        )


def _reduced(picture: Picture, size: Size) -> bytes:
    return encode_png(to_image(resize_image(picture.image, size)))


def _picture_files(
    picture: Picture, sizes: list[Size], options: TrainOptions, hooks: Hooks
) -> dict[str, bytes]:
    """The training picture's file, and the mask of known pixels if not all are known."""
    from consingan.core.pictures.known_pixels import fill_unknown, known_pyramid
    from consingan.core.training.loss_weights import known_weights

    reduced = resize_image(picture.image, sizes[-1])
    given = hooks.known_pixels(picture.size, options)
    if given is None:
        return {"picture.png": encode_png(to_image(reduced))}
    pyramid = known_pyramid(given, sizes)
    for level in pyramid:
        known_weights(level, options.receptive_field)  # raises if too little is known
    known = pyramid[-1]
    shown = to_image((2 * known - 1).expand(-1, 3, -1, -1))
    return {
        "picture.png": encode_png(to_image(fill_unknown(reduced, known))),
        KNOWN: encode_png(shown),
    }


def _sizes(
    picture: Picture, options: TrainOptions, hooks: Hooks, device: torch.device
) -> list[Size]:
    """The stages' sizes. Raises PictureError or OptionError if they cannot be trained."""
    sizes = hooks.stage_sizes(fit(picture.size, options.max_size), options)
    _check_sizes(picture, sizes, options)
    _check_batch_norm(sizes[0], options)
    check_memory(sizes, options, device)
    return sizes


def _check_batch_norm(smallest: Size, options: TrainOptions) -> None:
    from consingan.core.networks.stage_sizes import normalized_stages

    if options.batch_norm and not normalized_stages([smallest], options):
        side = math.ceil(math.sqrt(smallest.height * smallest.width))
        raise OptionError(
            f"with batch norm, the first stage ({smallest}) must fit into the window; use --window "
            f"{side} or more, a smaller --min-size, or --no-batch-norm",
            "window",
        )


def _check_sizes(picture: Picture, sizes: list[Size], options: TrainOptions) -> None:
    if sum(map(math.prod, sizes)) > MAX_PIXELS:
        limit = f"{MAX_PIXELS // 10**6} million pixels"
        raise OptionError(
            f"the stages have more than {limit} together; use a smaller one", "max_size"
        )
    field, smallest = options.receptive_field, min(min(size) for size in sizes)
    if 0 < options.window < 3 * field:
        message = f"a window of {options.window} is too small; use {3 * field} or more, or whole"
        raise OptionError(message, "window")
    if smallest >= field:
        return
    if min(sizes[-1]) >= field > options.min_size:
        message = f"{options.min_size} is less than the critic's receptive field; use {field}"
        raise OptionError(f"{message} or more", "min_size")
    if min(sizes[-1]) >= field:
        advice = "use fewer --train-stages or a larger --min-size"
    elif min(picture.size) >= field:
        advice = "use a larger --max-size, or crop it to a less extreme shape"
    else:
        advice = f"its shorter side must have at least {field}"
    raise PictureError(
        f"picture {picture.name!r} ({picture.size}) is too small: its smallest stage has a side of "
        f"{smallest} pixels, and the critic's receptive field is {field}; {advice}"
    )
