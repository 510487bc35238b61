"""The command line, as `python -m consingan`."""

from consingan.cli import main

main()
