"""From a picture and options to a trained run folder."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from consingan.core.config import Size, TrainOptions
from consingan.core.devices import find_device
from consingan.core.pictures import Picture, to_image, to_tensor
from consingan.core.pyramid import fit, resize
from consingan.core.run import Plugin, Run, RunConfig
from consingan.errors import PictureError, RunError

if TYPE_CHECKING:
    from consingan.core.hooks import Hooks


def create_run(
    root: Path, picture: Picture, options: TrainOptions, preset: str, plugin: Plugin, hooks: Hooks
) -> Run:
    """Check that `picture` can be trained on, and make its run folder; nothing trains yet.

    Raises PictureError if a stage would be smaller than the critic's view.
    """
    size = fit(picture.size, options.max_size)
    sizes = hooks.stage_sizes(size, options)
    _check_sizes(picture, sizes, options)
    config = RunConfig(
        consingan=version("consingan"),
        created=datetime.now(timezone.utc).astimezone(),
        mode=hooks.mode.name,
        plugin=plugin,
        preset=preset,
        options=options.model_dump(mode="json"),
        picture=_folder_name(picture.name),
        notes=list(picture.notes),
    )
    image = to_image(resize(to_tensor(picture.image), size))
    return Run.create(root, Picture(picture.name, image), sizes, config, hooks)


def train_run(run: Run, device: str = "auto") -> None:
    """Train the stages that the run lacks, and commit each as it is done.

    Whatever stops it, the committed stages stay and the run says how it ended. Raises what the
    hooks raise, RunError if the folder cannot be written, and KeyboardInterrupt as it comes.
    """
    from consingan.core import engine
    from consingan.core.noise import Noise

    place = find_device(device)
    model = run.load_model(place) if run.stages_done else run.new_model(place)
    noise = Noise(run.options.seed, place)

    def commit(stage: int, seconds: float) -> None:
        run.commit(stage, model.stage_tensors(), seconds)

    run.set_status("training")
    run.hooks.notify("run_started", run=run)
    try:
        engine.train(model, run.pyramid(place), run.hooks, commit, noise, first=run.stages_done)
        run.set_status("complete")
    except BaseException as error:
        with suppress(RunError):  # the first error is the one to tell
            run.set_status("stopped" if isinstance(error, KeyboardInterrupt) else "failed")
        run.hooks.notify("run_failed", run=run, error=error)
        raise
    run.hooks.notify("run_ended", run=run)


def _check_sizes(picture: Picture, sizes: list[Size], options: TrainOptions) -> None:
    view, smallest = options.receptive_field, min(min(size) for size in sizes)
    if smallest >= view:
        return
    if min(sizes[-1]) >= view:
        advice = f"use --min-size {view} or more"
    elif min(picture.size) >= view:
        advice = "use a larger --max-size, or crop it to a less extreme shape"
    else:
        advice = f"its shorter side must have at least {view}"
    raise PictureError(
        f"picture {picture.name!r} ({picture.size}) is too small: its smallest stage has a side of "
        f"{smallest} pixels and the critic sees {view}; {advice}"
    )


def _folder_name(name: str) -> str:
    """A name that is safe as a folder's on every system."""
    safe = "".join(c if c.isalnum() or c in " ._-" else "_" for c in name).strip(" .")
    return safe[:80] or "picture"
