"""`consingan new-plugin`: writes a mode as a package that can be installed and passes its tests."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

from consingan.contract import NAME, NAME_RULE
from consingan.core.hooks.specs import HOOKS_VERSION
from consingan.errors import ConsinganError, OptionError

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "consingan-$name"
version = "0.1.0"
description = "The mode $name for consingan"
readme = "README.md"
requires-python = ">=3.10"
dependencies = ["consingan>=$release"]

[project.optional-dependencies]
test = ["pytest>=8.3"]

[project.entry-points."consingan.modes"]
$name = "$module:$camel"

[tool.setuptools]
py-modules = ["$module"]
"""

_README = """\
# consingan-$name

The mode `$name` for consingan. Describe here what it makes.

    pip install -e ".[test]"
    consingan $name train PHOTO --preset draft
    consingan $name apply latest
    pytest

All code is in `$module.py`. consingan's docs/plugins.md describes all hooks of a mode.
"""

_MODULE = '''\
"""The mode `$name`. Describe here what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan import Mode, SampleOptions, TrainOptions, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Outputs, Sampler


class $camel(Mode[TrainOptions, SampleOptions]):
    """Trains as in the paper's generation. Hooks that are not defined here have their defaults."""

    name = "$name"
    summary = "Describe here what it makes."
    hooks_version = $hooks
    ApplyOptions = SampleOptions

    @hookimpl
    def apply(self, sampler: Sampler, options: SampleOptions, outputs: Outputs) -> None:
        """Save numbered pictures and a contact sheet."""
        from consingan import save_samples

        def make(index: int) -> dict[str, Tensor]:
            return {"$name": sampler.sample(index, options.seed)}

        save_samples(sampler, outputs, options, make)
'''

_TESTS = '''\
"""The tests that every mode must pass, and then the mode's own."""

from $module import $camel

from consingan.loading import find_plugins
from consingan.testing import ModeTests, train_tiny


class Test$camel(ModeTests):
    mode = $camel


def test_it_is_installed():
    assert find_plugins().modes["$name"].plugin.package == "consingan-$name"


def test_it_makes_as_many_pictures_as_asked(tmp_path):
    run = train_tiny($camel, tmp_path / "runs")
    files = run.apply(tmp_path / "out", "cpu", num_samples=2)
    assert [file.name for file in files] == ["$name-000.png", "$name-001.png", "sheet.png"]
'''


def write_plugin(name: str, parent: Path) -> Path:
    """Write the folder `consingan-NAME` in `parent`, and return its path.

    Raises OptionError if `name` is not a valid name for a mode or the folder exists already,
    ConsinganError if it cannot be written. Nothing is ever overwritten.
    """
    if not NAME.fullmatch(name):
        raise OptionError(f"{name!r} is no mode name; {NAME_RULE}")
    if name.startswith("consingan-"):
        short = name.removeprefix("consingan-")
        raise OptionError(f"the package is called consingan-NAME by itself; use {short!r}")
    values = {
        "name": name,
        "module": "consingan_" + name.replace("-", "_"),
        "camel": "".join(part.capitalize() for part in name.split("-")) + "Mode",
        "release": ".".join(version("consingan").split(".")[:2]),
        "hooks": str(HOOKS_VERSION),
    }
    files = {
        "pyproject.toml": _PYPROJECT,
        "README.md": _README,
        f"{values['module']}.py": _MODULE,
        f"tests/test_{values['module']}.py": _TESTS,
    }
    folder = parent / f"consingan-{name}"
    if os.path.lexists(folder):
        raise OptionError(
            f"{str(folder)!r} exists already; choose another name, or another --folder"
        )
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".consingan-", dir=parent) as temporary:
            made = Path(temporary, "plugin")
            (made / "tests").mkdir(parents=True)
            for file, text in files.items():
                (made / file).write_text(Template(text).substitute(values), encoding="utf-8")
            made.rename(folder)  # so it is whole or not there
    except OSError as error:
        raise ConsinganError(f"cannot create {str(folder)!r}: {error.strerror}") from None
    return folder
