"""Making pictures from a run: the form of the mode's options, and what comes out beside it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from consingan import ConsinganError, Mode, Note, Run, command_line, load_picture, option_fields
from consingan_studio import forms
from consingan_studio.html import before_and_after, data_uri, figure, link, note
from consingan_studio.pasting import pasting
from consingan_studio.studio import Studio

AnyMode = Mode[Any, Any]


class Making:
    """The form of a run, and the results."""

    def __init__(
        self, studio: Studio, key: str, run: Run, mode: AnyMode, picture: Image.Image
    ) -> None:
        self._studio, self._words = studio, studio.words
        self._key, self._run, self._mode, self._picture = key, run, mode, picture
        self._fields = option_fields(mode.ApplyOptions)

    def show(self) -> None:
        """Put both on the page. What is painted is tried out as soon as the brush is lifted."""
        words = self._words
        with gr.Row(elem_classes="columns"):
            with gr.Column(min_width=320):
                form = forms.build(self._fields, words, self._picture)
                self._fields = [field for field, _ in form]
                brushes = [each for _, each in form if isinstance(each, gr.ImageEditor)]
                if brushes and self._mode.takes_naive:
                    pasting(brushes[0], self._picture, words)
                button = gr.Button(words("Make and save"), variant="primary", elem_id="make")
            with gr.Column(min_width=320):
                result = gr.HTML("", elem_id="result", key=f"result-{self._key}")
                command = gr.Textbox(
                    label=words("The same on the command line"),
                    buttons=["copy"],
                    interactive=False,
                    visible=False,
                    elem_classes="command",
                    key=f"command-{self._key}",
                )
        inputs = [component for _, component in form]
        button.click(self.make, inputs, [result, command])
        for editor in brushes:
            editor.input(self.try_out, inputs, result, trigger_mode="always_last")

    def make(self, *values: Any) -> tuple[str, Any]:
        """Make and save the pictures: what to show of them, and the command line."""
        try:
            options = self._given(values)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", Note)
                files = self._studio.library.apply(self._key, **options)
        except ConsinganError as error:
            raise gr.Error(str(error), print_exception=False) from None
        library = self._studio.library
        shown = "".join(figure(library, file, file.stem) for file in files)
        notes = [note(str(each.message)) for each in caught if each.category is Note]
        made = link(library, _result(files))
        compared = self._compared(_result(files), made, options)
        command = command_line(self._mode.name, "apply", self._run.path, **options)
        html = f"{compared}<div class='made'>{shown}</div>{''.join(notes)}"
        return html, gr.Textbox(command, visible=True)

    def try_out(self, *values: Any) -> str:
        """The result of what is painted so far, which is not saved; nothing if it is too little."""
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", Note)
            try:
                options = self._given(values)
                files = self._studio.library.apply(self._key, out=folder, **options)
                made = load_picture(_result(files)).image
            except ConsinganError:
                return ""
            return self._compared(_result(files), data_uri(made), options)

    def _given(self, values: Sequence[Any]) -> dict[str, Any]:
        studio = self._studio
        return forms.given(self._fields, values, self._picture, studio.painted, self._words)

    def _compared(self, made: Path, address: str, options: dict[str, Any]) -> str:
        """Before and after, in modes that change a picture and keep its size."""
        if not self._mode.repaints or made.suffix != ".png":
            return ""
        files = [value for value in options.values() if isinstance(value, Path)]
        before = load_picture(files[0]).image if files else self._picture
        if before.size != load_picture(made).image.size:
            return ""
        title = escape(self._words("Before and after"))
        slider = before_and_after(data_uri(before), address, self._words)
        return f"<figure>{slider}<figcaption>{title}</figcaption></figure>"


def _result(files: Sequence[Path]) -> Path:
    """The file to look at first."""
    return next((file for file in files if file.stem.startswith("result")), files[0])
