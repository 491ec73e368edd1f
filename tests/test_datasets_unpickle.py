"""The decoder of CIFAR's pickles: those files and nothing else, and nothing runs."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import tracemalloc

import numpy as np
import pytest
from published import Python2Pickle, cifar10_files, protocol_0

from fastlin.datasets import DatasetError, _unpickle
from fastlin.datasets._unpickle import decode

NAMES = [b"airplane", b"frog"]


def refused(content: bytes, message: str | None = None) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        decode(content, "'data_batch_1'")
    assert str(caught.value).startswith("'data_batch_1', byte ")


def test_what_python_2_wrote():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 6)
    labels = [int(k) for k in np.arange(2500) % 10]
    files = [b"file_%d.png" % k for k in range(2500)]
    content = Python2Pickle().dump({b"labels": labels, b"data": pixels, b"filenames": files, b"num_vis": 70000})
    decoded = decode(content, "x")
    assert decoded["labels"] == labels and decoded["filenames"] == files and decoded["num_vis"] == 70000
    np.testing.assert_array_equal(decoded["data"], pixels)
    assert decoded["data"].dtype == np.uint8 and decoded["data"].base is not None  # a view, not a copy


def test_the_opcodes_of_the_published_files():
    # What CIFAR-10's batches.meta is, and what stands before and behind the labels and pixels of its data_batch_1.
    meta = (
        b"\x80\x02}q\x01(U\x13num_cases_per_batchq\x02M\x10'U\x0blabel_namesq\x03]q\x04(U\x08airplaneq\x05U\nautomobileq\x06"
        b"U\x04birdq\x07U\x03catq\x08U\x04deerq\tU\x03dogq\nU\x04frogq\x0bU\x05horseq\x0cU\x04shipq\rU\x05truckq\x0ee"
        b"U\x07num_visq\x0fM\x00\x0cu."
    )
    assert decode(meta, "x")["label_names"][9] == b"truck" and decode(meta, "x")["num_vis"] == 3072
    before = b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x15training batch 1 of 5q\x03U\x06labelsq\x04]q\x05"
    between = (
        b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\t(K\x01M\x10'"
        b"M\x00\x0c\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T\x00\xc0\xd4\x01"
    )
    labels = (b"(" + b"K\x06" * 1000 + b"e") * 10
    content = decode(before + labels + between + bytes(30_720_000) + b"tbu.", "x")
    assert content["labels"] == [6] * 10000 and content["data"].shape == (10000, 3072)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_names_that_any_python_wrote(protocol):
    # Python 3 writes text as unicode, under protocol 0 by an opcode that the published files have not.
    content = {"num_cases_per_batch": 10000, "label_names": ["airplane", "frog"], "num_vis": 3072}
    if protocol == 0:
        written = protocol_0({b"num_cases_per_batch": 10000, b"label_names": NAMES, b"num_vis": 3072})
    else:
        written = pickle.dumps(content, protocol=protocol)
    assert decode(written, "x") == {**content, "label_names": NAMES}


class Payload:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", range(6))
def test_a_payload_runs_nothing(tmp_path, protocol):
    for function, argument in [
        (os.system, f"touch {tmp_path}/ran"), (eval, f"open('{tmp_path}/ran', 'w')"),
        (subprocess.Popen, ["touch", f"{tmp_path}/ran"]), (os.mkdir, f"{tmp_path}/ran"),
    ]:  # fmt: skip
        refused(pickle.dumps({"labels": [1], "data": Payload(function, argument)}, protocol=protocol))
        refused(pickle.dumps(Payload(function, argument), protocol=protocol))
    assert list(tmp_path.iterdir()) == []
    # The same bytes do run where they are trusted; so the test can fail.
    pickle.loads(pickle.dumps(Payload(os.mkdir, f"{tmp_path}/ran"), protocol=protocol))
    assert (tmp_path / "ran").is_dir()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "byte 0: 1 bytes are wanted where 0 are left"),
        (b"\x80\x03}.", "byte 0: protocol 3"),
        (b"}\x80\x02.", "byte 1: protocol 2 in this place"),
        (b"cos\nsystem\n(S'id'\ntR.", "byte 0: it asks for 'os.system'"),
        (b"cnumpy\nload\n.", "it asks for 'numpy.load'"),
        (b"cnumpy.core.multiarray\nscalar\n.", "it asks for"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", r"byte 17: opcode '\)'"),
        (b"(i__main__\nX\n.", "opcode 'i'"),
        (b"(dR.", "byte 2: the stack is empty"),
        (b"}}R.", "a call without arguments"),
        (b"cnumpy\nndarray\n(I0\ntR.", "a call that is neither"),
        (b"cnumpy\ndtype\n(U\x02O8K\x00K\x01tR.", "a call that is neither"),
        (b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01<NNNK\x01K\x01K\x3ftb.", "a dtype that is no unsigned"),
        (b"}(K\x01K\x02u.", "under strings"),
        (b"}U\x01a}s.", "a dictionary may hold"),
        (b"}U\x01aNs.", "a dictionary may hold"),
        (b"}U\x01a\x88s.", None),
        (b"}U\x01aK\x01sU\x01aK\x02s.", "the key 'a' is one too many"),
        (b"}(U\x01au.", "pairs of keys and values"),
        (b"](]e.", "a list may hold"),
        (b"]q\x00h\x00a.", "a list may hold"),
        (b"}q\x00U\x01ah\x00s.", "a dictionary may hold"),
        (b"]N\x88e.", "no mark on the stack"),
        (b"h\x05.", "byte 0: nothing is memorised as 5"),
        (b"I1_0\n.", "no integer"),
        (b"I" + b"9" * 80 + b"\n.", "no line of at most 64 bytes"),
        (b"S'a\\x41'\n.", "no plain quoted string"),
        (b"S'\n.", "no plain quoted string"),
        (b"K\x01.", "the end, where one dictionary is wanted"),
        (b"}}.", "the end, where one dictionary is wanted"),
        (b"}.x", "the end, and 1 bytes after it"),
        (b"T\xff\xff\xff\x7f", "byte 0: 2147483647 bytes are wanted where 0 are left"),
        (b"T\xff\xff\xff\xff", "-1 bytes are wanted"),
        (b"X\xff\xff\xff\xffabc", "4294967295 bytes are wanted where 3 are left"),
        (b"}" * 20 + b".", "more than 16 containers"),
        (b"K\x01" + b"\x85" * 100000 + b".", "more than 16 containers"),
        (b"(" * 300000 + b".", "more than 262144 items on the stack"),
    ],
)
def test_hostile_and_foreign_pickles(content, message):
    if message is None:
        assert decode(content, "x") == {"a": True}
    else:
        refused(content, message)


DTYPE = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def array(
    shape: bytes = b"K\x02K\x03\x86", order: bytes = b"\x89", pixels: bytes = b"U\x06abcdef", dtype: bytes = DTYPE
) -> bytes:
    head = b"}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
    return head + shape + dtype + order + pixels + b"tbs."


def test_arrays_of_any_other_kind():
    assert decode(array(), "x")["data"].tolist() == [[97, 98, 99], [100, 101, 102]]
    refused(array(shape=b"K\x06\x85"), "a shape that is not")
    refused(array(shape=b"J\xff\xff\xff\xffJ\xfa\xff\xff\xff\x86"), "a shape that is not")
    refused(array(shape=b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"), "without as many bytes")
    refused(array(shape=b"K\x02K\x02\x86"), "without as many bytes")
    assert decode(array(order=b"\x88"), "x")["data"].tolist() == [[97, 99, 101], [98, 100, 102]]  # by columns
    refused(array(order=b"K\x00"), "the state of an array is wanted")
    refused(array(pixels=b"]"), "without as many bytes")
    refused(array(dtype=b"N"), "an array without its dtype")
    unfinished = b"}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87Rs."
    refused(unfinished, "'data' is no finished array")
    refused(array()[:-2] + b"0s.", "opcode '0'")


def test_bombs_take_little_memory(monkeypatch):
    # A thousandth of the real bound, as following every allocation is slow.
    monkeypatch.setattr(_unpickle, "_MOST_ITEMS", 256)
    again = b"(" + b"h\x01" * 200 + b"e"
    for bomb, message in [
        (b"(" + b"N" * 100_000 + b".", "on the stack"),
        (b"".join(b"U\x01ar" + struct.pack("<I", k) for k in range(10_000)) + b".", "on the stack"),
        (b"U\x01a" + b"".join(b"r" + struct.pack("<I", k * 4099 % 2**32) for k in range(10_000)) + b".", "in the memo"),
        (b"}U\x01xU\x01aq\x01]" + again * 500 + b"s.", "too many"),
    ]:
        tracemalloc.start()
        refused(bomb, message)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 500_000, message


def test_bytes_changed_at_random_are_read_or_refused():
    rng = np.random.default_rng(1)
    files = cifar10_files()[1]
    refusals = 0
    for name in ("data_batch_1", "batches.meta"):
        whole = np.frombuffer(files[name], np.uint8)
        text = np.concatenate((np.arange(300), np.arange(len(whole) - 200, len(whole))))
        for _ in range(300):
            content = whole.copy()
            places = rng.choice(text[text < len(whole)], rng.integers(1, 6))
            # Bytes of any kind, or those of other places: opcodes where operands were.
            content[places] = rng.choice(whole if rng.random() < 0.5 else np.arange(256), len(places))
            try:
                decoded = decode(content.tobytes()[: rng.integers(1, 2 * len(whole))], "'x'")
            except DatasetError as error:
                assert str(error).startswith("'x', byte ")
                refusals += 1
            else:
                assert all(isinstance(key, str) for key in decoded)
    assert refusals > 200


def test_any_bytes_are_refused_or_flat():
    rng = np.random.default_rng(2)
    codes = np.frombuffer(b"\x80}d]l(t\x85\x86\x87usaeJMISTUNKX\x88\x89pghqrjcRb.\x00\x01a\n", np.uint8)
    for _ in range(1500):
        content = codes[rng.integers(0, len(codes), rng.integers(1, 40))].tobytes()
        try:
            decoded = decode(content + b".", "'x'")
        except DatasetError:
            continue
        for value in decoded.values():
            assert isinstance(value, int | bytes | list | np.ndarray)
