"""A verdict on samples in words: what is wrong with them, why, and what to change.

The limits are what samples that were published with ConSinGAN and SinGAN have on ten photographs.
They are relative to the training picture's own contrast, so that pictures can be compared.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from consingan.core.metrics.scores import PictureFacts, Scores
from consingan.core.options.presets import DEFAULT_PRESET
from consingan.core.options.training import TrainOptions

TYPICAL, WORST = 0.05, 0.17
"""Patch distance of ConSinGAN's published samples, relative to that of a plain picture: the median
of ten photographs and the largest."""
UNLIKE = 0.2
"""A larger relative patch distance than any of theirs."""
COPIES_IN_PLACE, COPIES_NEAR = 0.75, 0.15
"""Patches in place, and relative distance to the picture; theirs: up to 0.40, and from 0.23."""
WILD_FAR, LAYOUT = 1.2, 0.3
"""Relative distance of samples that lost the layout of a picture with so much of it; theirs: up to
1.10. It is 1.41 for samples that have nothing in common with the picture."""
COLLAPSED = 0.05
"""Diversity of samples that are all the same."""
COLOUR_OFF = 0.06
"""Shift of the mean of a colour channel, in [0, 1]; theirs: up to 0.03."""
SHIFT_DISTANCE = 0.6
"""About the patch distance of a picture from itself after a shift of its colours by 1."""
SMOOTH = 0.7
"""Sharpness relative to the picture's; theirs: from 0.90."""
FLAT_PICTURE, DARK_PICTURE = 0.04, 0.1
"""Contrast and brightness of a picture that there is little to learn from."""

LOST = 0.5
"""Share of the layout that is lost where the texture is off too."""
USUAL = TrainOptions()
"""The options that the advice goes back to."""
ENOUGH = 2000
"""Iterations below which a training is hardly ever finished: the paper's."""


class Verdict(BaseModel):
    """What is to be said about a run's samples."""

    model_config = ConfigDict(frozen=True)
    finding: str
    """One to three words: `good texture`, `undertrained`, `collapsed`, `copies`, `too wild`,
    `colours off`, `too smooth`, `picture too smooth` or `picture too dark`."""
    words: str
    """What the figures say."""
    cause: str
    """The likely cause; empty if nothing is wrong."""
    options: dict[str, Any]
    """The training options to change, by name; `preset` too."""


