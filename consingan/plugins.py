"""Finding modes and listeners, built-in or not, by entry points."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from consingan.contract import (
    LISTENER_HOOKS,
    check_hooks,
    check_listener,
    check_mode,
    missed_changes,
)
from consingan.core.hooks.dispatch import AnyMode, Hooks
from consingan.core.hooks.listener import Listener
from consingan.core.runs.records import Plugin, RunConfig
from consingan.errors import ConsinganError, ModeError, OptionError, PluginError

MODES, LISTENERS = "consingan.modes", "consingan.listeners"
"""The entry-point groups."""
DISABLE = "CONSINGAN_DISABLE_PLUGINS"
"""Environment variable: if set, and not to 0, only the built-in plugins are loaded."""
STRICT = "CONSINGAN_STRICT_PLUGINS"
"""Environment variable: if set, and not to 0, any problem with a plugin is an error; for CI."""
BUILT_IN = "consingan"
"""The package of the built-in plugins."""


@dataclass(frozen=True)
class LoadedMode:
    """A mode that was loaded, and the package that provides it."""

    mode: AnyMode
    plugin: Plugin


@dataclass(frozen=True)
class LoadedListener:
    """A listener's class that was loaded, and the package that provides it."""

    listener: type[Listener]
    plugin: Plugin


@dataclass(frozen=True)
class Problem:
    """A problem with a plugin."""

    kind: str
    """What the plugin should provide: `mode` or `listener`."""
    entry: str
    """The entry point's name."""
    plugin: Plugin
    reason: str
    loaded: bool = False
    """Whether the plugin is loaded in spite of the problem."""

    def __str__(self) -> str:
        state = "" if self.loaded else " is not loaded"
        origin = f"package {self.plugin.package} {self.plugin.version}"
        return f"plugin {self.entry!r} ({origin}){state}: {self.reason}"


@dataclass
class Plugins:
    """All loaded modes and listeners, by name, and the problems with plugins."""

    modes: dict[str, LoadedMode] = field(default_factory=dict)
    listeners: dict[str, LoadedListener] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def mode(self, name: str) -> LoadedMode:
        """The mode of that name. Raises ModeError if there is none."""
        if name not in self.modes:
            known = ", ".join(self.modes)
            raise ModeError(f"no mode is called {name!r}; there are: {known}")
        return self.modes[name]

    def listener(self, wanted: object) -> object:
        """A new listener of a name, or `wanted` itself if it is an object with hooks.

        Raises OptionError if there is no listener of that name, PluginError if it cannot be created
        or has invalid hooks.
        """
        if not isinstance(wanted, str):
            check_hooks(wanted, LISTENER_HOOKS)
            return wanted
        if wanted not in self.listeners:
            known = ", ".join(self.listeners) or "none is installed"
            raise OptionError(f"no listener is called {wanted!r}; there are: {known}", "listen")
        try:
            return self.listeners[wanted].listener()
        except ConsinganError:
            raise
        except Exception as error:
            reason = _describe(error)
            raise PluginError(f"listener {wanted!r} cannot be started: {reason}") from error

    def hooks_for(self, config: RunConfig, listeners: Sequence[object] = ()) -> Hooks:
        """The hooks of a run's mode. Raises PluginError, with advice, if it isn't installed."""
        found = self.modes.get(config.mode)
        wanted = config.plugin
        if found is None:
            for problem in self.problems:
                named = (problem.kind, problem.plugin.package)
                if named == ("mode", wanted.package) and not problem.loaded:
                    raise PluginError(f"the run needs mode {config.mode!r}; {problem}")
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


def plugins_disabled() -> bool:
    """Whether `DISABLE` is set, so that only the built-in plugins are loaded."""
    return _is_set(DISABLE)


def find_plugins() -> Plugins:
    """Load all installed modes and listeners.

    A broken plugin becomes a `Problem` and doesn't affect the others. Raises PluginError for the
    first problem if `STRICT` is set.
    """
    problems: list[Problem] = []
    modes = _load("mode", MODES, check_mode, problems)
    listeners = _load("listener", LISTENERS, check_listener, problems)
    if problems and _is_set(STRICT):
        raise PluginError(f"{problems[0]} ({STRICT} is set)")
    return Plugins(
        {name: LoadedMode(mode, plugin) for name, (mode, plugin) in modes.items()},
        {name: LoadedListener(listener, plugin) for name, (listener, plugin) in listeners.items()},
        problems,
    )


NamedT = TypeVar("NamedT", bound=Any)


def _load(
    kind: str, group: str, check: Callable[[object], NamedT], problems: list[Problem]
) -> dict[str, tuple[NamedT, Plugin]]:
    """Load the entry points of a group: plugins by their own names, sorted.

    Problems are appended to `problems`.
    """
    claims: defaultdict[str, list[tuple[EntryPoint, NamedT]]] = defaultdict(list)
    for entry in _entries(group):
        try:
            found = check(entry.load())
        except (Exception, SystemExit) as error:  # importing a module may raise anything
            reason = str(error) if isinstance(error, PluginError) else _describe(error)
            problems.append(Problem(kind, entry.name, _origin(entry), reason))
        else:
            claims[found.name].append((entry, found))
    loaded = {}
    for name, claimed in sorted(claims.items()):
        built_in = [claim for claim in claimed if _origin(claim[0]).package == BUILT_IN]
        keeper = built_in[0] if built_in else claimed[0] if len(claimed) == 1 else None
        for claim in claimed:
            entry, found = claim
            origin = _origin(entry)
            if claim is not keeper:
                clash = _clash(kind, name, [entry for entry, _ in claimed])
                problems.append(Problem(kind, entry.name, origin, clash))
                continue
            loaded[name] = found, origin
            # Built-in plugins state no version; they are always up to date.
            if origin.package != BUILT_IN and (changes := missed_changes(found)):
                written = f"written for version {found.hooks_version} of the hooks"
                reason = f"{written}; changed since then: {'; '.join(changes)}"
                problems.append(Problem(kind, entry.name, origin, reason, loaded=True))
    return loaded


def _clash(kind: str, name: str, entries: Sequence[EntryPoint]) -> str:
    """Why plugins with the same name are not loaded, and what to do."""
    packages = sorted({_origin(entry).package for entry in entries})
    if len(packages) == 1:
        points = " and ".join(sorted(entry.name for entry in entries))
        return f"entry points {points} both name a {kind} {name!r}; give each a name"
    return f"packages {' and '.join(packages)} both name a {kind} {name!r}; uninstall one"


def _entries(group: str) -> Iterator[EntryPoint]:
    for entry in entry_points(group=group):
        if not plugins_disabled() or _origin(entry).package == BUILT_IN:
            yield entry


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "0") not in ("", "0")


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _origin(entry: EntryPoint) -> Plugin:
    distribution: Any = entry.dist
    if distribution is None:
        return Plugin(package="unknown", version="unknown")
    return Plugin(package=distribution.name, version=distribution.version)
