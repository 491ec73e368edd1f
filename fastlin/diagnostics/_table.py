"""Tables of words and numbers, as plain text and as HTML: what every report here prints itself with."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

# Colours that read on a light and on a dark page, and never the only sign: the words say the same.
_COLOURS = {"good": "#2e9e5b", "bad": "#d64545", "note": "#b8860b"}


class Table(NamedTuple):
    """A caption, a header, lines of cells as text, and for each line what it is: "good", "bad", "note" or ""."""

    caption: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    marks: Sequence[str] = ()

    def text(self) -> str:
        """Columns aligned by spaces; the first one to the left, numbers to the right."""
        rows = [list(self.header), *map(list, self.lines)]
        columns = list(zip(*rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        to_right = [k > 0 and all(_is_number(cell) for cell in column[1:]) for k, column in enumerate(columns)]
        laid = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, widths, to_right, strict=True)
            ).rstrip()
            for row in rows
        ]
        return "\n".join([self.caption, laid[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *laid[1:]])

    def html(self) -> str:
        """The same as a ``<table>``, without scripts or style sheets."""
        marks = list(self.marks) or [""] * len(self.lines)
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.header)
        body = []
        for line, mark in zip(self.lines, marks, strict=True):
            style = f' style="color: {_COLOURS[mark]}"' if mark else ""
            body.append(f"<tr{style}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>")
        caption = f'<caption style="text-align: left">{html.escape(self.caption)}</caption>'
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def number(value: float, digits: int = 4) -> str:
    """A number in `digits` significant digits, short."""
    return f"{value:.{digits}g}"


def fixed(value: float, digits: int = 4) -> str:
    """A number with so many decimals, or in powers of ten where it is too large for that to be read."""
    return f"{value:.{digits}f}" if abs(value) < 1e6 else f"{value:.{digits}g}"


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip("%"))
    except ValueError:
        return text == ""
    return True
