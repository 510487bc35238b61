"""The arrows of the design: who may import whom, and who may touch what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import consingan

ROOT = Path(consingan.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _top_level_imports(file: Path) -> Iterator[str]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", [f for f in FILES if ROOT / "core" in f.parents], ids=_name)
def test_core_imports_only_core_and_errors(file: Path) -> None:
    ours = {name for name in _imports(file) if name.startswith("consingan")}
    allowed = ("consingan.core.", "consingan.errors.")
    assert all(name.startswith(allowed) for name in ours), ours


@pytest.mark.parametrize("file", [f for f in FILES if f.parent.name == "modes"], ids=_name)
def test_modes_import_only_core(file: Path) -> None:
    ours = {name for name in _imports(file) if name.startswith("consingan")}
    assert all(name.startswith(("consingan.core.", "consingan.errors.")) for name in ours), ours


def test_the_engine_knows_no_file_format_and_no_console() -> None:
    for name in ("engine.py", "stage.py", "model.py", "networks.py", "losses.py", "sampler.py"):
        imports = {name.split(".")[0] for name in _imports(ROOT / "core" / name)}
        assert not imports & {"PIL", "safetensors", "rich", "typer", "json", "pathlib"}, name


def test_picture_files_are_touched_in_few_places() -> None:
    touching = {
        _name(file)
        for file in FILES
        if "PIL.Image" in {name for name in _imports(file)}
        and any(call in file.read_text() for call in ("Image.open(", "image.save("))
    }
    assert touching <= {"core/pictures.py", "core/outputs.py", "core/clips.py"}


def test_nothing_is_pickled() -> None:
    for file in FILES:
        names = {name.split(".")[0] for name in _imports(file)}
        assert not names & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}, file
        assert not {"torch.load", "torch.save"} & set(_imports(file)), file
        assert "torch.save(" not in file.read_text()


def test_pickles_are_read_in_one_place_and_only_their_weights() -> None:
    texts = {_name(file): file.read_text() for file in FILES}
    assert {name for name, text in texts.items() if "torch.load" in text} == {"weights.py"}
    nodes = list(ast.walk(ast.parse(texts["weights.py"])))
    assert sum(ast.unparse(node) == "torch.load" for node in nodes) == 1
    [call] = [n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == "torch.load"]
    assert "weights_only=True" in map(ast.unparse, call.keywords)


@pytest.mark.parametrize(
    "file",
    [f for f in FILES if f.parent.name in ("consingan", "commands", "modes", "listeners")],
    ids=_name,
)
def test_torch_is_not_imported_before_it_is_needed(file: Path) -> None:
    assert not any(name.split(".")[0] == "torch" for name in _top_level_imports(file))
