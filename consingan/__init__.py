"""Learn from one picture, then make new ones.

`train` learns, `open_run` and `Run.apply` make pictures, `evaluate` scores them; `Mode`, `Listener`
and `hookimpl` are for plugins. Nothing is imported before it is used: torch takes a second to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from consingan.api import fine_tune, open_run, plan, resume, train
    from consingan.core.config import Size, SizeOptions, TrainOptions
    from consingan.core.hookspecs import HOOKS_VERSION, hookimpl
    from consingan.core.listener import Listener
    from consingan.core.metrics.scores import Scores
    from consingan.core.mode import Mode
    from consingan.core.options import Options, changed, option
    from consingan.core.outputs import Outputs
    from consingan.core.pictures import load_picture, to_image, to_tensor
    from consingan.core.presets import preset_changes
    from consingan.core.pyramid import resize
    from consingan.core.resampling import Span
    from consingan.core.run import Run
    from consingan.core.sampler import Sampler
    from consingan.core.windows import Window
    from consingan.errors import ConsinganError
    from consingan.evaluation import Evaluation, evaluate
    from consingan.importing import import_model

_HOMES = {
    "ConsinganError": "consingan.errors",
    "Evaluation": "consingan.evaluation",
    "HOOKS_VERSION": "consingan.core.hookspecs",
    "Listener": "consingan.core.listener",
    "Mode": "consingan.core.mode",
    "Options": "consingan.core.options",
    "Outputs": "consingan.core.outputs",
    "Run": "consingan.core.run",
    "Sampler": "consingan.core.sampler",
    "Scores": "consingan.core.metrics.scores",
    "Size": "consingan.core.config",
    "SizeOptions": "consingan.core.config",
    "Span": "consingan.core.resampling",
    "TrainOptions": "consingan.core.config",
    "Window": "consingan.core.windows",
    "changed": "consingan.core.options",
    "evaluate": "consingan.evaluation",
    "fine_tune": "consingan.api",
    "hookimpl": "consingan.core.hookspecs",
    "import_model": "consingan.importing",
    "load_picture": "consingan.core.pictures",
    "open_run": "consingan.api",
    "option": "consingan.core.options",
    "plan": "consingan.api",
    "preset_changes": "consingan.core.presets",
    "resize": "consingan.core.pyramid",
    "resume": "consingan.api",
    "to_image": "consingan.core.pictures",
    "to_tensor": "consingan.core.pictures",
    "train": "consingan.api",
}

__all__ = [
    "HOOKS_VERSION",
    "ConsinganError",
    "Evaluation",
    "Listener",
    "Mode",
    "Options",
    "Outputs",
    "Run",
    "Sampler",
    "Scores",
    "Size",
    "SizeOptions",
    "Span",
    "TrainOptions",
    "Window",
    "changed",
    "evaluate",
    "fine_tune",
    "hookimpl",
    "import_model",
    "load_picture",
    "open_run",
    "option",
    "plan",
    "preset_changes",
    "resize",
    "resume",
    "to_image",
    "to_tensor",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'consingan' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
