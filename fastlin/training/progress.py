"""What a person sees of a running fit: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import math
import sys
from types import TracebackType
from typing import Any

from fastlin.training.history import EpochRecord

# A fit of many short epochs tells of this many of them.
_LINES = 20


class Progress:
    """A `Reporter` that prints a line an epoch, at most about twenty, over a tqdm bar where stderr is a terminal."""

    def __init__(self, n_epochs: int, rows_per_epoch: int) -> None:
        self._n_epochs = n_epochs
        self._stride = -(-n_epochs // _LINES)
        self._bar: Any = None
        if sys.stderr.isatty():
            from tqdm import tqdm  # only here: it costs more than a small fit

            self._bar = tqdm(
                total=n_epochs * rows_per_epoch, unit="row", unit_scale=True, leave=False, dynamic_ncols=True
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def rows_done(self, n_rows: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(n_rows)

    def epoch_done(self, record: EpochRecord) -> None:
        """Print the epoch's line, if it is its turn."""
        position = (record.epoch - 1) % self._n_epochs + 1
        if position != 1 and position != self._n_epochs and position % self._stride:
            return
        held_out = ""
        if not math.isnan(record.validation_loss):
            held_out = f"held out {record.validation_loss:.4f} {record.validation_accuracy:.4f}  "
        line = (
            f"epoch {record.epoch:>{len(str(self._n_epochs))}}  loss {record.loss:.4f}  "
            f"accuracy {record.accuracy:.4f}  {held_out}rate {record.rate:.2e}  {record.rows_per_second:,.0f} rows/s"
        )
        if self._bar is None:
            print(line, flush=True)
        else:
            self._bar.write(line, file=sys.stdout)
