"""LIBSVM's text format, made dense."""

from __future__ import annotations

import gzip
import io
import time

import numpy as np
import pytest

from fastlin import datasets
from fastlin.datasets import DatasetError, libsvm, load_libsvm


def write(tmp_path, text: str | bytes, name: str = "a.svm"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_rows_labels_comments_and_blanks(tmp_path):
    text = "# a head\n+1 1:.5 3:-2e-1 # tail 9:9\r\n\n  -1\t2:1.\n3\n2 1:1E2 2:2 3:+3  "
    data = load_libsvm(write(tmp_path, text))
    assert data.X_train.dtype == np.float32 and data.y_train.dtype == np.int64 and data.X_test is None
    np.testing.assert_array_equal(data.X_train, np.float32([[0.5, 0, -0.2], [0, 1, 0], [0, 0, 0], [100, 2, 3]]))
    assert data.y_train.tolist() == [1, -1, 3, 2]
    assert load_libsvm(write(tmp_path, "0.5 1:1\n"), dtype=np.float64).X_train.dtype == np.float64
    assert load_libsvm(write(tmp_path, "0.5 1:1\n")).y_train.tolist() == [0.5]
    assert datasets.load(write(tmp_path, gzip.compress(text.encode()), "a.libsvm.gz")).X_train.shape == (4, 3)


@pytest.mark.parametrize("block", [13, 100, 1 << 20])
def test_it_reads_what_scikit_learn_writes(tmp_path, monkeypatch, block):
    sklearn = pytest.importorskip("sklearn.datasets")
    monkeypatch.setattr(libsvm, "_BLOCK", block)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 9)) * (rng.random((40, 9)) < 0.4)
    y = rng.integers(0, 4, 40)
    out = io.BytesIO()
    sklearn.dump_svmlight_file(X, y, out, zero_based=False)
    data = load_libsvm(write(tmp_path, out.getvalue()), n_features=9, dtype=np.float64)
    # scikit-learn writes 16 digits, one too few for every float64.
    np.testing.assert_allclose(data.X_train, X, rtol=1e-15)
    np.testing.assert_array_equal(data.y_train, y)


def test_rows_to_test_on_are_as_wide(tmp_path):
    train, test = write(tmp_path, "1 2:1\n0 1:1\n"), write(tmp_path, "1 4:1\n", "a.t")
    data = load_libsvm(train, test)
    assert data.X_train.shape == (2, 4) and data.X_test.tolist() == [[0, 0, 0, 1]] and data.y_test.tolist() == [1]
    assert load_libsvm(train, test, n_features=6).X_test.shape == (1, 6)
    with pytest.raises(DatasetError, match=r"a.t' has the index 4; wanted is at most n_features = 3"):
        load_libsvm(train, test, n_features=3)
    with pytest.raises(ValueError, match="n_features is 0"):
        load_libsvm(train, n_features=0)
    with pytest.raises(TypeError, match="n_features is '6'; wanted is an integer >= 1"):
        load_libsvm(train, n_features="6")
    with pytest.raises(ValueError, match="dtype is 'int8'; wanted is float32 or float64"):
        load_libsvm(train, dtype="int8")


def test_a_number_that_is_too_large_for_float32(tmp_path):
    path = write(tmp_path, "1 1:1e39\n0 1:1\n")
    with pytest.raises(DatasetError, match=r"holds 1e\+39, which is too large for float32; wanted is .*numpy\.float64"):
        load_libsvm(path)
    assert load_libsvm(path, dtype=np.float64).X_train.tolist() == [[1e39], [1.0]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 0:1", "an index is not from 1 to 2147483648"),
        ("1 2147483649:1", "an index is not from 1"),
        ("1 99999999999999999999999:1", "an index is not from 1"),
        ("1 2:1 2:1", "the indices do not ascend"),
        ("1 3:1 2:1", "the indices do not ascend"),
        ("1 1:1e999", "a number is too large for float64"),
        ("1e999 1:1", "a number is too large for float64"),
        *((line, "wanted is 'label index:value") for line in (
            "x 1:1", "1 1:nan", "1 1:inf", "1 1:0x10", "1 1:1_0", "1,2 1:1", "1 qid:3 1:1", "1 1:1:1", "1 1: 1",
            "1 1 :1", "1 1", "1 1:1 2", "1:1", ":1", "1 :1", "1 1:", "1 1.0:1", "1 +1:1", "1 -1:1", "1 1e1:1",
            "1 1:1-2", "1-2 1:1", "1 1:1.2.3", "1 1:.", "1 1:e5", "+ 1:1", "1 1:--1", "1 1:1e", "1 1:\u0661", "\x00",
            "1 1:1\x0b", "\x0c1 1:1", "1\x0c1:1", "1 1:1\r2 1:1",
        )),
    ],
)  # fmt: skip
def test_lines_that_are_not_in_the_format(tmp_path, line, message):
    with pytest.raises(DatasetError, match=message) as caught:
        load_libsvm(write(tmp_path, f"1 1:1\n\n# 2\n{line}\n0 1:0\n"))
    assert "a.svm', line 4: " in str(caught.value)


