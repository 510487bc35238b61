"""The base class of every listener that a package provides."""

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
    """A listener: a name, and the notifications that it hears.

    Subclass it, mark each hook with `@hookimpl`, and name the class under the entry-point group
    `consingan.listeners`. It is made without arguments, anew for each training that asks for it by
    name; what it must be told comes from environment variables, read in `__init__`: an error
    raised there stops the command before anything is trained or written.
    """

    name: ClassVar[str]
    """What `--listen` takes: lower-case letters, digits and dashes."""
    summary: ClassVar[str]
    """One line for the table of listeners."""
    hooks_version: ClassVar[int] = 1
    """The `consingan.HOOKS_VERSION` that it was written for."""
