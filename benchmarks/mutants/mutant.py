"""What a mutant is."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A mistake in the package's source, and the test that notices it."""

    name: str
    file: str
    """Where it is, below `consingan/`."""
    old: str
    new: str
    why: str
    """What it would do to a training, in few words."""
    test: str
    """The test that fails with it, as pytest names it, below `tests/`."""

    def applied(self, source: str) -> str:
        """The file's text with the mistake. Raises ValueError if `old` is not in it just once."""
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.name}: {self.old!r} is {count} times in {self.file}")
        return source.replace(self.old, self.new)
