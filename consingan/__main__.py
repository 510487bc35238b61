"""consingan, and `python -m consingan`: loads the command line, and ends without a traceback."""

import gc
import os
import signal
import sys


def main() -> None:
    """Run the command line, which Ctrl-C ends at any time, also while it is loaded."""
    for number in range(3):  # a file that took a closed stream's number would get its text
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    gc.disable()  # what is loaded stays: to look for garbage takes a fifth of `--help`
    code: int | str | None = 130
    try:
        from consingan.cli import main

        main()
    except KeyboardInterrupt:
        if "--debug" in sys.argv:
            raise
    except SystemExit as end:
        code = end.code
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one, while threads end
    sys.exit(code)


if __name__ == "__main__":
    main()
