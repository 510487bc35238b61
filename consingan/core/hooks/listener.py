"""The base class of listeners in plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from consingan.core.hooks.specs import ListenerHooks

    class _Signatures(ListenerHooks):
        """Lets mypy check a listener's hooks against their specifications."""

else:
    # At run time a listener must have only the hooks that it implements itself.
    class _Signatures:
        pass


class Listener(_Signatures):
    """A listener: it has a name, and hooks that are called during training.

    Subclass it, mark each hook with `@hookimpl`, and register the class under the entry-point group
    `consingan.listeners`. A new instance is made, without arguments, for each training that names
    it. Read settings from environment variables in `__init__`. An error raised there stops the
    command before anything is trained or written.
    """

    name: ClassVar[str]
    """The name for `--listen`: lower-case letters, digits and dashes."""
    summary: ClassVar[str]
    """One line for the table of listeners."""
    hooks_version: ClassVar[int] = 1
    """The `consingan.HOOKS_VERSION` that the listener was written for."""
