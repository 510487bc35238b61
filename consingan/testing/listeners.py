"""The tests that every listener must pass."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from consingan.contract import check_listener
from consingan.core.hooks.listener import Listener
from consingan.modes.generation import Generation
from consingan.testing.trainings import Interrupt, loads_torch, train_tiny, weights
from consingan.testing.writes import outside, writes


class ListenerTests:
    """The tests of a listener. Subclass it as `TestSomething` and set `listener`.

    If the listener needs environment variables, set them in an autouse fixture of the subclass.
    """

    listener: ClassVar[type[Listener]]
    """The listener's class."""

    def test_it_loads(self) -> None:
        """It passes the checks that consingan does when it loads it."""
        check_listener(self.listener)

    def test_it_loads_without_torch(self) -> None:
        """`consingan --help` loads every listener, and loading torch takes a second."""
        assert not loads_torch(self.listener), "import torch inside the functions that use it"

    def test_training_is_the_same_with_it(self, tmp_path: Path) -> None:
        """No hook fails, weights are equal bit for bit, and only the run's folder is written to."""
        without = train_tiny(Generation, tmp_path / "without")
        with _no_warnings(), writes() as seen:
            run = train_tiny(Generation, tmp_path / "with", listeners=[self.listener()])
        assert weights(run) == weights(without)
        stray = outside(seen, tmp_path / "with")
        assert not stray, f"{stray} are outside of the run's folder"

    def test_it_hears_of_a_stop_without_failing(self, tmp_path: Path) -> None:
        """No hook fails when training is stopped early."""
        with _no_warnings(), pytest.raises(KeyboardInterrupt):
            train_tiny(Generation, tmp_path, listeners=[self.listener(), Interrupt()])


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Fails for any warning. A listener's failure is one even where warnings are errors."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
    assert not seen, "; ".join(str(warning.message) for warning in seen)
