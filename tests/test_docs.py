"""Every snippet of the READMEs and of docs/ runs, in order, with presets that take a second."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from consingan import cli
from consingan.core.options import presets
from consingan.loading import find_plugins
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])]
RUN_ELSEWHERE = {"plugins.md", "executors.md"}
"""They are packages: tests/test_plugins_page.py and tests/test_executors_page.py follow them."""
SNIPPET = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.filterwarnings("ignore::consingan.errors.Note")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in RUN_ELSEWHERE],
    ids=_name,
)
def test_the_snippets_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(presets, "PRESETS", dict.fromkeys(presets.PRESETS, TINY))
    for loaded in find_plugins().modes.values():
        monkeypatch.setattr(type(loaded.mode), "presets", {})
    namespace: dict[str, object] = {}
    for language, code in SNIPPET.findall(page.read_text()):
        if language == "python":
            exec(compile(code, page.name, "exec"), namespace)
            continue
        for line in code.splitlines():
            command = shlex.split(line, comments=True)
            if command:
                assert command[0] == "consingan", line
                assert cli.run(command[1:]) == 0, f"{line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_pictures_and_links_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", page.read_text())
    missing = [
        target
        for target in targets
        if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert missing == []


def test_the_readmes_table_of_modes_is_the_installed_one() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| ([^|]+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert dict(rows) == {
        name: loaded.mode.summary
        for name, loaded in find_plugins().modes.items()
        if loaded.plugin.package == "consingan"
    }


def test_the_parameters_page_is_up_to_date() -> None:
    from docs.make_parameters import PAGE, render

    page = PAGE.read_text()
    assert render(page) == page, "run: python docs/make_parameters.py"


@pytest.mark.parametrize("name", ["scale.svg", "quality.svg"])
def test_a_plot_is_up_to_date(name: str) -> None:
    from docs.make_plots import PICTURES, PLOTS

    shown = (PICTURES / name).read_text()
    assert PLOTS[name]() == shown, "run: python docs/make_plots.py"
