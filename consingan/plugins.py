"""Finding modes and listeners, built-in or not, by entry points."""

from __future__ import annotations

import os
import signal
import threading
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import FrameType
from typing import Any, TypeVar

from pydantic import ValidationError

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
from consingan.errors import (
    ConsinganError,
    ModeError,
    OptionError,
    PluginError,
    Terminated,
    describe,
    message_of,
)

MODES, LISTENERS = "consingan.modes", "consingan.listeners"
"""The entry-point groups."""
DISABLE = "CONSINGAN_DISABLE_PLUGINS"
"""Environment variable: if set, and not to 0, only the built-in plugins are loaded."""
STRICT = "CONSINGAN_STRICT_PLUGINS"
"""Environment variable: if set, and not to 0, any problem with a plugin is an error; for CI."""
BUILT_IN = "consingan"
"""The package of the built-in plugins."""
UNKNOWN = "unknown"
"""The name and the version of a package whose metadata has none."""
LONGEST_NAME = 100
"""The most characters of a package's name or version."""


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
    """All loaded modes and listeners, by name, and the problems with plugins."""

    modes: dict[str, LoadedMode] = field(default_factory=dict)
    listeners: dict[str, LoadedListener] = field(default_factory=dict)
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

    def refuse(self, name: str, reason: str) -> None:
        """Turn a loaded mode into a problem. Raises PluginError if `STRICT` is set."""
        plugin = self.modes.pop(name).plugin
        self.problems.append(Problem("mode", name, plugin, reason, name=name))
        _insist(self.problems)

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
    _insist(problems)
    return Plugins(
        {name: LoadedMode(mode, plugin) for name, (mode, plugin) in modes.items()},
        {name: LoadedListener(listener, plugin) for name, (listener, plugin) in listeners.items()},
        problems,
    )


def _insist(problems: Sequence[Problem]) -> None:
    if problems and _is_set(STRICT):
        raise PluginError(f"{problems[0]} ({STRICT} is set)")


NamedT = TypeVar("NamedT", bound=Any)


def _load(
    kind: str, group: str, check: Callable[[object], NamedT], problems: list[Problem]
) -> dict[str, tuple[NamedT, Plugin]]:
    """Load the entry points of a group: plugins by their own names, sorted.

    Problems are appended to `problems`.
    """
    claims: defaultdict[str, list[tuple[EntryPoint, NamedT]]] = defaultdict(list)
    for entry in _entries(group):
        name = ""
        with _heeding_signals():
            try:
                candidate = entry.load()
                name = _name_of(candidate)
                found = check(candidate)
                claims[found.name].append((entry, found))
            except BaseException as error:  # importing a module may raise anything
                known = issubclass(type(error), PluginError)
                reason = message_of(error) if known else describe(error)
                problems.append(Problem(kind, entry.name, _origin(entry.dist), reason, name=name))
    loaded = {}
    for name, claimed in sorted(claims.items()):
        built_in = [claim for claim in claimed if _origin(claim[0].dist).package == BUILT_IN]
        keeper = built_in[0] if built_in else claimed[0] if len(claimed) == 1 else None
        for claim in claimed:
            entry, found = claim
            origin = _origin(entry.dist)
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


def _clash(kind: str, name: str, entries: Sequence[EntryPoint]) -> str:
    """Why plugins with the same name are not loaded, and what to do."""
    packages = sorted({_origin(entry.dist).package for entry in entries})
    if len(packages) == 1:
        points = " and ".join(sorted(entry.name for entry in entries))
        return f"entry points {points} both name a {kind} {name!r}; give each a name"
    return f"packages {' and '.join(packages)} both name a {kind} {name!r}; uninstall one"


def _name_of(candidate: object) -> str:
    name = getattr(candidate, "name", "")
    return name if type(name) is str else ""


@contextmanager
def _heeding_signals() -> Iterator[None]:
    """Raise in the end what a signal's handler raised within, whatever a plugin made of it.

    This tells Ctrl-C from a KeyboardInterrupt that a plugin raises itself.
    """
    raised: list[BaseException] = []

    def noting(handler: Callable[[int, FrameType | None], Any]) -> Callable[..., None]:
        def note(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as error:
                raised.append(error)
                raise

        return note

    replaced = {}
    if threading.current_thread() is threading.main_thread():
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler):  # one of Python's own, or of whoever uses consingan
                replaced[number] = note = noting(handler), handler
                signal.signal(number, note[0])
    try:
        yield
    finally:
        for number, (noted, handler) in replaced.items():
            if signal.getsignal(number) is noted:  # a plugin may have set its own
                signal.signal(number, handler)
    if raised:
        raise raised[0]


def _entries(group: str) -> Iterator[EntryPoint]:
    for entry in entry_points(group=group):
        if not plugins_disabled() or _origin(entry.dist).package == BUILT_IN:
            yield entry


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "0") not in ("", "0")


def _origin(distribution: object) -> Plugin:
    """The package of an entry point, as far as its metadata says. Never raises."""
    package, version = (
        _stated(distribution, "name", "_.-"),
        _stated(distribution, "version", "_.!+-"),
    )
    try:
        return Plugin(package=package, version=version)
    except ValidationError:  # letters of which pydantic doesn't know yet
        return Plugin(package=UNKNOWN, version=UNKNOWN)


def _stated(distribution: object, field: str, marks: str) -> str:
    """A name or version, with dashes for what cannot be in one; `UNKNOWN` if there is none."""
    try:
        given = str.strip(getattr(distribution, field))
        kept = [c if c in marks or _is_word(c) else "-" for c in given[:LONGEST_NAME]]
    except BaseException:  # metadata may be missing, or be of any kind
        return UNKNOWN
    return "".join(kept) or UNKNOWN


def _is_word(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind[0] == "L" or kind in ("Mn", "Mc", "Nd")
