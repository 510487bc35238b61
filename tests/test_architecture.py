"""The arrows of the design: who may import whom, and who may touch what."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

from docs.make_rooms import ROOT, imports

PLUGINS = ROOT.parent / "plugins"
FILES = sorted(ROOT.rglob("*.py"))
CORE = [file for file in FILES if ROOT / "core" in file.parents]
ORDER = (
    *("options", "system", "networks", "pictures", "metrics", "sampling"),
    *("runs", "hooks", "run", "training"),
)
"""The rooms of `core/`: each imports only those before it."""


def _ours(file: Path) -> set[str]:
    return {name for name in imports(file) if name.split(".")[0] == "consingan"}


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def _room(file: Path) -> str:
    return file.relative_to(ROOT / "core").parts[0].removesuffix(".py")


def _module(file: Path, root: Path) -> str:
    parts = [*file.relative_to(root).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def find_circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """Some modules each of which imports the next, and the last the first; empty if none do."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for target in sorted(arrows.get(module, ())):
            if circle := visit(target, [*path, module]):
                return circle
        done.add(module)
        return []

    for module in arrows:
        if circle := visit(module, []):
            return circle
    return []


def _arrows(folder: Path, base: Path) -> dict[str, set[str]]:
    """Which modules in `folder`, named from `base` on, import which others; for types as well."""
    modules = {_module(file, base): file for file in folder.rglob("*.py")}
    arrows = {}
    for module, file in modules.items():
        found = {name if name in modules else name.rpartition(".")[0] for name in imports(file)}
        arrows[module] = (found & modules.keys()) - {module}
    return arrows


def test_a_circle_is_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_is_in_a_circle() -> None:
    arrows = _arrows(ROOT, ROOT.parent)
    assert "consingan.core.networks.model" in arrows["consingan.core.training.forecast"]
    assert find_circle(arrows) == []


@pytest.mark.parametrize("plugin", sorted(PLUGINS.glob("consingan-*")), ids=lambda path: path.name)
def test_no_plugin_has_a_circle_or_reaches_into_core(plugin: Path) -> None:
    assert find_circle(_arrows(plugin, plugin)) == []
    files = [file for file in plugin.rglob("*.py") if "tests" not in file.parts]
    assert not [name for file in files for name in imports(file) if "consingan.core" in name]


@pytest.mark.parametrize("file", CORE, ids=_name)
def test_core_imports_only_core_and_errors(file: Path) -> None:
    assert all(name.startswith(("consingan.core.", "consingan.errors.")) for name in _ours(file))


@pytest.mark.parametrize("file", [file for file in CORE if file.name != "__init__.py"], ids=_name)
def test_each_room_imports_only_those_before_it(file: Path) -> None:
    allowed = ORDER[: ORDER.index(_room(file)) + 1]
    rooms = {name.split(".")[2] for name in _ours(file) if name.startswith("consingan.core.")}
    assert rooms <= set(allowed), rooms - set(allowed)


@pytest.mark.parametrize("room", [room for room in ORDER if room != "run"])
def test_each_room_says_what_belongs_there(room: str) -> None:
    charter = ast.get_docstring(ast.parse((ROOT / "core" / room / "__init__.py").read_text()))
    assert len(charter or "") > 60, room


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_private_names_stay_where_they_are(file: Path) -> None:
    assert not [name for name in _ours(file) if name.rpartition(".")[2].startswith("_")]


@pytest.mark.parametrize("file", [f for f in FILES if ROOT / "modes" in f.parents], ids=_name)
def test_modes_import_only_core_and_what_they_share(file: Path) -> None:
    allowed = ("consingan.core.", "consingan.errors.", "consingan.modes.shared.")
    assert all(name.startswith(allowed) for name in _ours(file))


def test_networks_and_losses_know_no_file_format_and_no_console() -> None:
    for room in ("networks", "sampling", "training"):
        for file in (ROOT / "core" / room).glob("*.py"):
            if file.name in ("start.py", "session.py", "forecast.py"):
                continue  # they make runs, or ask the system
            known = {name.split(".")[0] for name in imports(file)}
            assert not known & {"PIL", "safetensors", "rich", "typer", "json", "pathlib"}, file


def test_picture_files_are_touched_in_few_places() -> None:
    touching = {
        _name(file)
        for file in FILES
        if "PIL.Image" in {name for name in imports(file)}
        and any(call in file.read_text() for call in ("Image.open(", "image.save("))
    }
    assert touching <= {f"core/pictures/{name}.py" for name in ("reading", "writing")}
    packages = {_name(file): {name.split(".")[0] for name in imports(file)} for file in FILES}
    with_clips = {name for name, imported in packages.items() if imported & {"imageio", "av"}}
    assert with_clips == {"core/pictures/clips.py"}


def test_nothing_is_pickled() -> None:
    for file in FILES:
        names = {name.split(".")[0] for name in imports(file)}
        assert not names & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}, file
        assert not {"torch.load", "torch.save"} & set(imports(file)), file
        assert "torch.save(" not in file.read_text()


def test_pickles_are_read_in_one_place_and_only_their_weights() -> None:
    texts = {_name(file): file.read_text() for file in FILES}
    place = "importing/weights.py"
    assert {name for name, text in texts.items() if "torch.load" in text} == {place}
    nodes = list(ast.walk(ast.parse(texts[place])))
    assert sum(ast.unparse(node) == "torch.load" for node in nodes) == 1
    [call] = [n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == "torch.load"]
    assert "weights_only=True" in map(ast.unparse, call.keywords)


@pytest.mark.parametrize(
    "file",
    [f for f in FILES if f.parent.name in ("consingan", "commands", "modes", "listeners")],
    ids=_name,
)
def test_torch_is_not_imported_before_it_is_needed(file: Path) -> None:
    imported = {name.split(".")[0] for name in imports(file, top_level=True)}
    assert "torch" not in imported
