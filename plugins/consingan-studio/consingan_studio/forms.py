"""Forms made from a mode's options: nothing here knows a mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from consingan import OptionError, OptionField
from consingan_studio.brushes import brush, painted
from consingan_studio.words import Words

Form = list[tuple[OptionField, Component]]
"""The options of a form, each with the component that asks for it."""
STEPS = 100
"""Steps of a slider for fractions."""
LONGEST_SLIDER = 100
"""The largest range of whole numbers that is a slider."""


def build(
    fields: Sequence[OptionField],
    words: Words,
    picture: Image.Image | None,
    hidden: Sequence[str] = (),
) -> Form:
    """Put a form on the page: panels are folded, required options are not.

    `picture` is what brushes paint on. Options in `hidden` are left out.
    """
    shown = [field for field in fields if field.name not in hidden]
    first = [field for field in shown if field.required]
    form = [(field, _component(field, words, picture)) for field in first]
    rest = sorted((field for field in shown if field not in first), key=_order(shown))
    for panel, inside in groupby(rest, key=_panel):
        with gr.Accordion(words(panel), open=False):
            form += [(field, _component(field, words, picture)) for field in inside]
    return form


def given(
    form: Sequence[OptionField],
    values: Sequence[Any],
    picture: Image.Image | None,
    folder: Path,
    words: Words,
) -> dict[str, Any]:
    """The options that differ from their defaults, from the values of a form's components.

    What was painted on `picture` becomes files in `folder`. Raises OptionError if
    something required is missing.
    """
    options: dict[str, Any] = {}
    for field, value in zip(form, values, strict=True):
        if field.kind == "file":
            file = painted(field.name, value, picture, folder)
            if file is not None:
                options[field.name] = file
        elif (read := _read(field, value)) is not None and read != field.default:
            options[field.name] = read
        if field.required and field.name not in options:
            raise OptionError(words("Paint on the picture first: {name}.", name=title(field.name)))
    return options


def title(name: str) -> str:
    """An option's name as a label."""
    return name.replace("_", " ").capitalize()


def _panel(field: OptionField) -> str:
    if field.kind == "file":
        return title(field.name)
    return "Advanced" if field.advanced else field.panel


def _order(fields: Sequence[OptionField]) -> Any:
    panels = list(dict.fromkeys(sorted(map(_panel, fields), key=lambda name: name == "Advanced")))
    return lambda field: panels.index(_panel(field))


def _component(field: OptionField, words: Words, picture: Image.Image | None) -> Component:
    label, info, default = title(field.name), field.help, field.default
    if field.kind == "file":
        return brush(field.name, label, info, picture)
    if field.kind == "switch":
        return gr.Checkbox(bool(default), label=label, info=info, interactive=True)
    if field.kind == "choice":
        choices = [*field.choices] if default is not None else ["", *field.choices]
        return gr.Dropdown(choices, value=default or "", label=label, info=info, interactive=True)
    if field.kind in ("whole", "number") and field.choices:  # words, or any number
        value = "" if default is None else str(default)
        return gr.Dropdown(
            [*field.choices, *{value} - {*field.choices, ""}],
            value=value,
            allow_custom_value=True,
            label=label,
            info=info,
            interactive=True,
        )
    if field.kind in ("whole", "number") and default is not None:
        return _number(field, label, info)
    text = ", ".join(map(str, default)) if field.kind == "several" and default else default
    shown = "" if text is None else str(text)
    empty = words("not set")
    return gr.Textbox(shown, label=label, info=info, placeholder=empty, interactive=True)


def _number(field: OptionField, label: str, info: str) -> Component:
    """A slider if both limits are known; limits are checked by the options themselves."""
    low, high, whole = field.low, field.high, field.kind == "whole"
    if low is not None and high is not None:
        span = high - low
        if not whole or span <= LONGEST_SLIDER:
            step = 1 if whole else _round_step(span / STEPS)
            return gr.Slider(
                low, high, value=field.default, step=step, label=label, info=info, interactive=True
            )
    precision = 0 if whole else None
    return gr.Number(field.default, label=label, info=info, interactive=True, precision=precision)


def _round_step(step: float) -> float:
    """A step of the form 0.001, 0.01, 0.1 or 1 that is not larger."""
    for nice in (1.0, 0.1, 0.01, 0.001):
        if nice <= step:
            return nice
    return 0.001


def _read(field: OptionField, value: Any) -> Any:
    """A component's value as the option takes it; None where nothing is set."""
    if value is None or value == "" or value == []:
        return None
    if field.kind == "several":
        return list(_words(str(value)))
    if field.kind in ("whole", "number") and isinstance(value, str):
        try:
            return int(value) if field.kind == "whole" else float(value)
        except ValueError:
            return value  # a word, or an error that the options explain
    return value


def _words(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split(",") if part.strip())
