"""What notebooks need: values that show themselves, pictures in memory, progress, the notebook."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import consingan
from consingan import Note, Run, Size, to_image, to_tensor
from consingan.core.options import presets
from consingan.core.training.forecast import Forecast, StageForecast
from consingan.errors import PictureError, PluginError
from tests.conftest import TINY, tiny_image

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, which no test changes."""
    return consingan.train(tiny_image(), runs=tmp_path_factory.mktemp("runs"), **TINY)


def text_of(html: str) -> str:
    """The text of HTML, whose tags must all be closed."""
    found, opened = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "img":
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(html)
    assert opened == []
    return " ".join(found)


def test_runs_show_themselves(run: Run) -> None:
    assert repr(run) == f"Run({str(run.path)!r}, generation, 24x16, complete)"
    html = run._repr_html_()
    assert html.count('<img alt="sample') == 4
    assert "24x16" in text_of(html)
    sampler = run.sampler("cpu")
    assert repr(sampler) == "Sampler(3 stages to 24x16, on cpu)"
    assert sampler._repr_html_().count("<img") == 4


def test_evaluations_show_themselves(run: Run) -> None:
    found = consingan.evaluate(run, 2)
    assert re.fullmatch(
        r"Evaluation\(.*, undertrained, patch distance [0-9.]+ of 2 .*\)", repr(found)
    )
    assert "too few iterations" in text_of(found._repr_html_())


def test_forecasts_show_themselves() -> None:
    stage = StageForecast(Size(16, 24), Size(16, 24), 100, 10, 0.5, True)
    known = Forecast((stage, stage), 1.0, 7_000_000)
    assert repr(known) == "Forecast(2 stages to 24x16, 11 s, 7 MB)"
    assert text_of(known._repr_html_()).split()[-3:] == ["24x16", "11", "s"]


def test_samples_are_images(run: Run) -> None:
    sampler = run.sampler("cpu")
    made = run.samples([3, 1], seed=2, size=(20, 30))
    assert [image.tobytes() for image in made] == [
        to_image(sampler.sample(index, 2, (20, 30))).tobytes() for index in (3, 1)
    ]
    assert [image.size for image in run.samples(2, enlarge=2)] == [(48, 32)] * 2


@pytest.mark.parametrize("kind", ["array", "tensor", "batch", "image"])
def test_pictures_in_memory(tmp_path: Path, kind: str) -> None:
    image = tiny_image()
    given: Any = {
        "array": np.asarray(image),
        "tensor": to_tensor(image)[0],
        "batch": to_tensor(image).double().requires_grad_(),
        "image": image,
    }[kind]
    options = {**TINY, "max_size": 30, "train_stages": 1, "niter": 1}
    run = consingan.train(given, runs=tmp_path, **options)
    with Image.open(run.path / "picture.png") as stored:
        assert np.array_equal(np.asarray(stored), np.asarray(image))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((20, 30, 4), np.uint8),
        np.zeros((20, 30, 3)),
        np.full((3, 20, 30), 1.5),
        np.full((3, 20, 30), np.nan),
        torch.zeros(2, 3, 20, 30),
        torch.zeros(3, 20, 30, dtype=torch.int32),
        np.zeros((0, 0, 3), np.uint8),
        7,
    ],
)
def test_arrays_that_are_no_pictures(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(PictureError, match="a picture is"):
        consingan.train(wrong, runs=tmp_path, **TINY)


@pytest.mark.parametrize("options", [{"progress": True}, {"listeners": ["console"]}])
def test_progress_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any]
) -> None:
    consingan.train(tiny_image(), runs=tmp_path, **options, **{**TINY, "train_stages": 1})
    out, err = capsys.readouterr()
    assert out == ""
    assert "stage 1 of 1 (24x16) saved" in err


def test_what_has_no_hook_is_no_listener(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no listener"):
        consingan.train(tiny_image(), runs=tmp_path, listeners=[print], **TINY)
    assert list(tmp_path.iterdir()) == []


def test_notes_are_warnings(tmp_path: Path) -> None:
    options = {**TINY, "train_stages": 1, "niter": 1}
    with pytest.warns(Note, match="composited on white") as told:
        run = consingan.train(Image.new("RGBA", (30, 20), (1, 2, 3, 4)), runs=tmp_path, **options)
    assert [str(note.message) for note in told] == run.config.notes


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell in turn, as Jupyter runs it; what a cell ends with must show itself."""
    import ast

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(presets, "PRESETS", dict.fromkeys(presets.PRESETS, TINY))
    names: dict[str, Any] = {}
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    shown = []
    for cell in cells:
        assert cell.get("outputs", []) == []
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop()
        assert isinstance(last, ast.Expr)
        exec(compile(tree, "notebook", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "notebook", "eval"), names)
        shown.append(type(value).__name__)
        assert hasattr(value, "_repr_html_") or isinstance(value, list | Image.Image)
    assert shown == ["Forecast", "Run", "Evaluation", "list", "Image", "Image"]
