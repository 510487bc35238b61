"""A conformance suite for plugins, to run with pytest; three lines in a test file.

    class TestMine(ModeTests):
        mode = Mine

It trains tiny pictures, so it takes seconds. `ListenerTests` is the same for a listener;
`train_tiny` and `tiny_picture` serve tests of your own.
"""

from consingan.testing.listeners import ListenerTests
from consingan.testing.modes import ModeTests
from consingan.testing.trainings import tiny_picture, train_tiny

__all__ = ["ListenerTests", "ModeTests", "tiny_picture", "train_tiny"]
