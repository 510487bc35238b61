"""consingan's exceptions. Their messages are one line: what is wrong, and what to do about it."""

LONGEST = 2000
"""The most characters of an exception's message that are shown."""


class Note(UserWarning):
    """A warning about something that users should know, but need no action for."""


class Terminated(BaseException):
    """Raised by the command line when a signal asks the process to end. It is not an error.

    It isn't a subclass of KeyboardInterrupt, since Typer would change its exit code.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.exit_code = 128 + signal


class ConsinganError(Exception):
    """The base class of all errors that users can fix."""

    exit_code = 1


class OptionError(ConsinganError):
    """An option has an invalid value.

    `option` is the option's name in Python (`train_stages`), which the command line shows as a flag
    (`--train-stages`). It is None if the error concerns no single option. `message` is the message
    without that name.
    """

    exit_code = 2

    def __init__(self, message: str, option: str | None = None) -> None:
        super().__init__(f"{option}: {message}" if option else message)
        self.message = message
        self.option = option


class PictureError(ConsinganError):
    """A picture file cannot be read, or its size cannot be trained on."""

    exit_code = 2


class RunError(ConsinganError):
    """A run folder is damaged, unfinished, or cannot be written."""


class DamagedError(RunError):
    """A file of a run folder is missing or damaged."""


class RunNotFoundError(RunError):
    """There is no run folder at that path or with that name."""

    exit_code = 2


class ModeError(ConsinganError):
    """There is no such mode, or its hook failed or returned an invalid result."""


class PluginError(ConsinganError):
    """A plugin is broken, missing, or has the same name as another."""


def message_of(error: BaseException) -> str:
    """An exception's message on one line. Never raises; empty if there is none."""
    try:
        text = " ".join(line.strip() for line in str.splitlines(str(error))).strip()
    except BaseException:  # `__str__` is a plugin's code, and may raise anything
        return ""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def describe(error: BaseException) -> str:
    """An exception's type and message on one line: `KeyError: 'a'`. Never raises."""
    name = " ".join(str.split(type.__dict__["__name__"].__get__(type(error))))
    text = message_of(error)
    return f"{name}: {text}" if text else name