def test_hostile_widths_take_no_memory(tmp_path):
    with pytest.raises(DatasetError, match="2 dense rows as wide as the largest index, 2000000000, would take 1600"):
        load_libsvm(write(tmp_path, "1 1:1\n2 2000000000:1\n"))
    with pytest.raises(DatasetError, match="would take 80 bytes; wanted is at most 79"):
        load_libsvm(write(tmp_path, "1 1:1\n2 10:1\n"), max_bytes=79)
    assert load_libsvm(write(tmp_path, "1 1:1\n2 10:1\n"), max_bytes=80).X_train.shape == (2, 10)
    for text, what in [("", "features"), ("1\n2\n", "features"), ("# none\n", "features")]:
        with pytest.raises(DatasetError, match=f"holds no {what}"):
            load_libsvm(write(tmp_path, text))


def test_texts_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(libsvm, "_LONGEST_LINE", 1000)
    monkeypatch.setattr(libsvm, "_MOST_TEXT", 1 << 21)
    with pytest.raises(DatasetError, match="a line of more than 1000 bytes"):
        load_libsvm(write(tmp_path, b"1 1:1" + b"0" * 3_000_000))
    with pytest.raises(DatasetError, match="the text goes on after 2097152 bytes"):
        load_libsvm(write(tmp_path, gzip.compress(b"1 1:1\n" * 1_000_000)))


def test_refusing_a_long_line_takes_linear_time(tmp_path):
    # Digits and blanks that an ambiguous pattern would split in every way.
    for text in ("1 1:" + "1" * 200_000 + "x", "1 " + " " * 200_000 + "x", "1 " + "1:1 " * 50_000 + "x"):
        start = time.process_time()
        with pytest.raises(DatasetError):
            load_libsvm(write(tmp_path, text))
        assert time.process_time() - start < 2


def reference(text: str) -> tuple[list[float], list[dict[int, float]]]:
    """The same by the letter, a line at a time."""
    y, rows = [], []
    for line in text.split("\n"):
        tokens = line.split("#")[0].split()
        if tokens:
            y.append(float(tokens[0]))
            rows.append({int(i): float(v) for i, v in (token.split(":") for token in tokens[1:])})
    return y, rows


def test_texts_changed_at_random_are_read_rightly_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    whole = "1 1:0.5 3:2\n-1 2:1 # x\n\n2.5e0 1:1 2:2 10:3\n"
    n_read = n_refused = 0
    for _ in range(500):
        text = list(whole)
        for _ in range(rng.integers(1, 4)):
            text[rng.integers(len(text))] = str(rng.choice(list("0123456789:. \n#+-eE\tx")))
        changed = "".join(text)
        try:
            data = load_libsvm(write(tmp_path, changed), n_features=99, dtype=np.float64)
        except DatasetError as error:
            assert "a.svm'" in str(error)
            n_refused += 1
            continue
        y, rows = reference(changed)
        n_read += 1
        assert data.y_train.tolist() == y
        for x, row in zip(data.X_train, rows, strict=True):
            assert {int(j) + 1: float(x[j]) for j in np.flatnonzero(x)} == {i: v for i, v in row.items() if v}
    assert n_read > 100 and n_refused > 100


def test_no_path():
    with pytest.raises(TypeError, match="not NoneType"):
        load_libsvm(None)
