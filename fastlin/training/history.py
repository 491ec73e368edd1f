"""What a fit recorded, an entry an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np


class EpochRecord(NamedTuple):
    """One epoch of a fit.

    Attributes
    ----------
    epoch : int
        From 1.
    loss : float
        Running mean of the objective over the epoch's batches, each before its update; the penalty included. Of a
        full-batch step: the objective after it, with the hinge rounded off as far as it is by then.
    penalty : float
        The penalty's part, at the end of the epoch.
    accuracy : float
        Share of the training rows classified rightly, each before the update its batch brought. Of a full-batch step:
        after it, of 4096 evenly spaced rows at most.
    validation_loss : float
        Objective of the held-out rows at the end of the epoch, the penalty included; NaN without such rows.
    validation_accuracy : float
        Share of them classified rightly.
    rate : float
        Learning rate of the epoch's first step; NaN of a full-batch step, which has none.
    gradient_norm : float
        Norm of the gradient by weights and biases that the epoch's last step was taken with: of the objective on its
        batch, the l1 penalty's part left out, in the coordinates of the training.
    update_ratio : float
        Norm of what the last step moved weights and biases by, over their norm before it; NaN from all-zero ones.
    seconds : float
        Wall time of the epoch.
    rows_per_second : float
        Rows trained on, by that time.
    """

    epoch: int
    loss: float
    penalty: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    rate: float
    gradient_norm: float
    update_ratio: float
    seconds: float
    rows_per_second: float


class History(Mapping[str, np.ndarray]):
    """The records of a fit as columns: ``history["loss"]`` is an array with an entry an epoch.

    Examples
    --------
    >>> history = History()
    >>> nan = float("nan")
    >>> history.append(EpochRecord(1, 2.0, 0.0, 0.5, nan, nan, 0.1, 1.5, 0.01, 0.25, 4000.0))
    >>> history["accuracy"]
    array([0.5])
    >>> history.n_epochs
    1
    """

    def __init__(self, records: list[EpochRecord] | None = None) -> None:
        self._records = list(records or [])

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> History:
        """The history whose columns these are, as a saved model holds them; NaN for a column that is not there."""
        if any(np.ndim(column) != 1 for column in columns.values()):
            raise ValueError("a column of the history is none; wanted is one number an epoch")
        missing = np.full(len(columns["epoch"]), np.nan)
        rows = zip(*(np.asarray(columns.get(name, missing)).tolist() for name in EpochRecord._fields), strict=True)
        return cls([EpochRecord(*row) for row in rows])

    def replace(self, other: History) -> None:
        """Hold the records of `other` from now on."""
        self._records = list(other._records)

    def copy(self) -> History:
        """A history of its own with the same records."""
        return History(self._records)

    def append(self, record: EpochRecord) -> None:
        """Add the record of one more epoch."""
        self._records.append(record)

    @property
    def n_epochs(self) -> int:
        """How many epochs were finished."""
        return len(self._records)

    @property
    def last(self) -> EpochRecord:
        """The record of the last epoch."""
        return self._records[-1]

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in EpochRecord._fields:
            raise KeyError(f"{name!r}; a history holds {', '.join(EpochRecord._fields)}")
        return np.array([getattr(record, name) for record in self._records], dtype=int if name == "epoch" else float)

    def __iter__(self) -> Iterator[str]:
        return iter(EpochRecord._fields)

    def __len__(self) -> int:
        return len(EpochRecord._fields)

    def __repr__(self) -> str:
        if not self._records:
            return "<History of 0 epochs>"
        last = self.last
        return f"<History of {self.n_epochs} epochs: loss {last.loss:.4g}, accuracy {last.accuracy:.4g} in the last>"
