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
        Running mean of the objective over the epoch's batches, each before its update; the penalty included.
    penalty : float
        The penalty's part, at the end of the epoch.
    accuracy : float
        Share of the training rows classified rightly, each before the update its batch brought.
    rate : float
        Learning rate of the epoch's first step.
    seconds : float
        Wall time of the epoch.
    rows_per_second : float
        Rows trained on, by that time.
    """

    epoch: int
    loss: float
    penalty: float
    accuracy: float
    rate: float
    seconds: float
    rows_per_second: float


class History(Mapping[str, np.ndarray]):
    """The records of a fit as columns: ``history["loss"]`` is an array with an entry an epoch.

    Examples
    --------
    >>> history = History()
    >>> history.append(EpochRecord(1, 2.0, 0.0, 0.5, 0.1, 0.25, 4000.0))
    >>> history["accuracy"]
    array([0.5])
    >>> history.n_epochs
    1
    """

    def __init__(self, records: list[EpochRecord] | None = None) -> None:
        self._records = list(records or [])

    @classmethod
    def from_columns(cls, columns: Mapping[str, np.ndarray]) -> History:
        """The history whose columns these are, as a saved model holds them."""
        rows = zip(*(np.asarray(columns[name]).tolist() for name in EpochRecord._fields), strict=True)
        return cls([EpochRecord(*row) for row in rows])

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
