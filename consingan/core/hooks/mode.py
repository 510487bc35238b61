"""The base class of every mode, built-in or a stranger's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from consingan.core.hooks.specs import ApplyT, ModeHooks, TrainT
from consingan.core.options.fields import Options
from consingan.core.options.training import PaddingStyle, TrainOptions

if TYPE_CHECKING:

    class _Signatures(ModeHooks[TrainT, ApplyT]):
        """Lets mypy check a mode's hooks against their specifications."""

else:
    # At run time a mode must have only the hooks that it implements itself.
    class _Signatures(Generic[TrainT, ApplyT]):
        pass


class Mode(_Signatures[TrainT, ApplyT]):
    """A mode: a name, its two option models, and the hooks where it differs from the defaults.

    Subclass it as `Mode[MyTrainOptions, MyApplyOptions]`, mark each hook with `@hookimpl`, and
    name the class under the entry-point group `consingan.modes`.
    """

    name: ClassVar[str]
    """The subcommand: lower-case letters, digits and dashes."""
    summary: ClassVar[str]
    """One line for the table of modes."""
    hooks_version: ClassVar[int] = 1
    """The `consingan.HOOKS_VERSION` that it was written for."""
    TrainOptions: ClassVar[type[TrainOptions]] = TrainOptions
    ApplyOptions: ClassVar[type[Options]] = Options
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What the mode changes of each preset, on top of `consingan.PRESETS`."""
    padding_style: ClassVar[PaddingStyle] = "oversize"
    """How the generator treats borders.

    `"oversize"` lets noise reach past the border, so that borders vary as much as the rest.
    `"zero"` pads with zeros, so that borders stay where they are.
    """
    takes_naive: ClassVar[bool] = False
    """Whether training can show, and be fine-tuned on, a naive picture."""
