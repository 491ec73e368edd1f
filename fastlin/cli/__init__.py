"""The command `fastlin`: one module a subcommand, each with `add_to(commands)`; `main` runs the one asked for.

Exit codes: 0 done, 1 the fit diverged or a check failed, 2 the command or its input was wrong,
130 interrupted by Ctrl-C, 141 the reader of the output has gone (128 and the signal's number, as shells count).
"""

from fastlin.cli._main import main

__all__ = ["main"]
