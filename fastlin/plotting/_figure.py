"""Figures that no window belongs to, and what goes onto them the same way everywhere.

A figure is made without pyplot: no backend is chosen, nothing is registered, no setting of matplotlib is changed, and
nothing has to be closed.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastlin._files import as_path, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours (2008), which people with any kind of colour vision tell apart; the yellow last.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#f0e442")
# Zero is white, against is red, for is blue: no red beside green.
DIVERGING = "RdBu"
SUFFIXES = (".png", ".svg", ".pdf")

_LONGEST_NAME = 24


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures want matplotlib; it comes with: pip install 'fastlin[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def on_axes(ax: Any, width: float, height: float) -> tuple[Any, Axes]:
    """The figure and the axes to draw on: those given, or new ones."""
    if ax is None:
        figure = new_figure(width, height)
        return figure, figure.add_subplot()
    if not hasattr(ax, "get_figure") or not hasattr(ax, "imshow"):
        raise TypeError(f"ax is {type(ax).__name__}; wanted is matplotlib axes, or None for a new figure")
    return ax.get_figure(), ax


def panels(figure: Any, rows: int, columns: int, width: float, height: float) -> tuple[Any, list[Axes]]:
    """`figure`, or a new one, with rows x columns axes, a panel being so many inches."""
    if figure is None:
        figure = new_figure(columns * width, rows * height)
    elif not hasattr(figure, "subplots") or not hasattr(figure, "add_subplot"):
        raise TypeError(f"figure is {type(figure).__name__}; wanted is a matplotlib figure or subfigure, or None")
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def show_image(ax: Axes, pixels: np.ndarray) -> None:
    """One image of uint8, grey or RGB, without ticks."""
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])


def name_text(name: Any) -> str:
    """A class's name as it is drawn: on one line, not too long. matplotlib's formulas are to be off: `parse_math`."""
    text = re.sub(r"\s+", " ", str(name)).strip()
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    if len(text) <= _LONGEST_NAME:
        return text
    # Names that are long are often alike but for their ends.
    tail = _LONGEST_NAME // 2 - 2
    return f"{text[: _LONGEST_NAME - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{text[-tail:]}"


def legend(ax: Any, **options: Any) -> None:
    """A legend whose texts are taken as they are."""
    for text in ax.legend(frameon=False, **options).get_texts():
        text.set_parse_math(False)


def png_of(figure: Any, dpi: int = 160) -> bytes:
    """The figure as the bytes of a PNG file, without a word on what wrote it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def picture_format(path: str | os.PathLike[str]) -> str:
    """What kind of file the name asks for: "png", "svg" or "pdf"."""
    suffix = Path(as_path(path)).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{os.fspath(path)!r} ends with {suffix!r}; wanted is a name in {', '.join(SUFFIXES)}")
    return suffix[1:]


def save_figure(figure: Any, path: str | os.PathLike[str], dpi: int = 160) -> None:
    """Write a figure to `path`, atomically, as a PNG, SVG or PDF file by its name; the same figure, the same file."""
    kind = picture_format(path)
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    write_atomically(path, lambda file: figure.savefig(file, format=kind, dpi=dpi, metadata=metadata))
