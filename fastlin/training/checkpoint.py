"""A fit on disk: all that it needs to go on as if nothing had happened, in an uncompressed .npz.

Members are arrays, and one string "header" of JSON: plain facts, nothing pickled. The weights are those of the
training's own coordinates, so that not a bit changes on the way, and the random numbers' state is there too. Of what
the fit was started with there is a fingerprint, and a fit that was started otherwise is refused.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastlin import _arrays, _npz
from fastlin._files import check_writable, read_whole, write_atomically

FORMAT = "fastlin-checkpoint"
VERSION = 2

# Of the members' dtypes: integers, floats, and the header's string.
_KINDS = "ifU"

# Rows looked at for the fingerprint of X: enough to tell other data, few enough to cost nothing.
_SAMPLE_ROWS = 256


class CheckpointError(ValueError):
    """A file is no checkpoint, or that of another fit."""


@dataclass(frozen=True)
class Checkpoint:
    """Where and when a fit is saved, and resumed from.

    If there is a file at `path` the fit goes on from it; its end is saved too, so that the same fit once more returns
    at once with the same weights. Delete the file to start anew.

    Attributes
    ----------
    path : str or path
        Of the file, which is written atomically.
    every_epochs : int
        Save after so many epochs.
    every_seconds : float or None
        And when so many seconds have passed, within an epoch too.
    seed : int or None
        The seed of the fit, if it has one: another one is another fit.
    """

    path: str | os.PathLike[str]
    every_epochs: int = 1
    every_seconds: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _arrays.as_count(self.every_epochs, "checkpoint_every")
        if self.every_seconds is not None:
            _arrays.as_positive(self.every_seconds, "every_seconds")


class Saver:
    """Saves one fit, and finds what was saved of it.

    Parameters
    ----------
    checkpoint : Checkpoint
    fingerprint : mapping
        What the fit was started with: names and numbers or words.

    Raises
    ------
    OSError
        When the file cannot be written, before anything is computed.
    """

    def __init__(self, checkpoint: Checkpoint, fingerprint: Mapping[str, Any]) -> None:
        check_writable(checkpoint.path)
        self._checkpoint = checkpoint
        self._fingerprint = {name: _plain(value) for name, value in {**fingerprint, "seed": checkpoint.seed}.items()}
        self._saved_at = time.monotonic()

    def due(self, epoch: int | None = None) -> bool:
        """Whether it is time to save, after epoch number `epoch` or within one."""
        if epoch is not None and epoch % self._checkpoint.every_epochs == 0:
            return True
        seconds = self._checkpoint.every_seconds
        return seconds is not None and time.monotonic() - self._saved_at >= seconds

    def save(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Write the fit as it is."""
        text = json.dumps({"format": FORMAT, "version": VERSION, "fingerprint": self._fingerprint, **header})
        members = {"header": np.array(text), **arrays}
        write_atomically(self._checkpoint.path, lambda file: _npz.write(file, members))
        self._saved_at = time.monotonic()

    def load(self, take: Callable[[dict[str, Any], dict[str, np.ndarray]], None]) -> bool:
        """Let `take` have the header and the arrays of the fit as it was saved; whether there were any.

        Raises
        ------
        CheckpointError
            When the file is no checkpoint, is damaged, or is that of another fit.
        """
        path = os.fspath(self._checkpoint.path)
        if not os.path.exists(path):
            return False
        content = read_whole(path)
        try:
            arrays = _npz.parse(content, _KINDS)
            header = json.loads(arrays.pop("header").item())
            if header["format"] != FORMAT or header["version"] != VERSION:
                raise ValueError(f"its format is {header['format']!r}, version {header['version']!r}")
            saved = header["fingerprint"]
            differing = [name for name in self._fingerprint if saved[name] != self._fingerprint[name]]
            if differing:
                name = differing[0]
                raise CheckpointError(
                    f"{path!r} is a checkpoint of another fit: its {name} is {saved[name]!r}, this one's "
                    f"{self._fingerprint[name]!r}; wanted is the same fit, another file, or none there to start anew"
                )
            take(header, arrays)
        except CheckpointError:
            raise
        # What reads arbitrary bytes fails in a dozen ways, from BadZipFile to RecursionError; all mean the same here.
        except Exception as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise CheckpointError(f"{path!r} is not a checkpoint, or is damaged: {why}") from error
        return True

    @staticmethod
    def array_like(example: np.ndarray, array: np.ndarray) -> np.ndarray:
        """`array`, which must be of the shape and type of the example, and finite."""
        if array.shape != example.shape or array.dtype != example.dtype or not np.isfinite(array).all():
            raise ValueError(
                f"an array is {array.dtype} of shape {array.shape}; wanted is finite {example.dtype} of {example.shape}"
            )
        return array

    @staticmethod
    def plain_like(example: Any, value: Any, name: str) -> Any:
        """`value`, which must be a count, a number, or a word or None, as the example is."""
        if isinstance(example, int):
            return _arrays.as_step_count(value, name)
        wanted = (int, float) if isinstance(example, float) else (str, type(None))
        if not isinstance(value, wanted):
            raise TypeError(f"{name} is {value!r}; wanted is {'a number' if float in wanted else 'a word, or None'}")
        return value


def fingerprint_of(*arrays: np.ndarray | None) -> str:
    """CRC-32 of shapes, dtypes and bytes, in hexadecimal digits."""
    crc = 0
    for array in arrays:
        described = "none" if array is None else f"{array.dtype.str}{array.shape}"
        crc = zlib.crc32(described.encode(), crc)
        if array is not None:
            crc = zlib.crc32(np.ascontiguousarray(array).tobytes(), crc)
    return f"{crc:08x}"


def fingerprint_of_rows(rows: np.ndarray) -> str:
    """Of the shape and evenly spaced rows, the first and the last among them."""
    picked = np.unique(np.linspace(0, len(rows) - 1, min(_SAMPLE_ROWS, len(rows))).astype(np.int64))
    return f"{rows.dtype} {rows.shape} {fingerprint_of(rows[picked])}"


def rng_state(rng: np.random.Generator) -> dict[str, Any]:
    """The state of a generator as JSON can hold it."""
    return _plain(rng.bit_generator.state)


def restore_rng(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Set the generator to what `rng_state` gave."""
    kind = type(rng.bit_generator).__name__
    if state["bit_generator"] != kind:
        raise CheckpointError(
            f"the checkpoint's random numbers are those of {state['bit_generator']}; this fit's are those of {kind}"
        )
    rng.bit_generator.state = state


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value
