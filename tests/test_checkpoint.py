"""Checkpoints: a fit that is killed and resumed ends with the bits of one that is not; another fit's are refused."""

from __future__ import annotations

import copy
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loops import settings

from fastlin import _npz, training
from fastlin.training import loop

CASES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "adam": {"optimizer": "adam", "l1": 1e-3},
    "averaged": {"average_from": 25, "momentum": 0.0, "nesterov": False},
    "tail averaged": {"average_tail": True},
    "no biases": {"fit_intercept": False, "shuffle": False},
    "begun again": {"loss": "squared_hinge", "rate": 0.5, "halve_rate": True},
}


class Killed(BaseException):
    """What SIGKILL is, but that the test lives on."""


def fit(
    checkpoint: Any = None, *, n_epochs: int = 6, rate: float = 0.05, seed: Any = 0, name: str = "adaptive",
    callbacks: Any = (), stopping: Any = None, weight: Any = None, reporter: Any = None, **changes: Any,
) -> training.FitState:  # fmt: skip
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = (rng.standard_normal((300, 5)) + rng.standard_normal((3, 5))[y]).astype(np.float32)
    told = settings(**{"l2": 1e-3} | changes)
    state = training.FitState.fresh(3, 5, np.dtype(np.float32), training.as_generator(seed))
    held_out, index = training.hold_out(y, weight, 0.2, state.rng)
    state.observe(X, held_out, standardize=True, n_threads=1, fit_intercept=told.fit_intercept)
    state.run(
        X, y, told, rates=training.make_schedule(name, rate, n_steps=8 * n_epochs, steps_per_epoch=8),
        n_epochs=n_epochs, sample_weight=held_out, reporter=reporter, checkpoint=checkpoint, callbacks=callbacks,
        validation=training.Validation(X, y, weight, index),
        stopping=stopping or training.Stopping(1e-2, 1, "validation_loss", restore_best=True),
    )  # fmt: skip
    return state


def outcome(state: training.FitState) -> list[Any]:
    """What does not depend on the clock, to the bits."""
    timeless = {name: c.tobytes() for name, c in state.history.items() if name not in ("seconds", "rows_per_second")}
    arrays = [*state.weights, state.coef, state.intercept, *(state.velocity or ())]
    next_number = state.rng.integers(2**60)
    return [timeless, [a.tobytes() for a in arrays], state.n_steps, state.stop_reason, state.best_epoch, next_number]


@pytest.mark.parametrize("case", CASES)
def test_a_fit_resumed_after_any_epoch_ends_with_the_same_bits(case: str, tmp_path: Path) -> None:
    changes = CASES[case]
    whole = outcome(fit(**changes))
    for last in range(1, 7):
        path = tmp_path / f"{last}.npz"

        def kill(view: training.TrainingView, last: int = last) -> None:
            if view.epoch == last:
                raise Killed

        checkpoint = training.Checkpoint(path)
        with pytest.raises(Killed):
            fit(checkpoint, callbacks=[kill], **changes)
        assert path.exists() == (last > 1)
        resumed = []
        state = fit(checkpoint, callbacks=[lambda view, resumed=resumed: resumed.append(view.epoch)], **changes)
        assert resumed[0] == last  # the epoch that was not saved any more, and no earlier one
        assert outcome(state) == whole
        # A fit that is over is over: nothing is computed again.
        again = fit(checkpoint, callbacks=[lambda view: pytest.fail("an epoch was trained")], **changes)
        assert outcome(again) == whole


