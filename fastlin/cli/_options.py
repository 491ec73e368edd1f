"""Options by the parameters they set, so that an error about a parameter can name what was typed."""

from __future__ import annotations

import argparse
import re
from typing import Any


class Parser(argparse.ArgumentParser):
    """A parser whose `dest` of an option is the name of the parameter that it sets.

    The parsed arguments hold the table from parameter to option, of the subcommand that was asked for, as `options`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._option_of: dict[str, str] = {}
        super().__init__(*args, **kwargs)
        self.set_defaults(options=self._option_of)

    def add_argument(self, *names: Any, parts: tuple[str, ...] = (), **kwargs: Any) -> argparse.Action:
        """Add an argument; `parts` are what errors call the numbers that stand within its value."""
        action = super().add_argument(*names, **kwargs)
        if action.option_strings:
            option = action.option_strings[-1]
            self._option_of |= {action.dest: option, **{part: f"{option}: {part}" for part in parts}}
        return action


def in_options(message: str, options: dict[str, str]) -> str:
    """The message of an error, with options for the parameters that it says something of.

    Errors begin with the parameter, ``max_iter is 0; wanted is ...``, and may go on with another: ``while solver is``.
    What they ask for may be ``a smaller eta0``, or a parameter's value as Python has it, ``eta0='auto'`` or
    ``shape=(32, 32, 3)``. Names elsewhere stay.
    """
    names = "|".join(map(re.escape, options))
    message = re.sub(rf"(^|(?<= while ))({names})(?= (is|holds) )", lambda found: options[found[2]], message)
    message = re.sub(rf"(?<=; wanted is a smaller )({names})\b", lambda found: options[found[1]], message)
    message = re.sub(rf"\b({names})='(\w+)'", lambda found: f"{options[found[1]]} {found[2]}", message)
    return re.sub(
        rf"\b({names})=\(([\d, ]+)\)", lambda found: f"{options[found[1]]} {found[2].replace(' ', '')}", message
    )
