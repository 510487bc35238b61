"""The command line: a group of commands for each mode, and commands for all runs."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from consingan.commands.door import commands_of
from consingan.console import complain
from consingan.core.options.fields import flag
from consingan.errors import (
    ConsinganError,
    ModeError,
    Note,
    OptionError,
    Terminated,
    describe,
    message_of,
)
from consingan.loading import find_plugins
from consingan.plugins import Plugins


def main() -> None:
    """Run the command line, and exit with its exit code."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP; nohup's stays ignored
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)
    try:
        code = run(sys.argv[1:])
    except (KeyboardInterrupt, Terminated) as stopped:  # while an error was being printed
        if "--debug" in sys.argv:
            raise
        code = _report(stopped)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    The code is 0 for success, 2 for wrong usage, 1 for other errors, 130 after Ctrl-C and 143 after
    SIGTERM. An error is printed as one line on stderr. With `--debug`, anywhere in the arguments,
    it is raised instead.
    """
    # How long OpenMP threads spin while they wait: spinning long slows a busy machine, and not
    # spinning slows an idle one. GNU's OpenMP reads this when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    _mend_environment()
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    with warnings.catch_warnings():
        warnings.simplefilter("always", Note)
        warnings.showwarning = lambda message, kind, *_, **__: _show_warning(message, kind)
        try:
            app = build_app(find_plugins())
            return app(arguments, prog_name="consingan", standalone_mode=False) or 0
        except SystemExit:  # shell completion, or nobody reads the output any more
            raise
        except BaseException as error:
            if debug:
                raise
            return _report(error)


def build_app(plugins: Plugins) -> typer.Typer:
    """The command line with all commands, for the given plugins."""
    app = typer.Typer(
        cls=commands_of(plugins),
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "obj": plugins},
        help="Learn from one picture, then make new ones.",
    )

    @app.callback()
    def start(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_version)
        ] = False,
        debug: Annotated[
            bool, typer.Option("--debug", help="Show the traceback of an error.")
        ] = False,
    ) -> None:
        gc.enable()  # `__main__` turned it off while the command line was loaded
        for problem in plugins.problems:
            complain(f"warning: {problem}")

    return app


def _show_warning(message: Warning | str, kind: type[Warning]) -> None:
    complain(f"{'note' if issubclass(kind, Note) else 'warning'}: {message}")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"consingan {version('consingan')}")
        raise typer.Exit


def _mend_environment() -> None:
    """Make do with streams that cannot show a character, and with a terminal without columns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    for name in ("COLUMNS", "LINES"):
        if not os.environ.get(name, "1").strip("0"):
            del os.environ[name]


def _terminate(number: int, frame: object) -> None:
    raise Terminated(number)


def _report(error: BaseException) -> int:
    """Print an error as one line, and return the exit code."""
    if isinstance(error, Terminated):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()
        return 1
    if isinstance(error, typer.TyperException):
        message = " ".join(error.format_message().split()).replace(": Value error,", ":", 1)
        if message:  # it is empty if no arguments were given and the help was shown
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "consingan"
            complain(f"{message.rstrip('.')}; see: {command} --help")
        return error.exit_code
    if isinstance(error, ConsinganError):
        message = message_of(error)
        if isinstance(error, OptionError) and error.option:
            complain(f"{flag(error.option)}: {error.message}")
        elif isinstance(error, ModeError) and error.__cause__ is not None:
            complain(f"{message} (--debug shows where)")
        else:
            complain(message)
        return error.exit_code
    if isinstance(error, typer.Abort):
        return 1
    complain(f"{describe(error)} (unexpected; --debug shows where)")
    return 1
