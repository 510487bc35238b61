"""Calling the hooks of one run's mode, the defaults and the listeners, by typed methods."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pluggy

from consingan.core.hooks.defaults import Defaults
from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import PROJECT, HookSpecs
from consingan.core.options.fields import Options
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.runs.records import MAX_STAGES
from consingan.errors import ConsinganError, ModeError, Terminated, describe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler

AnyMode = Mode[Any, Any]


class Hooks:
    """Calls the hooks of the active mode, with the defaults as fallback, and of the listeners.

    A mode's exception becomes a ModeError that names the mode and the hook. A listener's exception
    becomes a warning that names the listener and the hook. That listener is not called again.
    KeyboardInterrupt and Terminated alone are raised as they are.
    """

    def __init__(self, mode: AnyMode, listeners: Sequence[object] = ()) -> None:
        self.mode = mode
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(HookSpecs)
        manager.register(Defaults(), "defaults")
        manager.register(mode, f"mode {mode.name!r}")
        manager.check_pending()
        self._mode_hooks = manager.hook
        self._listeners = [mode, *listeners]
        self._managers = [_listener_manager(listener) for listener in listeners]
        self._managers.insert(0, _listener_manager(mode))
        self._silenced: set[int] = set()

    def stage_sizes(self, size: Size, options: TrainOptions) -> list[Size]:
        """See `ModeHooks.stage_sizes`. Raises ModeError if the sizes don't grow to `size`."""
        given = self._first("stage_sizes", size=size, options=options)
        try:
            sizes = [Size(*map(operator.index, stage)) for stage in given]
        except TypeError:
            kind = "a list of (height, width) in whole pixels"
            raise ModeError(f"{self._name} gave stage_sizes {given!r:.200}, not {kind}") from None
        if len(sizes) > MAX_STAGES:
            raise ModeError(f"{self._name} gave {len(sizes)} stages; {MAX_STAGES} are the most")
        grows = all(a.height <= b.height and a.width <= b.width for a, b in pairwise(sizes))
        if not sizes or sizes[-1] != size or not grows or min(sizes[0]) < 1:
            listed = ", ".join(map(str, sizes)) or "nothing"
            raise ModeError(f"{self._name} gave stage sizes that don't grow to {size}: {listed}")
        return sizes

    def known_pixels(self, size: Size, options: TrainOptions) -> Tensor | None:
        """See `ModeHooks.known_pixels`; the result is float32, or None if all pixels are known."""
        found = self._first("known_pixels", size=size, options=options)
        if found is None:
            return None
        known = self._shaped(found, (1, 1, *size), "known_pixels")
        return None if bool(known.all()) else (known != 0).float()

    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: TrainOptions,
        generator: torch.Generator,
        naive: Tensor | None = None,
    ) -> Tensor:
        """See `ModeHooks.training_input`."""
        given = {"pyramid": [*pyramid], "options": options, "generator": generator, "naive": naive}
        return self._like(pyramid[0], "training_input", given)

    def fixed_input(
        self, pyramid: Sequence[Tensor], options: TrainOptions, generator: torch.Generator
    ) -> Tensor:
        """See `ModeHooks.fixed_input`; the result is on the pyramid's device."""
        given = {"pyramid": [*pyramid], "options": options, "generator": generator}
        return self._like(pyramid[0], "fixed_input", given)

    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """See `ModeHooks.preview`; each picture is made when the iterator gets to it."""
        with self._mode_errors("preview"):
            pairs = iter(self._mode_hooks.preview(sampler=sampler))
        while True:
            with self._mode_errors("preview"):
                pair = next(pairs, pairs)
            if pair is pairs:  # they are all made
                return
            if not (isinstance(pair, tuple) and len(pair) == 2):
                kind = type(pair).__name__
                raise ModeError(f"{self._name} gave preview {kind}, not (caption, picture)")
            yield pair

    def apply(self, sampler: Sampler, options: Options, outputs: Outputs) -> None:
        """See `ModeHooks.apply`."""
        self._first("apply", sampler=sampler, options=options, outputs=outputs)

    def notify(self, hook: str, **arguments: object) -> None:
        """Call a hook of every listener. An error in one doesn't affect the others."""
        for index, manager in enumerate(self._managers):
            if index in self._silenced:
                continue
            try:
                getattr(manager.hook, hook)(**arguments)
            except (KeyboardInterrupt, Terminated):
                raise
            except BaseException as error:  # such as SystemExit
                self._silenced.add(index)
                name = type(self._listeners[index]).__name__
                reason = describe(error)
                _warn(f"listener {name} failed in {hook} and is not called again: {reason}")

    @property
    def _name(self) -> str:
        return f"mode {self.mode.name!r}"

    def _like(self, picture: Tensor, hook: str, given: dict[str, Any]) -> Tensor:
        pyramid = [*given["pyramid"]]
        versions = [level._version for level in pyramid]
        result = self._shaped(self._first(hook, **given), tuple(picture.shape), hook)
        if versions != [level._version for level in pyramid]:
            raise ModeError(f"{self._name} changed the pyramid in place in {hook}; clone it first")
        return result.to(picture.device)

    def _shaped(self, result: object, shape: tuple[int, ...], hook: str) -> Tensor:
        import torch

        if not isinstance(result, torch.Tensor):
            kind = type(result).__name__
            raise ModeError(f"{self._name} gave {hook} of type {kind}, not a tensor of {shape}")
        if tuple(result.shape) != shape:
            raise ModeError(f"{self._name} gave {hook} of shape {tuple(result.shape)}, not {shape}")
        kind = "meta" if result.is_meta else str(result.layout).removeprefix("torch.")
        kind = "complex" if result.is_complex() else kind
        if kind != "strided":
            raise ModeError(f"{self._name} gave {hook} as a {kind} tensor; give an ordinary one")
        result = result.detach().to(torch.float32)
        # Of training inputs the guard against divergence takes care, without waiting for a GPU.
        if hook != "training_input" and not result.isfinite().all():
            raise ModeError(f"{self._name} gave {hook} with values that are not numbers")
        return result

    def _first(self, hook: str, **arguments: object) -> Any:
        with self._mode_errors(hook):
            return getattr(self._mode_hooks, hook)(**arguments)

    @contextmanager
    def _mode_errors(self, hook: str) -> Iterator[None]:
        try:
            yield
        except (ConsinganError, OSError, MemoryError, KeyboardInterrupt, Terminated):
            raise
        except BaseException as error:  # such as SystemExit
            reason = describe(error)
            raise ModeError(f"{self._name} failed in its hook `{hook}`: {reason}") from error


def _warn(message: str) -> None:
    """Warn, even where warnings are errors. A stderr that is closed or full is no error."""
    with suppress(OSError, ValueError), warnings.catch_warnings():
        try:
            warnings.warn(message, RuntimeWarning, stacklevel=3)
        except RuntimeWarning:
            warnings.simplefilter("always")
            warnings.warn(message, RuntimeWarning, stacklevel=3)


def _listener_manager(listener: object) -> pluggy.PluginManager:
    # Each listener has its own manager, so that none can break another or depend on its order.
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    manager.register(listener)
    return manager