def judge(scores: Scores, picture: PictureFacts, options: TrainOptions, preset: str) -> Verdict:
    """The verdict on samples that were scored against a picture, of a run with these options."""
    unlike = scores.patch_distance / picture.flat_distance if picture.flat_distance else 0.0
    far = scores.distance / picture.contrast if picture.contrast else 0.0
    nearest = scores.nearest / picture.contrast if picture.contrast else 0.0
    if scores.diversity is not None and (
        scores.in_place > COPIES_IN_PLACE or nearest < COPIES_NEAR
    ):
        verdict = Verdict(
            finding="copies",
            words=f"{scores.in_place:.0%} of the patches are where they are in the picture.",
            cause="the lower stages learn too long, or the smallest stage is so small that the "
            "critic sees all of it",
            options={"lr_scale": round(options.lr_scale / 4, 4), **_usual(options, larger=True)},
        )
    elif scores.diversity is not None and scores.diversity < COLLAPSED:
        astray = unlike > UNLIKE
        verdict = Verdict(
            finding="collapsed",
            words="The samples are all the same, and nothing like the picture."
            if astray
            else "The samples are all the same.",
            cause="training went astray: the generator got the better of the critic"
            if astray
            else "the noise has too little influence",
            options=_calmer(options)
            if astray
            else {"noise_amplitude": round(3 * options.noise_amplitude, 3) or 0.1},
        )
    elif _only_colours_are_off(scores, picture):
        shade = "darker" if scores.brightness < 0 else "brighter"
        verdict = Verdict(
            finding="colours off",
            words=f"The samples' colours are off by {255 * scores.colour:.0f} of 255 levels, and "
            f"{255 * abs(scores.brightness):.0f} levels {shade} than the picture.",
            cause="nothing holds the balance of colours, or training went astray",
            options={"color_weight": 2 * options.color_weight or 60.0},
        )
    elif scores.diversity is not None and _layout_is_lost(scores, picture, far, unlike):
        small = options.min_size <= USUAL.min_size
        verdict = Verdict(
            finding="too wild",
            words="The samples have little of the picture's layout.",
            cause="the smallest stage is too small to hold the layout"
            if small
            else "the smallest stage is so large that the critic sees too little of it at once",
            options={"min_size": round(1.5 * options.min_size)}
            if small
            else _usual(options, larger=False),
        )
    elif unlike > UNLIKE:
        verdict = Verdict(
            finding="undertrained",
            words=f"The samples' texture is {unlike / TYPICAL:.0f} times as far from the picture's "
            "as in typical published samples.",
            cause="too few iterations",
            options=_longer(options, preset),
        )
    elif scores.sharpness < SMOOTH:
        verdict = Verdict(
            finding="too smooth",
            words=f"The samples are {1 - scores.sharpness:.0%} less sharp than the picture.",
            cause="the last stages trained too little",
            options={"last_share": 1.0, **_longer(options, preset)},
        )
    else:
        place = "better half of" if unlike <= TYPICAL else "range of"
        return Verdict(
            finding="good texture",
            words=f"The samples' texture is in the {place} published samples of ten photographs. "
            "Whether objects are whole, these figures don't tell: look at the sheet.",
            cause="",
            options={},
        )
    if picture.brightness < DARK_PICTURE:
        cause = "the picture is so dark that there is little to learn; brighten it first"
        return verdict.model_copy(
            update={"finding": "picture too dark", "cause": cause, "options": {}}
        )
    if picture.contrast < FLAT_PICTURE:
        cause = "the picture is so smooth that there is little to learn; raise its contrast"
        return verdict.model_copy(
            update={"finding": "picture too smooth", "cause": cause, "options": {}}
        )
    return verdict


def _only_colours_are_off(scores: Scores, picture: PictureFacts) -> bool:
    """Whether the patch distance comes from a shift of colours, and the texture alone is fine."""
    explained = SHIFT_DISTANCE * scores.colour
    rest = scores.patch_distance - explained
    fine = explained > rest and rest <= UNLIKE * picture.flat_distance
    return scores.colour > COLOUR_OFF and fine and SMOOTH <= scores.sharpness <= 1 / SMOOTH


def _layout_is_lost(scores: Scores, picture: PictureFacts, far: float, unlike: float) -> bool:
    """Whether samples that are sharp and have the right colours have another layout.

    Other texture at the same layout would be sqrt(2 (1 - `layout`)) from the picture, relative to
    its contrast, and another layout sqrt(2). If the texture is off too, at least half of the way
    between their squares is needed: else it may be the texture.
    """
    if picture.layout <= LAYOUT or scores.colour > COLOUR_OFF or scores.sharpness < SMOOTH:
        return False
    lost = (far**2 - 2 * (1 - picture.layout)) / (2 * picture.layout)
    return far > WILD_FAR if unlike <= UNLIKE else lost > LOST


def _calmer(options: TrainOptions) -> dict[str, Any]:
    """Options for a training in which neither network runs away; another seed if they are usual."""
    wanted = {
        "lr_generator": min(options.lr_generator, USUAL.lr_generator),
        "lr_critic": max(options.lr_critic, USUAL.lr_critic),
    }
    changed = {name: rate for name, rate in wanted.items() if rate != getattr(options, name)}
    return changed or {"seed": options.seed + 1}


def _usual(options: TrainOptions, *, larger: bool) -> dict[str, Any]:
    """The usual smallest stage, if it is larger than the run's, or smaller."""
    wanted = USUAL.min_size > options.min_size if larger else USUAL.min_size < options.min_size
    return {"min_size": USUAL.min_size} if wanted else {}


def _longer(options: TrainOptions, preset: str) -> dict[str, Any]:
    """Options for a longer training."""
    if preset == "draft":
        return {"preset": DEFAULT_PRESET}
    return {"niter": max(ENOUGH, 2 * options.niter)}
