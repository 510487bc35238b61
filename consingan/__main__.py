"""`python -m consingan` is the command line."""

from consingan.cli import main

main()
