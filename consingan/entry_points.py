"""Entry points of installed packages, read without trust in what packages state."""

from __future__ import annotations

import os
import signal
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import FrameType
from typing import Any, Protocol

from pydantic import ValidationError

from consingan.core.runs.records import Plugin

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
LONGEST_SUMMARY = 200
"""The most characters of a package's summary."""


def plugins_disabled() -> bool:
    """Whether `DISABLE` is set, so that only the built-in plugins are loaded."""
    return is_set(DISABLE)


@contextmanager
def heeding_signals() -> Iterator[None]:
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


class Entries(Protocol):
    """Entry points: `EntryPoints`, or in Python 3.10 `SelectableGroups`."""

    def select(self, *, group: str) -> Iterable[EntryPoint]:
        """Those of a group."""


def installed_entries() -> Entries:
    """The entry points of all packages. To read them takes a while, so all groups share them."""
    return entry_points()


def entries_of(group: str, installed: Entries) -> Iterator[EntryPoint]:
    """The entry points of a group; only the built-in ones if plugins are disabled."""
    for entry in installed.select(group=group):
        if not plugins_disabled() or origin_of(entry.dist).package == BUILT_IN:
            yield entry


def is_set(variable: str) -> bool:
    """Whether an environment variable is set, and not to 0."""
    return os.environ.get(variable, "0") not in ("", "0")


def origin_of(distribution: object) -> Plugin:
    """The package of an entry point, as far as its metadata says. Never raises."""
    try:
        return _origin_of(distribution)
    except TypeError:  # it has no hash
        return _origin_of.__wrapped__(distribution)


@lru_cache(maxsize=512)  # each question for a name or a version reads all of the metadata
def _origin_of(distribution: object) -> Plugin:
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


def summary_of(distribution: Any) -> str:
    """A package's summary, or nothing. Never raises."""
    try:
        return str.strip(distribution.metadata["Summary"])[:LONGEST_SUMMARY]
    except BaseException:  # as in `_stated`
        return ""


def _is_word(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind[0] == "L" or kind in ("Mn", "Mc", "Nd")
