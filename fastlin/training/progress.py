"""What a person sees of a running fit: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import math
import sys
from types import TracebackType
from typing import Any

from fastlin import _terminal
from fastlin.training.history import EpochRecord

# A fit of many short epochs tells of this many of them.
_LINES = 20


class Progress:
    """A `Reporter` that prints a line an epoch, at most about twenty, over a tqdm bar where stderr is a terminal.

    With `n_epochs` None it is told of full-batch steps, whose number nobody knows before: of the first ten, each tenth
    up to a hundred, each hundredth, and the last.
    """

    def __init__(self, n_epochs: int | None, rows_per_epoch: int) -> None:
        self._n_epochs = n_epochs
        self._n_told = 0
        self._unprinted: EpochRecord | None = None
        self._bar: Any = None
        if _terminal.has_bar():
            from tqdm import tqdm  # only here: it costs more than a small fit

            total = None if n_epochs is None else n_epochs * rows_per_epoch
            self._bar = tqdm(total=total, unit="row", unit_scale=True, leave=False, dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._unprinted is not None:
            self._print(self._unprinted)
        if self._bar is not None:
            self._bar.close()

    def rows_done(self, n_rows: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(n_rows)

    def epoch_done(self, record: EpochRecord) -> None:
        """Print the epoch's line, if it is its turn."""
        self._n_told += 1
        if self._n_epochs is None:
            turn = self._n_told % 10 ** (len(str(self._n_told)) - 1) == 0
        else:
            position = (record.epoch - 1) % self._n_epochs + 1
            turn = position == 1 or position == self._n_epochs or position % -(-self._n_epochs // _LINES) == 0
        self._unprinted = None if turn else record
        if turn:
            self._print(record)

    def _print(self, record: EpochRecord) -> None:
        held_out = ""
        if not math.isnan(record.validation_loss):
            held_out = f"held out {record.validation_loss:.4f} {record.validation_accuracy:.4f}  "
        width = len(str(self._n_epochs or 100))
        count, size = f"epoch {record.epoch:>{width}}", f"rate {record.rate:.2e}"
        if self._n_epochs is None:
            count, size = f"step {record.epoch:>{width}}", f"gradient {record.gradient_norm:.2e}"
        line = (
            f"{count}  loss {record.loss:.4f}  accuracy {record.accuracy:.4f}  {held_out}{size}  "
            f"{record.rows_per_second:,.0f} rows/s"
        )
        if self._bar is None:
            print(line, flush=True)
        else:
            self._bar.write(line, file=sys.stdout)
