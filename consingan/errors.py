"""Every error that consingan raises on purpose: one line that says what is wrong and what to do."""


class Note(UserWarning):
    """Something that a user should know and need not act on; shown, never raised."""


class Terminated(BaseException):
    """A signal asks the process to end; the command line raises it, and it is no error.

    It is no KeyboardInterrupt either, since Typer would take its exit code away.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.exit_code = 128 + signal


class ConsinganError(Exception):
    """The base of all errors that a user can do something about."""

    exit_code = 1


class OptionError(ConsinganError):
    """An option has a value that cannot be used.

    `option` is the field's name in Python (`train_stages`), or None when no single option is at
    fault; the command line shows it as a flag (`--train-stages`). `message` is without it.
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
    """A file of a run folder is missing, or is not what was written."""


class RunNotFoundError(RunError):
    """No run folder is at that path or under that name."""

    exit_code = 2


class ModeError(ConsinganError):
    """A mode's hook failed, or gave something that the engine cannot use."""


class PluginError(ConsinganError):
    """A plugin is broken, missing, or clashes with another."""
