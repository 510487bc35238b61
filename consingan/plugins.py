"""The modes, listeners, commands and executors that were found, and what is wrong with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, Literal

from consingan.contract import (
    LISTENER_HOOKS,
    check_hooks,
)
from consingan.core.hooks.dispatch import AnyMode, Hooks
from consingan.core.hooks.listener import Listener
from consingan.core.runs.records import Plugin, RunConfig
from consingan.entry_points import (
    STRICT,
    UNKNOWN,
    is_set,
    summary_of,
)
from consingan.errors import (
    ConsinganError,
    ModeError,
    OptionError,
    PluginError,
    Terminated,
    describe,
)


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
class FoundEntry:
    """A command or an executor that a package provides. Nothing is imported until it is loaded."""

    entry: EntryPoint
    plugin: Plugin

    @property
    def summary(self) -> str:
        """What the package says that it is, on one line: known without importing it."""
        return summary_of(self.entry.dist)

    def load(self) -> object:
        """What the entry point names, unchecked. Raises whatever importing it raises."""
        return self.entry.load()


@dataclass(frozen=True)
class Problem:
    """A problem with a plugin."""

    kind: str
    """What the plugin should provide: `mode`, `listener`, `command` or `executor`."""
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
    """All that packages provide, by name, and the problems with plugins."""

    modes: dict[str, LoadedMode] = field(default_factory=dict)
    listeners: dict[str, LoadedListener] = field(default_factory=dict)
    commands: dict[str, FoundEntry] = field(default_factory=dict)
    executors: dict[str, FoundEntry] = field(default_factory=dict)
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

    def refuse(
        self, kind: Literal["mode", "command", "executor"], name: str, reason: str
    ) -> Problem:
        """Turn a mode, a command or an executor into a problem."""
        known: dict[str, dict[str, Any]] = {
            "mode": self.modes,
            "command": self.commands,
            "executor": self.executors,
        }
        problem = Problem(kind, name, known[kind].pop(name).plugin, reason, name=name)
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
