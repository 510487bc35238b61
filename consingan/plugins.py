"""Finds the modes: built-ins and strangers' through one door, the entry points."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from consingan.core.config import Options, TrainOptions
from consingan.core.hooks import AnyMode, Hooks
from consingan.core.hookspecs import PROJECT, HookSpecs
from consingan.core.mode import Mode
from consingan.core.records import Plugin, RunConfig
from consingan.errors import ModeError, PluginError
from consingan.options import check_showable

GROUP = "consingan.modes"
BUILT_IN = "consingan"


@dataclass(frozen=True)
class LoadedMode:
    """A mode that works, and where it comes from."""

    mode: AnyMode
    plugin: Plugin


@dataclass(frozen=True)
class Problem:
    """A plugin that was not loaded, and why."""

    entry: str
    """The entry point's name."""
    plugin: Plugin
    reason: str

    def __str__(self) -> str:
        origin = f"package {self.plugin.package} {self.plugin.version}"
        return f"plugin {self.entry!r} ({origin}) is not loaded: {self.reason}"


@dataclass
class Plugins:
    """All modes that were found, by name, and all that are broken."""

    modes: dict[str, LoadedMode] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def mode(self, name: str) -> LoadedMode:
        """The mode of that name. Raises ModeError."""
        if name not in self.modes:
            known = ", ".join(self.modes)
            raise ModeError(f"no mode is called {name!r}; there are: {known}")
        return self.modes[name]

    def hooks_for(self, config: RunConfig, listeners: Sequence[object] = ()) -> Hooks:
        """The hooks of a run folder's mode. Raises PluginError that says what to install."""
        found = self.modes.get(config.mode)
        wanted = config.plugin
        if found is None:
            raise PluginError(
                f"the run needs mode {config.mode!r} of package {wanted.package} "
                f"{wanted.version}; install it with: pip install {wanted.package}"
            )
        if found.plugin.package != wanted.package:
            raise PluginError(
                f"the run was trained by mode {config.mode!r} of package {wanted.package}, "
                f"but the one installed is of {found.plugin.package}"
            )
        return Hooks(found.mode, listeners)


def find_plugins() -> Plugins:
    """Load every mode that is installed. What is broken becomes a `Problem`; nothing is raised."""
    plugins = Plugins()
    found: defaultdict[str, list[tuple[EntryPoint, LoadedMode]]] = defaultdict(list)
    for entry in entry_points(group=GROUP):
        try:
            mode = _load(entry)
        except (Exception, SystemExit) as error:  # a stranger's module may do anything at all
            reason = str(error) if isinstance(error, PluginError) else _describe(error)
            plugins.problems.append(Problem(entry.name, _origin(entry), reason))
        else:
            found[mode.name].append((entry, LoadedMode(mode, _origin(entry))))
    for name, claims in sorted(found.items()):
        built_in = [loaded for _, loaded in claims if loaded.plugin.package == BUILT_IN]
        keeper = built_in[0] if built_in else claims[0][1] if len(claims) == 1 else None
        if keeper is not None:
            plugins.modes[name] = keeper
        packages = " and ".join(sorted({loaded.plugin.package for _, loaded in claims}))
        for entry, loaded in claims:
            if loaded is not keeper:
                reason = f"packages {packages} both name a mode {name!r}; uninstall one"
                plugins.problems.append(Problem(entry.name, loaded.plugin, reason))
    return plugins


def check_mode(candidate: object) -> AnyMode:
    """The mode that an entry point names, or PluginError with what is wrong with it."""
    if isinstance(candidate, type) and issubclass(candidate, Mode):
        candidate = candidate()
    if not isinstance(candidate, Mode):
        raise PluginError(f"{candidate!r} is not a subclass of consingan.Mode")
    _check_attributes(candidate)
    _check_hooks(candidate)
    check_showable(candidate.TrainOptions)
    check_showable(candidate.ApplyOptions)
    return candidate


def _load(entry: EntryPoint) -> AnyMode:
    return check_mode(entry.load())


def _check_attributes(mode: AnyMode) -> None:
    for attribute in ("name", "summary"):
        if not isinstance(getattr(mode, attribute, None), str):
            raise PluginError(f"{type(mode).__name__} has no `{attribute}`")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", mode.name):
        raise PluginError(f"{mode.name!r} is no mode name; use lower-case letters, digits, dashes")
    for attribute, base in (("TrainOptions", TrainOptions), ("ApplyOptions", Options)):
        model = getattr(mode, attribute)
        if not (isinstance(model, type) and issubclass(model, base)):
            raise PluginError(f"`{attribute}` is not a subclass of consingan.{base.__name__}")


def _check_hooks(mode: AnyMode) -> None:
    """Misspelt hooks, wrong arguments, and hooks without their marker."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    try:
        manager.register(mode)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(" ".join(str(error).split())) from None
    specified = {name for name in vars(manager.hook) if not name.startswith("_")}
    marked = {caller.name for caller in manager.get_hookcallers(mode) or []}
    for name, member in inspect.getmembers(type(mode), callable):
        if name in specified - marked and member.__module__ != Mode.__module__:
            raise PluginError(f"`{name}` lacks its @hookimpl marker and would never be called")
    if "apply" not in marked:
        raise PluginError("it has no `apply` hook: a mode must make something")


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _origin(entry: EntryPoint) -> Plugin:
    distribution: Any = entry.dist
    if distribution is None:
        return Plugin(package="unknown", version="unknown")
    return Plugin(package=distribution.name, version=distribution.version)
