"""What is asked for before a training: the mode's options, the forecast, and the button."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from consingan import ConsinganError, OptionError, command_line, load_picture
from consingan import OptionField as Field
from consingan_studio import forms
from consingan_studio.brushes import CANVAS
from consingan_studio.forecast import forecast
from consingan_studio.html import note
from consingan_studio.studio import Studio
from consingan_studio.trainings import Request
from consingan_studio.upload import named


class TrainingForm:
    """The form of one mode and preset, for one picture."""

    def __init__(
        self, studio: Studio, path: str | None, mode: str, preset: str, fields: Sequence[Field]
    ) -> None:
        self._studio, self._words = studio, studio.words
        self._path, self._mode, self._preset = path, mode, preset
        self._image = None if path is None else _reduced(path)
        self._form = forms.build(fields, self._words, self._image)

    def show(self, started: gr.Textbox) -> None:
        """Put what follows the options on the page. `started` gets the name of a new training."""
        inputs = [component for _, component in self._form]
        gr.HTML(self.forecast, inputs=inputs, elem_id="forecast")
        start = gr.Button(self._words("Start training"), variant="primary", elem_id="start")
        start.click(self.begin, inputs, started)
        gr.Textbox(
            self.command,
            inputs=inputs,
            label=self._words("The same on the command line"),
            buttons=["copy"],
            interactive=False,
            elem_classes="command",
        )

    def forecast(self, *values: Any) -> str:
        """How long it would take, as HTML."""
        if self._path is None:
            return note(self._words("Choose a picture to see how long it takes."))
        try:
            options = self._request(values).options
            told = forecast(self._path, self._mode, self._preset, options, self._words)
        except ConsinganError as error:
            return note(named(error, self._path), "error")
        return note(f"{self._words('Forecast')}: {told}")

    def begin(self, *values: Any) -> str:
        """Queue the training; returns its name."""
        try:
            request = self._request(values)
            load_picture(request.picture, reduced=True)
            name = self._studio.trainings.submit(request)
        except ConsinganError as error:
            raise gr.Error(named(error, self._path), print_exception=False) from None
        gr.Info(self._words("The training is queued. It goes on when this page is closed."))
        return name

    def command(self, *values: Any) -> str:
        """The command line that does the same."""
        try:
            asked = self._request(values)
        except ConsinganError:
            return ""
        options = {
            name: Path(value.name) if isinstance(value, Path) else value
            for name, value in asked.options.items()
        }
        words = (self._mode, "train", asked.picture.name)
        return command_line(*words, preset=self._preset, **options)

    def _request(self, values: Sequence[Any]) -> Request:
        if self._path is None:
            raise OptionError(self._words("Choose a picture first."))
        fields = [field for field, _ in self._form]
        options = forms.given(fields, values, self._image, self._studio.painted, self._words)
        picture = Path(self._path)
        return Request(picture=picture, mode=self._mode, preset=self._preset, options=options)


def _reduced(path: str) -> Image.Image | None:
    """The picture as it is painted on; None if it cannot be read, which is said elsewhere."""
    try:
        image = load_picture(path, reduced=True).image
    except ConsinganError:
        return None
    image.thumbnail((CANVAS, CANVAS))
    return image
