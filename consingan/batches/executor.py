"""The hook for whoever does the jobs: processes here, or a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from consingan.batches.jobs import Job
from consingan.batches.work import Outcome
from consingan.entry_points import heeding_signals
from consingan.errors import OptionError, PluginError, describe, message_of
from consingan.plugins import Plugins, Problem

LOCAL = "local"
"""The executor by default."""


@dataclass(frozen=True)
class Resources:
    """What the user gives an executor."""

    at_once: int | None = None
    """How many trainings run at once; None leaves it to the executor."""
    threads: int | None = None
    """The CPU threads of each; None leaves it to the executor."""
    gpus: float = 0.0
    """The share of a GPU that each takes: 0.25 puts four on one. At 0 an executor gives none."""
    address: str | None = None
    """Where the executor's cluster is, or the name of what part of it to use."""


class Executor(ABC):
    """Does jobs. A plugin subclasses it and names it as an entry point of `consingan.executors`.

    It is made with the `Resources`. Jobs and outcomes are plain data: send
    `dataclasses.asdict(job)` to `consingan.do_job` wherever the job's folders are seen, and get an
    outcome's fields back.
    """

    summary: ClassVar[str] = ""
    """What it is, on one line."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    @abstractmethod
    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Do all jobs, in any order: for each at most one outcome `running`, and then the last one.

        A job whose process or machine dies may be given to `do_job` again: it goes on from its last
        checkpoint. When the iterator is closed, nothing of it may go on training.
        """


def find_executor(plugins: Plugins, name: str) -> type[Executor]:
    """An executor by its name. Raises OptionError if there is none, PluginError if it is broken."""
    if name not in plugins.executors:
        if problem := plugins.broken("executor", name):
            raise PluginError(str(problem))
        known = ", ".join(plugins.executors)
        raise OptionError(f"no executor is called {name!r}; there are: {known}", "on")
    try:
        with heeding_signals():
            found = plugins.executors[name].load()
    except BaseException as error:  # importing a module may raise anything
        reason = message_of(error) if isinstance(error, PluginError) else describe(error)
        raise PluginError(str(plugins.refuse("executor", name, reason))) from error
    if not (isinstance(found, type) and issubclass(found, Executor)):
        reason = f"{found!r} is no subclass of consingan.Executor"
        raise PluginError(str(plugins.refuse("executor", name, reason)))
    return found


def check_executors(plugins: Plugins) -> list[Problem]:
    """Load all executors, and return the new problems: of those that cannot be loaded.

    Raises PluginError for the first one if `STRICT` is set.
    """
    known = len(plugins.problems)
    for name in list(plugins.executors):
        with suppress(PluginError):
            find_executor(plugins, name)
    plugins.insist()
    return plugins.problems[known:]
