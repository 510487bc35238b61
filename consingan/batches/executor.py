"""The hook for whoever does the jobs: processes here, or a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from consingan.batches.jobs import Job
from consingan.batches.work import Outcome
from consingan.entry_points import entries_of
from consingan.errors import ConsinganError, OptionError, PluginError, describe

EXECUTORS = "consingan.executors"
"""The entry-point group: the option `--on` names an entry."""
LOCAL = "local"


@dataclass(frozen=True)
class Resources:
    """What the user gives an executor."""

    at_once: int | None = None
    """How many trainings run at once; None leaves it to the executor."""
    threads: int = 1
    """The CPU threads of each."""


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


def find_executor(name: str) -> type[Executor]:
    """An executor by its name. Raises OptionError if there is none, PluginError if it is broken."""
    entries = {entry.name: entry for entry in entries_of(EXECUTORS)}
    if name not in entries:
        raise OptionError(
            f"no executor is called {name!r}; there are: {', '.join(sorted(entries))}",
            "on",
        )
    try:
        found = entries[name].load()
    except ConsinganError:
        raise
    except Exception as error:
        raise PluginError(f"executor {name!r} cannot be loaded: {describe(error)}") from error
    if not (isinstance(found, type) and issubclass(found, Executor)):
        raise PluginError(f"executor {name!r}: {found!r} is no subclass of consingan.Executor")
    return found
