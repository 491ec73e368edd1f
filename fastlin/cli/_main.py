"""Which subcommands there are, and how any of them ends."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from fastlin._version import __version__
from fastlin.cli import bench, check, info, plot, predict, report, train
from fastlin.cli._input import InputError
from fastlin.cli._options import Parser, in_options

_COMMANDS = (train, predict, check, plot, report, bench, info)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default those of the process; return its exit code."""
    if sys.stderr is None:
        # Closed by who called, as `2>&-` does: print would take None for stdout, where the labels go.
        sys.stderr = io.StringIO()
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except BrokenPipeError:
        # The reader of our output has gone, as `fastlin predict ... | head` does: nothing to say, nothing to flush to.
        # Yet not 0: what was to follow, such as saving the model, was not done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("fastlin: interrupted", file=sys.stderr)
        return 130
    except OSError as error:
        named = error.filename is not None
        print(f"fastlin: {error.filename!r}: {error.strerror}" if named else f"fastlin: {error}", file=sys.stderr)
        return 2
    except UnicodeEncodeError as error:
        text = ascii(error.object[error.start : error.end])
        print(
            f"fastlin: the output's encoding, {error.encoding}, has no {text}; wanted is one that has, for example by "
            "PYTHONIOENCODING=utf-8",
            file=sys.stderr,
        )
        return 2
    except (InputError, ImportError, ValueError, TypeError, MemoryError, ArithmeticError) as error:
        # An ImportError names the extra that is not there.
        from fastlin.training import DivergenceError

        message = in_options(str(error), arguments.options) or type(error).__name__
        print(f"fastlin: {message}", file=sys.stderr)
        return 1 if isinstance(error, DivergenceError) else 2


def _parser() -> Parser:
    parser = Parser(prog="fastlin", description="Linear classifiers on images and other dense rows, fast.")
    parser.add_argument("--version", action="version", version=f"fastlin {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser
