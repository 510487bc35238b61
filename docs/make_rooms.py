"""Draws the rooms of the code, and the arrows of their imports, into rooms.md as Mermaid.

    python docs/make_rooms.py

Whatever stands between the markers is replaced; a test fails when the page is out of date.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import consingan

PAGE = Path(__file__).parent / "rooms.md"
ROOT = Path(consingan.__file__).parent
PICTURES = re.compile(r"(<!-- (core|package): begin -->\n).*?(<!-- \2: end -->)", re.DOTALL)
PARTS = {
    "testing": ("testing",),
    "cli": ("cli", "__main__", "commands", "scaffold"),
    "api": (
        "api",
        "opening",
        "preparing",
        "evaluation",
        "comparison",
        "inception",
        "importing",
        "batches",
    ),
    "listeners": ("listeners",),
    "console": ("console",),
    "plugins": ("plugins", "loading", "contract", "option_types"),
    "modes": ("modes",),
    "examples": ("examples",),
    "core": ("core",),
}
"""What each box of the second picture stands for."""


def render(page: str) -> str:
    """The page's text with fresh pictures."""
    drawn = {"core": _mermaid(core_arrows()), "package": _mermaid(package_arrows())}
    return PICTURES.sub(lambda match: f"{match[1]}{drawn[match[2]]}{match[3]}", page)


def core_arrows() -> dict[str, set[str]]:
    """Which rooms of `core` import which others."""

    def room(parts: list[str]) -> str | None:
        return parts[2] if parts[:2] == ["consingan", "core"] and len(parts) > 2 else None

    return _arrows(room)


def package_arrows() -> dict[str, set[str]]:
    """Which parts of the package import which others."""
    part_of = {module: part for part, modules in PARTS.items() for module in modules}

    def part(parts: list[str]) -> str | None:
        return part_of.get(parts[1] if len(parts) > 1 else "__init__")

    return _arrows(part)


def without_implied(arrows: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The arrows of a graph without circles that no other way leads along."""

    def reach(start: str) -> set[str]:
        return {start}.union(*(reach(target) for target in arrows.get(start, ())))

    return {
        source: {
            target
            for target in targets
            if not any(target in reach(other) for other in targets - {target})
        }
        for source, targets in arrows.items()
    }


def imports(file: Path, top_level: bool = False) -> Iterator[str]:
    """The modules that a file imports, and what it imports from them: `package.module.name`."""
    tree = ast.parse(file.read_text())
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _arrows(box_of: Callable[[list[str]], str | None]) -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = {}
    for file in sorted(ROOT.rglob("*.py")):
        source = box_of(["consingan", *file.relative_to(ROOT).with_suffix("").parts])
        if source is None or source == "__init__":
            continue
        targets = {box_of(name.split(".")) for name in imports(file) if "consingan" in name}
        arrows.setdefault(source, set()).update(t for t in targets if t not in (None, source))
    return arrows


def _mermaid(arrows: Mapping[str, set[str]]) -> str:
    lines = ["```mermaid", "graph TD"]
    for source, targets in without_implied(arrows).items():
        lines += [f"    {source} --> {target}" for target in sorted(targets)]
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
