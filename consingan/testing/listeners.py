"""What every listener must do: hear, and change nothing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import ClassVar

import pytest

from consingan.contract import check_listener
from consingan.core.hooks.listener import Listener
from consingan.modes.generation import Generation
from consingan.testing.trainings import Interrupt, loads_torch, train_tiny, weights
from consingan.testing.writes import outside, writes


class ListenerTests:
    """Subclass it as `TestSomething` and set `listener`; pytest runs the rest.

    A listener that needs environment variables gets them from an autouse fixture of the subclass.
    """

    listener: ClassVar[type[Listener]]
    """The listener's class."""

    def test_it_loads(self) -> None:
        """As `consingan` would load it: hooks and their version are sound."""
        check_listener(self.listener)

    def test_it_loads_without_torch(self) -> None:
        """`consingan --help` loads every listener, and torch alone takes a second."""
        assert not loads_torch(self.listener), "import torch inside the functions that use it"

    def test_training_is_the_same_with_it(self, tmp_path: Path) -> None:
        """It fails nowhere, weights are equal bit by bit, and only the run's folder is written."""
        without = train_tiny(Generation, tmp_path / "without")
        with warnings.catch_warnings(), writes() as seen:
            warnings.simplefilter("error")
            run = train_tiny(Generation, tmp_path / "with", listeners=[self.listener()])
        assert weights(run) == weights(without)
        stray = outside(seen, tmp_path / "with")
        assert not stray, f"{stray} are outside of the run's folder"

    def test_it_hears_of_a_stop_without_failing(self, tmp_path: Path) -> None:
        """A run that is stopped early is news as any other."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(KeyboardInterrupt):
                train_tiny(Generation, tmp_path, listeners=[self.listener(), Interrupt()])
