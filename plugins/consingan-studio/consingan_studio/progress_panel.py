"""What trainings do right now: one of them is shown, with its previews and its curves."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from consingan import ConsinganError
from consingan_studio.html import bar, duration, link, note, picture
from consingan_studio.studio import Studio
from consingan_studio.trainings import Training

EVERY = 1.0
"""Seconds between looks at what the trainings wrote."""


def progress_panel(page: gr.Blocks, studio: Studio) -> gr.Textbox:
    """Put the panel on the page; returns the component that takes the name of what to show."""
    words, trainings = studio.words, studio.trainings
    started = gr.Textbox(visible=False)
    known = gr.State(None)
    which = gr.Dropdown([], label=words("Training"), elem_id="training")
    shown = gr.HTML(elem_id="progress")
    pictures = gr.HTML(elem_id="previews")
    with gr.Row():
        stop = gr.Button(words("Stop"), interactive=False, elem_id="stop", min_width=80)
        go_on = gr.Button(words("Go on"), interactive=False, elem_id="go-on", min_width=80)
        forget = gr.Button(
            words("Take off the list"), interactive=False, elem_id="forget", min_width=80
        )

    def look(name: str | None, before: Any) -> list[Any]:
        found = trainings.all()
        names = [training.name for training in found]
        choices = [(_label(studio, training), training.name) for training in found]
        if name not in names:
            busy = (training.name for training in found if training.state == "training")
            name = next(busy, names[0] if names else None)
        state = next((training.state for training in found if training.name == name), None)
        current = next((training for training in found if training.name == name), None)
        html, previews = note(words("No training yet. Choose a picture and start one.")), ""
        if current is not None:
            html, previews = _told(studio, current), _pictures(studio, current.progress.run)
        now = (choices, name, state, previews)
        if now == before:
            return [gr.skip(), now, html, *[gr.skip()] * 4]
        return [
            gr.Dropdown(choices=choices, value=name),
            now,
            html,
            previews,
            gr.Button(interactive=state in ("waiting", "training")),
            gr.Button(interactive=state in ("stopped", "failed")),
            gr.Button(interactive=state not in (None, "training")),
        ]

    outputs = [which, known, shown, pictures, stop, go_on, forget]
    for event in (page.load, gr.Timer(EVERY).tick, which.input):
        event(look, [which, known], outputs, show_progress="hidden")
    started.change(look, [started, known], outputs, show_progress="hidden")
    for button, act in ((stop, trainings.stop), (go_on, trainings.go_on)):
        _on_click(button, act, which)
    _on_click(forget, trainings.forget, which)
    return started


def _on_click(button: gr.Button, act: Any, which: gr.Dropdown) -> None:
    def clicked(name: str | None) -> None:
        try:
            act(name)
        except ConsinganError as error:
            raise gr.Error(str(error), print_exception=False) from None

    button.click(clicked, which, None)


def _label(studio: Studio, training: Training) -> str:
    request, words = training.request, studio.words
    return f"{request.picture.stem}, {words(request.mode)}: {words(training.state)}"


def _told(studio: Studio, training: Training) -> str:
    words, progress = studio.words, training.progress
    lines = [f"<h3>{escape(_label(studio, training))}</h3>"]
    if training.state == "failed":
        lines.append(note(progress.error, "error"))
    if training.state == "training" and progress.run is None:
        lines.append(note(words("Getting ready ...")))
    elif progress.run is not None:
        percent = f"{progress.share:.0%}"
        lines.append(bar(progress.share, words("{percent} done", percent=percent)))
        told = [words("{percent} done", percent=percent)]
        if training.state == "training" and progress.seconds_left is not None:
            told.append(words("{time} left", time=duration(progress.seconds_left)))
        lines.append(note(", ".join(told)))
        if training.state == "training":
            stage = words(
                "stage {stage} of {stages}, {size}, step {step} of {niter}",
                stage=progress.stage + 1,
                stages=progress.stages,
                size=progress.size,
                step=progress.step,
                niter=progress.niter,
            )
            lines.append(note(stage))
    return "".join(lines)


def _pictures(studio: Studio, run: Path | None) -> str:
    """The newest preview, and the curves, which come with each preview."""
    words, previews = studio.words, sorted((run / "previews").glob("*.png")) if run else []
    if run is None or not previews:
        return ""
    caption = words("Preview after stage {stage}", stage=int(previews[-1].stem) + 1)
    key, title = quote(studio.library.key(run)), words("How the losses fell")
    curves = picture(f"/runs/{key}/curves.png?{len(previews)}", title)
    return (
        f'<figure class="preview">{picture(link(studio.library, previews[-1]), caption)}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        f"<details><summary>{escape(title)}</summary>{curves}</details>"
    )
