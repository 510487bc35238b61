"""Finding modes, listeners, commands and executors, built-in or not, by entry points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint
from typing import Any, TypeVar

from consingan.contract import (
    NAME,
    NAME_RULE,
    check_listener,
    check_mode,
    make_mode,
    missed_changes,
)
from consingan.core.hooks.dispatch import AnyMode
from consingan.core.runs.records import Plugin
from consingan.entry_points import (
    BUILT_IN,
    entries_of,
    heeding_signals,
    installed_entries,
    origin_of,
)
from consingan.errors import (
    PluginError,
    describe,
    message_of,
)
from consingan.plugins import FoundEntry, LoadedListener, LoadedMode, Plugins, Problem

MODES, LISTENERS, COMMANDS = "consingan.modes", "consingan.listeners", "consingan.commands"
EXECUTORS = "consingan.executors"
"""The entry-point groups."""
NamedT = TypeVar("NamedT", bound=Any)


def installed_modes() -> dict[str, AnyMode]:
    """All modes that work, by name: those of consingan and of plugins."""
    return {name: loaded.mode for name, loaded in find_plugins().modes.items()}


def find_plugins() -> Plugins:
    """Load all installed modes and listeners, and find all commands and executors.

    A broken plugin becomes a `Problem` and doesn't affect the others. Raises PluginError for the
    first problem if `STRICT` is set.
    """
    problems: list[Problem] = []
    installed = installed_entries()
    modes = _load("mode", entries_of(MODES, installed), check_mode, make_mode, problems)
    entries = entries_of(LISTENERS, installed)
    listeners = _load("listener", entries, check_listener, check_listener, problems)
    found = Plugins(
        {name: LoadedMode(mode, plugin) for name, (mode, plugin) in modes.items()},
        {name: LoadedListener(listener, plugin) for name, (listener, plugin) in listeners.items()},
        _find("command", entries_of(COMMANDS, installed), problems),
        _find("executor", entries_of(EXECUTORS, installed), problems),
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


def _load(
    kind: str,
    entries: Iterable[EntryPoint],
    check: Callable[[object], NamedT],
    make: Callable[[object], NamedT],
    problems: list[Problem],
) -> dict[str, tuple[NamedT, Plugin]]:
    """Load the entry points of a group: plugins by their own names, sorted.

    Problems are appended to `problems`.
    """
    claims: defaultdict[str, list[tuple[EntryPoint, NamedT]]] = defaultdict(list)
    for entry in entries:
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


def _find(
    kind: str, entries: Iterable[EntryPoint], problems: list[Problem]
) -> dict[str, FoundEntry]:
    """The entry points of a group, by name, sorted. Problems are appended to `problems`."""
    claims: defaultdict[str, list[EntryPoint]] = defaultdict(list)
    for entry in entries:
        claims[entry.name].append(entry)
    found = {}
    for name, claimed in sorted(claims.items()):
        built_in = [entry for entry in claimed if origin_of(entry.dist).package == BUILT_IN]
        keeper = built_in[0] if built_in else claimed[0] if len(claimed) == 1 else None
        for entry in claimed:
            origin, reason = origin_of(entry.dist), ""
            if entry is not keeper:
                reason = _clash(kind, name, claimed)
            elif not NAME.fullmatch(name):
                reason = f"its name must {NAME_RULE}"
            if reason:
                problems.append(Problem(kind, name, origin, reason, name=name))
            else:
                found[name] = FoundEntry(entry, origin)
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
