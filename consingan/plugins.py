"""Finding modes, listeners and commands, built-in or not, by entry points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, Literal, TypeVar

from consingan.contract import (
    LISTENER_HOOKS,
    NAME,
    NAME_RULE,
    check_hooks,
    check_listener,
    check_mode,
    make_mode,
    missed_changes,
)
from consingan.core.hooks.dispatch import AnyMode, Hooks
from consingan.core.hooks.listener import Listener
from consingan.core.runs.records import Plugin, RunConfig
from consingan.entry_points import (
    BUILT_IN,
    STRICT,
    UNKNOWN,
    entries_of,
    heeding_signals,
    is_set,
    origin_of,
    summary_of,
)
from consingan.errors import (
    ConsinganError,
    ModeError,
    OptionError,
    PluginError,
    Terminated,
    describe,
    message_of,
)

MODES, LISTENERS, COMMANDS = "consingan.modes", "consingan.listeners", "consingan.commands"
"""The entry-point groups."""


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
class FoundCommand:
    """A command that a package provides. Nothing is imported until it is loaded."""

    entry: EntryPoint
    plugin: Plugin

    @property
    def summary(self) -> str:
        """What the package says that it is, on one line: known without importing it."""
        return summary_of(self.entry.dist)

    def load(self) -> object:
        """The function or Typer app, unchecked. Raises whatever importing it raises."""
        return self.entry.load()


@dataclass(frozen=True)
class Problem:
    """A problem with a plugin."""

    kind: str
    """What the plugin should provide: `mode`, `listener` or `command`."""
    entry: str
    """The entry point's name."""
    plugin: Plugin
    reason: str
    loaded: bool = False
    """Whether the plugin is loaded in spite of the problem."""
    name: str = ""
    """The name of what the plugin should provide, if it is known."""

    def __str__(self) -> str:
        state = "" if self.loaded else " is not loaded"
        unsaid = self.name != self.entry and self.name and repr(self.name) not in self.reason
        named = f"{self.kind} {self.name!r}, " if unsaid else ""
        origin = f"{named}package {self.plugin.package} {self.plugin.version}"
        return f"plugin {self.entry!r} ({origin}){state}: {self.reason}"


@dataclass
class Plugins:
    """All modes, listeners and commands, by name, and the problems with plugins."""

    modes: dict[str, LoadedMode] = field(default_factory=dict)
    listeners: dict[str, LoadedListener] = field(default_factory=dict)
    commands: dict[str, FoundCommand] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def mode(self, name: str) -> LoadedMode:
        """The mode of that name. Raises ModeError if there is none, PluginError if it is broken."""
        if name not in self.modes:
            if problem := self.broken("mode", name):
                raise PluginError(str(problem))
            known = ", ".join(self.modes)
            raise ModeError(f"no mode is called {name!r}; there are: {known}")
        return self.modes[name]

    def listener(self, wanted: object) -> object:
        """A new listener of a name, or `wanted` itself if it is an object with hooks.

        Raises OptionError if there is no listener of that name, PluginError if it is broken, cannot
        be created or has invalid hooks.
        """
        if not isinstance(wanted, str):
            if not check_hooks(wanted, LISTENER_HOOKS):
                raise PluginError(f"{wanted!r} is no listener: it has no hook of one")
            return wanted
        if wanted not in self.listeners:
            if problem := self.broken("listener", wanted):
                raise PluginError(str(problem))
            known = ", ".join(self.listeners) or "none is installed"
            raise OptionError(f"no listener is called {wanted!r}; there are: {known}", "listen")
        try:
            return self.listeners[wanted].listener()
        except (ConsinganError, KeyboardInterrupt, Terminated):
            raise
        except BaseException as error:  # such as SystemExit
            reason = describe(error)
            raise PluginError(f"listener {wanted!r} cannot be started: {reason}") from error

    def broken(self, kind: str, name: str) -> Problem | None:
        """The problem of a plugin that is not loaded, by its name or its entry point's."""
        for problem in self.problems:
            if (
                not problem.loaded
                and problem.kind == kind
                and name in (problem.name, problem.entry)
            ):
                return problem
        return None

    def refuse(self, kind: Literal["mode", "command"], name: str, reason: str) -> Problem:
        """Turn a mode or a command into a problem."""
        known = self.modes if kind == "mode" else self.commands
        problem = Problem(kind, name, known.pop(name).plugin, reason, name=name)
        self.problems.append(problem)
        return problem

    def insist(self) -> None:
        """Raise PluginError for the first problem, if there is one and `STRICT` is set."""
        if self.problems and is_set(STRICT):
            raise PluginError(f"{self.problems[0]} ({STRICT} is set)")

    def hooks_for(self, config: RunConfig, listeners: Sequence[object] = ()) -> Hooks:
        """The hooks of a run's mode. Raises PluginError, with advice, if it isn't installed."""
        found = self.modes.get(config.mode)
        wanted = config.plugin
        if found is None:
            for problem in self.problems:
                named = (problem.kind, problem.plugin.package)
                if named == ("mode", wanted.package) and not problem.loaded:
                    raise PluginError(f"the run needs mode {config.mode!r}; {problem}")
            if wanted.package == UNKNOWN:  # nobody knows what `pip install unknown` would get
                raise PluginError(f"the run needs mode {config.mode!r}; install its package")
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
    """Load all installed modes and listeners, and find all commands.

    A broken plugin becomes a `Problem` and doesn't affect the others. Raises PluginError for the
    first problem if `STRICT` is set.
    """
    problems: list[Problem] = []
    modes = _load("mode", MODES, check_mode, make_mode, problems)
    listeners = _load("listener", LISTENERS, check_listener, check_listener, problems)
    found = Plugins(
        {name: LoadedMode(mode, plugin) for name, (mode, plugin) in modes.items()},
        {name: LoadedListener(listener, plugin) for name, (listener, plugin) in listeners.items()},
        _find_commands(problems),
        problems,
    )
    for name in sorted(found.modes.keys() & found.commands.keys()):
        _refuse_one(found, name)
    found.insist()
    return found