@pytest.mark.parametrize("case", CASES)
def test_a_fit_resumed_within_an_epoch_does_too(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = CASES[case]
    whole = outcome(fit(**changes))
    monkeypatch.setattr(loop, "_SEGMENT_WORK", 1.0)  # a batch each
    checkpoint = training.Checkpoint(tmp_path / "fit.npz", every_epochs=10**6, every_seconds=1e-9)
    save, n_saved = loop._Run._save, 0

    def save_and_die(run: Any) -> None:
        nonlocal n_saved
        save(run)
        n_saved += 1
        if n_saved % 3 == 0:
            raise Killed

    monkeypatch.setattr(loop._Run, "_save", save_and_die)
    for _ in range(100):
        try:
            state = fit(checkpoint, **changes)
        except Killed:
            continue
        break
    assert n_saved > 40
    cut = outcome(state)
    # The loss of an epoch is summed batch by batch: cut otherwise, its last digits are others.
    mine, theirs = cut.pop(0), whole[0]
    for name in theirs:
        if name in ("loss", "accuracy"):
            np.testing.assert_allclose(np.frombuffer(mine[name]), np.frombuffer(theirs[name]), rtol=1e-12)
        else:
            assert mine[name] == theirs[name], name
    assert cut == whole[1:]


def test_a_fit_begun_again_has_diverged_after_its_second_epoch() -> None:
    seen: list[int] = []
    state = fit(callbacks=[lambda view: seen.append(view.epoch)], **CASES["begun again"])
    assert seen == [1, 2, 1, 2, 3, 4, 5, 6]
    assert state.n_halvings == 1 and state.rate == 0.25 and state.n_steps == 6 * 8
    assert state.history["epoch"].tolist() == [1, 2, 3, 4, 5, 6] and state.history["rate"][0] == 0.25


CHILD = """
import sys
import numpy as np
from fastlin import training
X = np.random.default_rng(0).integers(0, 256, (3000, 300), dtype=np.uint8)
y = np.arange(3000) % 10
settings = training.Settings("softmax", 1.0, 1e-4, 0.0, 64, 0.9, True, True, 1, optimizer="adam", average_from=50)
state = training.FitState.fresh(10, 300, np.dtype(np.float32), training.as_generator(0))
state.observe(X, None, standardize=True, n_threads=1)
rates = training.make_schedule("cosine", 1e-3, n_steps=47 * 60, steps_per_epoch=47)
checkpoint = training.Checkpoint(sys.argv[1], every_epochs=3, every_seconds=0.01) if len(sys.argv) > 1 else None
print("ready", flush=True)
state.run(X, y, settings, rates=rates, n_epochs=60, sample_weight=None, reporter=None, checkpoint=checkpoint)
coef, intercept = state.weights
print(coef.tobytes().hex(), intercept.tobytes().hex(), state.n_steps, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_a_fit_killed_at_any_moment_ends_with_the_same_bits(tmp_path: Path) -> None:
    package = str(Path(training.__file__).resolve().parents[2])
    variables = {"PYTHONPATH": package, "OPENBLAS_NUM_THREADS": "1", "PATH": os.environ.get("PATH", "")}
    path, chance = tmp_path / "fit.npz", random.Random(0)

    def start(*arguments: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CHILD), *arguments], env=variables, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        return child

    with start() as child:
        began = time.perf_counter()
        whole = child.communicate()[0]
    most = time.perf_counter() - began
    assert child.returncode == 0 and whole
    n_killed = 0
    for _ in range(6):
        with start(str(path)) as child:
            time.sleep(chance.uniform(0, most / 3))
            child.send_signal(signal.SIGKILL)
            child.wait()
        n_killed += child.returncode == -signal.SIGKILL
    with start(str(path)) as child:
        resumed = child.communicate()[0]
    assert n_killed > 0 and child.returncode == 0
    assert resumed == whole
    # Nothing but the file is there, and what a write left unfinished.
    assert all(entry == path or entry.suffix == ".tmp" for entry in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"batch_size": 64}, "batch_size"), ({"optimizer": "adam"}, "optimizer"), ({"rate": 0.04}, "learning_rate"),
        ({"name": "auto"}, "learning_rate"), ({"n_epochs": 7}, "max_iter"), ({"seed": 1}, "sample_weight"),
        ({"weight": np.ones(300) * 2}, "sample_weight"), ({"stopping": training.Stopping()}, "stopping"),
    ],
    ids=str,
)  # fmt: skip
def test_the_checkpoint_of_another_fit_is_refused(changes: dict, name: str, tmp_path: Path) -> None:
    checkpoint = training.Checkpoint(tmp_path / "fit.npz")
    fit(checkpoint)
    content = (tmp_path / "fit.npz").read_bytes()
    with pytest.raises(training.CheckpointError, match=rf"fit\.npz' is a checkpoint of another fit: its {name} is"):
        fit(checkpoint, **changes)
    with pytest.raises(training.CheckpointError, match="its seed is None, this one's 3; wanted is the same fit"):
        fit(training.Checkpoint(tmp_path / "fit.npz", seed=3))
    assert (tmp_path / "fit.npz").read_bytes() == content
    # The number of threads is no part of it.
    assert fit(checkpoint, n_threads=2).stop_reason is not None


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    fit(training.Checkpoint(path))
    content = path.read_bytes()
    name = "fastlin-checkpoint".encode("utf-32-le")
    assert name in content
    for other in (b"", b"PK", content[:-100], content[: len(content) // 2], content.replace(name, b"x" * len(name))):
        path.write_bytes(other)
        with pytest.raises(training.CheckpointError, match=r"fit\.npz' is not a checkpoint, or is damaged"):
            fit(training.Checkpoint(path))
        assert path.read_bytes() == other
    np.savez(path, header=np.array(json.dumps({"format": "other"})))
    with pytest.raises(training.CheckpointError, match="not a checkpoint"):
        fit(training.Checkpoint(path))
    np.savez(path, header=np.array([{"code": 1}], dtype=object))
    with pytest.raises(training.CheckpointError, match="not a checkpoint"):
        fit(training.Checkpoint(path))


def _spoilt(content: bytes) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Header and arrays of a checkpoint with one part of them left out or something else."""
    arrays = _npz.parse(content, "ifU")
    header = json.loads(arrays.pop("header").item())
    for name in ("position", "counts", "watch", "schedule", "rng"):
        yield {key: part for key, part in header.items() if key != name}, arrays
        parts = range(len(header[name])) if isinstance(header[name], list) else list(header[name])
        for part in parts:
            for wrong in ("x", [], {}, -1, 10**30):
                changed = copy.deepcopy(header)
                changed[name][part] = wrong
                yield changed, arrays
    for name in arrays:
        yield header, {other: arrays[other] for other in arrays if other != name}
        for wrong_array in (arrays[name][:0], arrays[name][None], arrays[name] > 0):
            yield header, {**arrays, name: wrong_array}


def test_whatever_is_wrong_inside_a_checkpoint_is_refused_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "fit.npz"
    fit(training.Checkpoint(path))
    refused = gone_on = 0
    for header, arrays in _spoilt(path.read_bytes()):
        with path.open("wb") as file:
            _npz.write(file, {"header": np.array(json.dumps(header)), **arrays})
        try:
            fit(training.Checkpoint(path))
            gone_on += 1  # as with another number of seconds
        except training.CheckpointError as error:
            damaged = "fit.npz' is not a checkpoint, or is damaged: " in str(error)
            assert damaged or "the checkpoint's random numbers are those of" in str(error)
            refused += 1
    assert refused > 100 and gone_on < refused / 2


def test_what_says_when_to_save_is_checked() -> None:
    with pytest.raises(ValueError, match=r"^checkpoint_every is 0; wanted is an integer >= 1"):
        training.Checkpoint("fit.npz", 0)
    with pytest.raises(ValueError, match=r"^every_seconds is -1; wanted"):
        training.Checkpoint("fit.npz", 1, -1)


def test_the_progress_begins_where_the_fit_does(tmp_path: Path) -> None:
    class Reporter:
        n_rows = n_epochs = 0

        def rows_done(self, n_rows: int) -> None:
            self.n_rows += n_rows

        def epoch_done(self, record: training.EpochRecord) -> None:
            self.n_epochs += 1

    def kill(view: training.TrainingView) -> None:
        if view.epoch == 4:
            raise Killed

    reporter = Reporter()
    never = training.Stopping()
    with pytest.raises(Killed):
        fit(training.Checkpoint(tmp_path / "fit.npz"), callbacks=[kill], stopping=never)
    fit(training.Checkpoint(tmp_path / "fit.npz"), reporter=reporter, stopping=never)
    assert reporter.n_rows == 6 * 240 and reporter.n_epochs == 3


def test_where_nothing_can_be_written_nothing_is_computed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        fit(training.Checkpoint(tmp_path / "none" / "fit.npz"), callbacks=[lambda view: pytest.fail("trained")])


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM])
def test_any_generator_goes_on_where_it_was(kind: Any, tmp_path: Path) -> None:
    whole = outcome(fit(seed=np.random.Generator(kind(1))))
    checkpoint = training.Checkpoint(tmp_path / "fit.npz")

    def kill(view: training.TrainingView) -> None:
        if view.epoch == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(checkpoint, seed=np.random.Generator(kind(1)), callbacks=[kill])
    assert outcome(fit(checkpoint, seed=np.random.Generator(kind(1)))) == whole
