"""A conformance suite for plugins, to run with pytest; three lines in a test file.

    class TestMine(ModeTests):
        mode = Mine

It trains tiny pictures, so it takes seconds. `ListenerTests` is the same for a listener.
"""

from consingan.testing.listeners import ListenerTests
from consingan.testing.modes import ModeTests

__all__ = ["ListenerTests", "ModeTests"]
