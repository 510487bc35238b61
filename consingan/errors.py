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
    """An exception's message, or its type if there is none. Never raises."""
    try:
        text = str.__str__(str(error))
    except BaseException:  # `__str__` is a plugin's code, and may raise anything
        text = ""
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return shown if shown.strip() else _type_of(error)


def describe(error: BaseException) -> str:
    """An exception's type and message on one line: `KeyError: 'a'`. Never raises."""
    name, lines = _type_of(error), message_of(error).splitlines()
    text = " ".join(line.strip() for line in lines if line.strip())
    return name if text == name else f"{name}: {text}"


def _type_of(error: BaseException) -> str:
    name = type.__dict__["__name__"].__get__(type(error))  # a metaclass may have its own
    return " ".join(str.split(name))