def _refuse_one(found: Plugins, name: str) -> None:
    """Of a mode and a command with one name, keep the built-in one, or neither."""
    mode, command = found.modes[name].plugin.package, found.commands[name].plugin.package
    reason = f"package {mode} has a mode {name!r} and package {command} a command; uninstall one"
    if mode != BUILT_IN:
        found.refuse("mode", name, reason)
    if command != BUILT_IN:
        found.refuse("command", name, reason)


NamedT = TypeVar("NamedT", bound=Any)


def _load(
    kind: str,
    group: str,
    check: Callable[[object], NamedT],
    make: Callable[[object], NamedT],
    problems: list[Problem],
) -> dict[str, tuple[NamedT, Plugin]]:
    """Load the entry points of a group: plugins by their own names, sorted.

    Problems are appended to `problems`.
    """
    claims: defaultdict[str, list[tuple[EntryPoint, NamedT]]] = defaultdict(list)
    for entry in entries_of(group):
        name = ""
        with heeding_signals():
            try:
                candidate = entry.load()
                name = _name_of(candidate)
                # The tests check built-in modes; to do it here makes each command slower.
                found = (make if origin_of(entry.dist).package == BUILT_IN else check)(candidate)
                claims[found.name].append((entry, found))
            except BaseException as error:  # importing a module may raise anything
                known = issubclass(type(error), PluginError)
                reason = message_of(error) if known else describe(error)
                problems.append(Problem(kind, entry.name, origin_of(entry.dist), reason, name=name))
    loaded = {}
    for name, claimed in sorted(claims.items()):
        built_in = [claim for claim in claimed if origin_of(claim[0].dist).package == BUILT_IN]
        keeper = built_in[0] if built_in else claimed[0] if len(claimed) == 1 else None
        for claim in claimed:
            entry, found = claim
            origin = origin_of(entry.dist)
            if claim is not keeper:
                clash = _clash(kind, name, [entry for entry, _ in claimed])
                problems.append(Problem(kind, entry.name, origin, clash, name=name))
                continue
            loaded[name] = found, origin
            # Built-in plugins state no version; they are always up to date.
            if origin.package != BUILT_IN and (changes := missed_changes(found)):
                written = f"written for version {found.hooks_version} of the hooks"
                reason = f"{written}; changed since then: {'; '.join(changes)}"
                problems.append(Problem(kind, entry.name, origin, reason, loaded=True))
    return loaded


def _find_commands(problems: list[Problem]) -> dict[str, FoundCommand]:
    """The entry points of commands, by name, sorted. Problems are appended to `problems`."""
    claims: defaultdict[str, list[EntryPoint]] = defaultdict(list)
    for entry in entries_of(COMMANDS):
        claims[entry.name].append(entry)
    found = {}
    for name, claimed in sorted(claims.items()):
        built_in = [entry for entry in claimed if origin_of(entry.dist).package == BUILT_IN]
        keeper = built_in[0] if built_in else claimed[0] if len(claimed) == 1 else None
        for entry in claimed:
            origin, reason = origin_of(entry.dist), ""
            if entry is not keeper:
                reason = _clash("command", name, claimed)
            elif not NAME.fullmatch(name):
                reason = f"its name must {NAME_RULE}"
            if reason:
                problems.append(Problem("command", name, origin, reason, name=name))
            else:
                found[name] = FoundCommand(entry, origin)
    return found


def _clash(kind: str, name: str, entries: Sequence[EntryPoint]) -> str:
    """Why plugins with the same name are not loaded, and what to do."""
    packages = sorted({origin_of(entry.dist).package for entry in entries})
    if len(packages) == 1:
        points = " and ".join(sorted(entry.name for entry in entries))
        return f"entry points {points} both name a {kind} {name!r}; give each a name"
    return f"packages {' and '.join(packages)} both name a {kind} {name!r}; uninstall one"


def _name_of(candidate: object) -> str:
    name = getattr(candidate, "name", "")
    return name if type(name) is str else ""
