"""Tests that every plugin must pass, to run with pytest. They need three lines in a test file.

    class TestMine(ModeTests):
        mode = Mine

They train on tiny pictures, so they take seconds. `ListenerTests` is the same for listeners. Use
`train_tiny` and `tiny_picture` for tests of your own.
"""

from consingan.testing.listeners import ListenerTests
from consingan.testing.modes import ModeTests
from consingan.testing.trainings import tiny_picture, train_tiny

__all__ = ["ListenerTests", "ModeTests", "tiny_picture", "train_tiny"]
