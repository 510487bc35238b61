"""Checks of plugins when they are loaded, so that mistakes are found before anything runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain
from typing import get_args

import pluggy
from pydantic import ValidationError

from consingan.core.hooks import specs
from consingan.core.hooks.dispatch import AnyMode
from consingan.core.hooks.listener import Listener
from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import PROJECT, HookSpecs, ListenerHooks, ModeHooks
from consingan.core.options.fields import Options
from consingan.core.options.presets import PRESETS, preset_values
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.errors import PluginError
from consingan.option_types import RESERVED_NAMES, check_showable

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""The pattern of the names of modes and listeners."""
NAME_RULE = "begin with a lower-case letter and use lower-case letters, digits, single dashes"
"""The pattern in words, for messages."""
LISTENER_HOOKS = frozenset(name for name in vars(ListenerHooks) if not name.startswith("_"))
ALL_HOOKS = LISTENER_HOOKS | {name for name in vars(ModeHooks) if not name.startswith("_")}


COMMANDS: Mapping[str, Sequence[str]] = {
    "Runs": (
        "resume",
        "refine",
        "show",
        "list",
        "compare",
        "remove",
        "import",
        "evaluate",
        "batch",
    ),
    "Naive pictures": ("mask", "paste"),
    "Installed": ("modes", "plugins", "new-plugin", "examples"),
}
"""The built-in commands, in the order and under the titles of the help."""


def make_mode(candidate: object) -> AnyMode:
    """The mode of what an entry point names, unchecked. Raises PluginError if it is no mode."""
    if isinstance(candidate, type) and issubclass(candidate, Mode):
        candidate = candidate()
    if not isinstance(candidate, Mode):
        raise PluginError(f"{candidate!r} is not a subclass of consingan.Mode")
    return candidate


def check_mode(candidate: object) -> AnyMode:
    """Check what an entry point names, and return it as a mode. Raises PluginError."""
    candidate = make_mode(candidate)
    _check_attributes(candidate, "mode")
    if candidate.name in chain(*COMMANDS.values()):
        raise PluginError(f"package consingan has a command {candidate.name!r}; name it otherwise")
    for attribute, base in (("TrainOptions", TrainOptions), ("ApplyOptions", Options)):
        model = getattr(candidate, attribute)
        if not (isinstance(model, type) and issubclass(model, base)):
            raise PluginError(f"`{attribute}` is not a subclass of consingan.{base.__name__}")
    hooks = check_hooks(candidate)
    if candidate.padding_style not in get_args(PaddingStyle):
        known = " or ".join(map(repr, get_args(PaddingStyle)))
        raise PluginError(f"`padding_style` is {candidate.padding_style!r}, not {known}")
    if not isinstance(candidate.applies, tuple):
        raise PluginError(f"`applies` is {candidate.applies!r}, not a tuple of modes' names")
    if "apply" not in hooks:
        raise PluginError("it has no `apply` hook: a mode must make something")
    check_showable(candidate.TrainOptions, RESERVED_NAMES["train"])
    check_showable(candidate.ApplyOptions, RESERVED_NAMES["apply"])
    _check_defaults(candidate)
    return candidate


