"""Hostile files: what a model file becomes when bytes, fields or values of it are changed, all from one seed."""

from __future__ import annotations

import json
import random
import re
import struct
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

from fastlin import _npz, model_file

NUMBERS = [0, 1, -1, 2, 3, 127, 255, 256, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1]
VALUES = [
    *NUMBERS, None, True, False, "", "x", "softmax", "auto", "os.system", "\ud800", "\0",
    [], {}, [[]], [1, 2], [0] * 2000, {"": {"": {}}}, {"pairs": [[1, 1]]}, 1.5, -0.0, 1e308, 1e-320, 10**400,
    -(10**400), "1" * 5000, "__import__('os').abort()",
]  # fmt: skip
ARRAYS = [
    np.zeros(0), np.zeros((0, 5)), np.zeros((3, 0)), np.array(1.0), np.zeros(3), np.zeros((3, 4)), np.zeros((1,) * 12),
    np.ones((3, 4), np.float32), np.full((3, 4), 3e38, np.float32), np.full((3, 4), 1e308), np.full(4, -1e308),
    np.full((3, 4), np.nan), np.full(3, np.inf), np.array([0.0, -0.0, 1.0]), np.zeros(3, np.float16), np.arange(3),
    np.arange(3, dtype=np.uint64) + np.uint64(2**64 - 3), np.array([1.0, 2.0, 3.0], ">f8"), np.array([True, False]),
    np.array(["b", "a"]), np.array("x"), np.array(["", "x" * 3000]), np.array(["a", "b", "\U0010ffff"]),
    np.array([b"a", b"b", b"c"]),
]  # fmt: skip


class Mutator:
    """The model file at `path`, taken apart once; `mutated` puts it together again with something changed."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.header, self.arrays = model_file.read(path)
        self.members: list[tuple[str, bytes]] | None = None
        if self.content.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                self.members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]

    def mutated(self, rng: random.Random) -> bytes:
        """One mutation: of bytes anywhere, of the container with its checksums set right, or of what the model says."""
        way = rng.randrange(3)
        if way == 0:
            return bytes(changed_bytes(self.content, rng))
        if way == 1:
            return self._rezipped(rng) if self.members else self._reheaded(rng)
        return self._reworded(rng)

    def _rezipped(self, rng: random.Random) -> bytes:
        assert self.members
        members = list(self.members)
        place = rng.randrange(len(members))
        name, member = members[place]
        head = 10 + struct.unpack("<H", member[8:10])[0]
        changed = changed_bytes(member, rng) if rng.random() < 0.5 else changed_text(member[:head], rng) + member[head:]
        members[place] = name, bytes(changed)
        stream = BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, member in members:
                archive.writestr(name, member)
        return stream.getvalue()

    def _reheaded(self, rng: random.Random) -> bytes:
        length = int.from_bytes(self.content[:8], "little")
        text, data = self.content[8 : 8 + length], self.content[8 + length :]
        if rng.random() < 0.5:
            text = changed_text(text, rng)
        else:
            header = json.loads(text)
            header[rng.choice([*header, "new"])] = changed_value(rng.choice(list(header.values())), rng)
            text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + data

    def _reworded(self, rng: random.Random) -> bytes:
        header, arrays = self.header, dict(self.arrays)
        if rng.random() < 0.6:
            header = changed_value(header, rng)
        else:
            name = rng.choice(list(arrays))
            way = rng.randrange(3)
            if way == 0:
                arrays[name] = rng.choice(ARRAYS)
            elif way == 1:
                arrays[name] = arrays[rng.choice(list(arrays))]
            elif arrays[name].size and arrays[name].dtype.kind not in "US":
                arrays[name] = arrays[name].copy()
                raw = arrays[name].reshape(-1).view(np.uint8)
                raw[rng.randrange(len(raw))] = rng.randrange(256)
        text = json.dumps(header)
        if self.members:
            stream = BytesIO()
            _npz.write(stream, {"header": np.array(text), **arrays})
            return stream.getvalue()
        try:
            return model_file._as_safetensors(text, arrays)
        except TypeError:  # bytes, which the writer has no place for
            return b""


def changed_bytes(content: bytes, rng: random.Random) -> bytearray:
    """Flips, cuts, insertions, copies, and numbers at their limits, wherever they fall."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        place, way = rng.randrange(len(data) + 1), rng.randrange(7)
        if way == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif way == 1:
            del data[place:]
        elif way == 2:
            data[place:place] = rng.randbytes(rng.choice((1, 2, 8, 100)))
        elif way == 3:
            del data[place : place + rng.choice((1, 2, 8, 100))]
        elif way == 4:
            start = rng.randrange(len(data) + 1)
            data[place:place] = data[start : start + rng.choice((1, 8, 100, 1000))]
        elif way == 5:
            number = struct.pack("<Q", rng.choice(NUMBERS) % 2**64)[: rng.choice((1, 2, 4, 8))]
            data[place : place + len(number)] = number
        else:
            data[place:place] = rng.choice((b"[", b'{"":', b"(", b"-", b"9")) * rng.choice((1, 300, 20_000))
    return data


def changed_text(text: bytes, rng: random.Random) -> bytes:
    """A number of a text replaced, or bytes of it changed."""
    numbers = list(re.finditer(rb"-?\d+", text))
    if numbers and rng.random() < 0.7:
        found = rng.choice(numbers)
        return text[: found.start()] + str(rng.choice(NUMBERS)).encode() + text[found.end() :]
    return bytes(changed_bytes(text, rng))


def changed_value(value: object, rng: random.Random) -> object:
    """A JSON value with one in it changed, at any depth."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        value = dict(value)
        key = rng.choice(list(value))
        if rng.random() < 0.2:
            del value[key]
        else:
            value[key] = changed_value(value[key], rng)
        return value
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], changed_value(value[place], rng), *value[place + 1 :]]
    return rng.choice(VALUES)
