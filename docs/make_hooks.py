"""Writes the reference of plugins.md from the docstrings of the code.

    python docs/make_hooks.py

The text between the markers is replaced; a test fails when the page is out of date.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import cast

import consingan
from consingan.core.hooks import events
from consingan.core.hooks.specs import HOOKS_VERSION, ListenerHooks, ModeHooks
from consingan.core.pictures.outputs import Outputs
from consingan.core.sampling.sampler import Sampler

PAGE = Path(__file__).parent / "plugins.md"
REFERENCE = re.compile(r"(<!-- hooks: begin -->\n).*(<!-- hooks: end -->)", re.DOTALL)
SECTION = re.compile(r"^(Args|Returns):\n((?:[ ]{4}.*\n?|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^(\w+): ", re.MULTILINE)


def render(page: str) -> str:
    """The page's text with a fresh reference."""
    reference = "\n".join(_lines())
    return REFERENCE.sub(lambda match: f"{match[1]}\n{reference}\n{match[2]}", page)


def hooks(owner: type) -> Iterator[tuple[str, inspect.Signature, str]]:
    """Name, signature (without self) and docstring of each hook of a class of hookspecs."""
    for name, function in vars(owner).items():
        if not name.startswith("_"):
            signature = inspect.signature(function)
            own = [p for p in signature.parameters.values() if p.name != "self"]
            yield name, signature.replace(parameters=own), inspect.getdoc(function) or ""


def _lines() -> Iterator[str]:
    yield f"This is version {HOOKS_VERSION} of the hooks. A hook may leave out arguments."
    yield ""
    for title, owner in (("Hooks of a mode", ModeHooks), ("Hooks of a listener", ListenerHooks)):
        yield f"### {title}"
        yield ""
        for name, signature, docstring in hooks(owner):
            yield from _hook(name, signature, docstring)
    yield "### Methods of `sampler`"
    yield ""
    yield from _members(Sampler)
    yield "### Methods of `outputs`"
    yield ""
    yield from _members(Outputs)
    yield "### What `consingan` exports"
    yield ""
    yield from _exports()


def _hook(name: str, signature: inspect.Signature, docstring: str) -> Iterator[str]:
    result = _type(signature.return_annotation)
    arrow = "" if result == "None" else f" → `{result}`"
    yield f"#### `{name}({', '.join(signature.parameters)})`{arrow}"
    yield ""
    sections = {match[1]: inspect.cleandoc(match[2]) for match in SECTION.finditer(docstring)}
    for paragraph in SECTION.sub("", docstring).strip().split("\n\n"):
        yield re.sub(r"\n(?=Default:)", "\n\n", paragraph)
        yield ""
    parts = ENTRY.split("\n" + sections.get("Args", ""))[1:]
    for argument, text in zip(parts[::2], parts[1::2], strict=True):
        shown = _type(signature.parameters[argument].annotation)
        fields = ""
        if is_dataclass(event := getattr(events, shown, None)):
            names = ", ".join(f"`{field.name}`" for field in dataclass_fields(event))
            fields = f" Its fields: {names}."
        yield f"- `{argument}`, `{shown}`: {' '.join(text.split())}{fields}"
    if returned := sections.get("Returns"):
        yield f"- returns: {' '.join(returned.split())}"
    yield ""


def _members(owner: type) -> Iterator[str]:
    yield "| | |"
    yield "| --- | --- |"
    for name, member in vars(owner).items():
        if name.startswith("_") or not (callable(member) or isinstance(member, property)):
            continue
        call = name
        if not isinstance(member, property):
            parameters = inspect.signature(member).parameters.values()
            shown = [
                p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters
            ]
            call = f"{name}({', '.join(shown[1:])})"
        first = (inspect.getdoc(member) or "").split("\n\n")[0]
        yield f"| `{call}` | {' '.join(first.split())} |"
    yield ""


def _exports() -> Iterator[str]:
    """Each public name, and the first paragraph of its docstring."""
    yield "| | |"
    yield "| --- | --- |"
    for name in sorted(consingan.__all__, key=str.lower):
        yield f"| `{name}` | {' '.join(_described(name).split())} |"
    yield ""


def _described(name: str) -> str:
    value = getattr(consingan, name)
    if callable(value) and name != "hookimpl":
        return (inspect.getdoc(value) or "").split("\n\n")[0]
    # The docstring of a constant is the string that follows it.
    body = ast.parse(inspect.getsource(import_module(consingan._modules()[name]))).body
    for statement, following in pairwise(body):
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return ast.literal_eval(cast(ast.Expr, following).value).split("\n\n")[0]
    raise ValueError(f"{name} has no docstring")


def _type(annotation: str) -> str:
    known = {"TrainT": "TrainOptions", "ApplyT": "Options"}
    return known.get(annotation, annotation)


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
