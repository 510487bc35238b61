"""Presets: named sets of values for the training options. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from consingan.core.options.fields import OptionsT, parse_options
from consingan.errors import OptionError

PAPER = "paper"
"""The preset that keeps a mode's defaults, which are the paper's."""
FAST: Mapping[str, Any] = {
    "train_stages": 0,
    "window": 96,
    "precision": "auto",
    "initialization": "he",
    "averaging": 0.995,
    "lr_scale": 0.5,
    "lr_schedule": "linear",
    "fine_noise": 20,
    "critic_steps": 1,
    "beta2": 0.9,
    "first_generator_steps": 1,
}
"""What all presets but the paper's have in common."""
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "default": {**FAST, "niter": 2400, "last_share": 0.4, "color_weight": 60},
    "draft": {**FAST, "filters": 32, "niter": 1600, "last_share": 0.3, "window": 64},
    "best": {**FAST, "niter": 4000, "last_share": 0.75, "color_weight": 60},
    PAPER: {},
}
"""The options that each preset sets, and their values. docs/research.md has the measurements."""

DEFAULT_PRESET = "default"


def train_options(
    model: type[OptionsT],
    preset: str,
    overrides: Mapping[str, Any],
    presets: Mapping[str, Mapping[str, Any]] = {},
) -> OptionsT:
    """A mode's training options: a preset's values, replaced by `overrides` where given.

    `presets` are the mode's own changes to each preset.

    Raises OptionError for an unknown preset, an unknown option or a value out of range.
    """
    return parse_options(model, {**preset_values(preset, presets), **overrides})


def preset_changes(**options: Any) -> Mapping[str, Mapping[str, Any]]:
    """The same changes to every preset except `paper`, as a mode's `presets`."""
    return MappingProxyType({name: options for name in PRESETS if name != PAPER})


def preset_values(preset: str, presets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options that a preset sets, with the mode's own changes, `presets`, on top.

    Raises OptionError for an unknown preset.
    """
    if preset not in PRESETS:
        raise OptionError(
            f"no preset is called {preset!r}; there are: {', '.join(PRESETS)}", "preset"
        )
    return {**PRESETS[preset], **presets.get(preset, {})}
