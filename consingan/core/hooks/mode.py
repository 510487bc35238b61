"""The base class of modes, built-in or in plugins."""

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
    """A mode: it has a name, two option models, and the hooks that differ from the defaults.

    Subclass it as `Mode[MyTrainOptions, MyApplyOptions]`, mark each hook with `@hookimpl`, and
    register the class under the entry-point group `consingan.modes`.
    """

    name: ClassVar[str]
    """The name of the subcommand: lower-case letters, digits and dashes."""
    summary: ClassVar[str]
    """One line for the table of modes."""
    hooks_version: ClassVar[int] = 1
    """The `consingan.HOOKS_VERSION` that the mode was written for."""
    TrainOptions: ClassVar[type[TrainOptions]] = TrainOptions
    """The options of `train`."""
    ApplyOptions: ClassVar[type[Options]] = Options
    """The options of `apply`."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """The mode's own changes to each preset, on top of `consingan.PRESETS`."""
    padding_style: ClassVar[PaddingStyle] = "oversize"
    """How the generator pads.

    With `"oversize"`, noise extends beyond the border, so that borders vary as much as the middle.
    With `"zero"`, zeros are padded, so that what lies at the border stays there.
    """
    applies: ClassVar[tuple[str, ...]] = ()
    """Other modes whose runs its `apply` can make pictures from: those that train alike."""
    takes_naive: ClassVar[bool] = False
    """Whether training takes a naive picture, for previews and for fine-tuning."""
    repaints: ClassVar[bool] = False
    """Whether pictures are made from pictures, not from noise: `evaluate` then repaints the
    training inputs in place of samples that training never saw."""