def check_listener(candidate: object) -> type[Listener]:
    """Check what an entry point names, and return it as a listener's class. Raises PluginError.

    No instance is made, since that may need settings which only its users have set.
    """
    if not (isinstance(candidate, type) and issubclass(candidate, Listener)):
        raise PluginError(f"{candidate!r} is not a subclass of consingan.Listener")
    _check_attributes(candidate, "listener")
    hooks = check_hooks(candidate, LISTENER_HOOKS)
    if mode_hooks := hooks - LISTENER_HOOKS:
        raise PluginError(f"`{min(mode_hooks)}` is for modes: it is never called on a listener")
    if not hooks:
        raise PluginError("it has no hook: a listener must have at least one")
    needed = [
        parameter.name
        for parameter in inspect.signature(candidate).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        raise PluginError(f"a listener is made without arguments, but `{needed[0]}` is needed")
    return candidate


def check_hooks(plugin: object, called: Collection[str] = ALL_HOOKS) -> set[str]:
    """The names of the hooks that an object or a class implements.

    Raises PluginError for misspelt hooks, wrong arguments, and hooks in `called` without the
    `@hookimpl` marker.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    own = plugin if isinstance(plugin, type) else type(plugin)
    # Check the usual mistakes first, since pluggy's messages don't say how to fix them.
    for name in dir(own):
        marker = manager.parse_hookimpl_opts(own, name)
        if marker is not None and not marker["optionalhook"]:
            _check_hook(manager, marker["specname"] or name, getattr(own, name))
    try:
        manager.register(plugin, own.__name__)
    except pluggy.PluginValidationError as error:
        raise PluginError(" ".join(str(error).split())) from None
    marked = {caller.name for caller in manager.get_hookcallers(plugin) or []}
    for name, member in inspect.getmembers(own, callable):
        if name in called and name not in marked and member.__module__ != Mode.__module__:
            raise PluginError(f"`{name}` lacks its @hookimpl marker and would never be called")
    return marked


def _check_hook(manager: pluggy.PluginManager, name: str, hook: Callable[..., object]) -> None:
    caller = getattr(manager.hook, name, None)
    if caller is None or caller.spec is None:
        if hasattr(Mode, name):
            raise PluginError(f"`{name}` is an attribute of the class, not a hook")
        near = get_close_matches(name, ALL_HOOKS, 1)
        hint = (
            f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(sorted(ALL_HOOKS))}"
        )
        raise PluginError(f"there is no hook `{name}`; {hint}")
    known = caller.spec.argnames
    for argument, parameter in inspect.signature(hook).parameters.items():
        needed = (
            parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        )
        if needed and argument not in ("self", *known):
            given = ", ".join(known)
            raise PluginError(f"hook `{name}` has no argument `{argument}`; it has: {given}")


def _check_defaults(mode: AnyMode) -> None:
    """Raise PluginError if a default or a preset of a mode is invalid for its options."""
    for name in mode.presets:
        if name not in PRESETS:
            raise PluginError(f"`presets` has {name!r}; there are: {', '.join(PRESETS)}")
    for name in PRESETS:
        _check_values(mode.TrainOptions, preset_values(name, mode.presets), f"preset {name!r}")
    _check_values(mode.ApplyOptions, {}, "its own default")


def _check_values(model: type[Options], values: Mapping[str, object], source: str) -> None:
    given = {name: f.default for name, f in model.model_fields.items() if not f.is_required()}
    given.update(values)
    try:
        model.model_validate(given)
    except ValidationError as error:
        for wrong in error.errors():
            # Errors of required options are skipped: only the user can give these.
            if wrong["loc"] and (field := str(wrong["loc"][0])) in given:
                reason = "there is no such option"
                if wrong["type"] != "extra_forbidden":
                    reason = wrong["msg"][0].lower() + wrong["msg"][1:]
                raise PluginError(f"{field!r} of {model.__name__} by {source}: {reason}") from None


def missed_changes(plugin: AnyMode | type[Listener]) -> list[str]:
    """The changes of the hooks since the version that a plugin was written for, one line each."""
    first = plugin.hooks_version + 1
    return [specs.CHANGES[n] for n in range(first, specs.HOOKS_VERSION + 1)]


def _check_attributes(plugin: AnyMode | type[Listener], kind: str) -> None:
    for attribute in ("name", "summary"):
        if not isinstance(getattr(plugin, attribute, None), str):
            owner = plugin if isinstance(plugin, type) else type(plugin)
            raise PluginError(f"{owner.__name__} has no `{attribute}`")
    if not NAME.fullmatch(plugin.name):
        raise PluginError(f"{plugin.name!r} is no {kind} name; {NAME_RULE}")
    stated, known = plugin.hooks_version, specs.HOOKS_VERSION
    if type(stated) is not int or stated < 1:
        raise PluginError(f"`hooks_version` is {stated!r}; it is a whole number from 1 on")
    if stated > known:
        raise PluginError(
            f"it was written for version {stated} of the hooks and this consingan has version "
            f"{known}; upgrade with: pip install --upgrade consingan"
        )
