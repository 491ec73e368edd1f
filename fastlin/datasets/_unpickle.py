"""A decoder of the pickles that the Python versions of CIFAR-10 and CIFAR-100 are, and of nothing else.

A pickle is a program for a stack machine that may call anything. This machine has no call: the three names that the
published files refer to are markers here, and the two uses they make of them (an empty array, its dtype; then the
state of both) are recognised by their exact operands. Any other name, operand or opcode is refused with its place.

What comes out is flat: one dictionary of integers, strings, lists of integers or strings, and arrays of uint8. Numbers
of stack entries, list items, memo entries, tuples and lists are bounded, so that a small file cannot ask for much
memory, and nothing nests, so that there is no recursion.

Protocols 0 to 2, as Python 2's pickle and cPickle wrote them and Python 3's reads and writes them again.
Opcodes: the standard library's pickletools, whose letters and names stand beside each line below.
"""

from __future__ import annotations

import struct
from typing import NoReturn, TypeAlias

import numpy as np

from fastlin.datasets._dataset import DatasetError

Text: TypeAlias = bytes
Value: TypeAlias = "int | Text | list[int] | list[Text] | np.ndarray"

# The largest published file, CIFAR-100's training images, has lists of 50 000 items and memorises each file name.
_MOST_ITEMS = 1 << 18
# The published files have one dictionary, up to three lists, five tuples, three names and three marks at a time.
_MOST_CONTAINERS = 16
_LONGEST_LINE = 64


class _Marker:
    """An object that means only itself."""


class _Pending:
    """An array or a dtype between its REDUCE and its BUILD."""

    def __init__(self, is_array: bool) -> None:
        self.is_array = is_array
        self.array: np.ndarray | None = None
        self.built = False


_MARK, _RECONSTRUCT, _NDARRAY, _DTYPE = _Marker(), _Marker(), _Marker(), _Marker()
_NAMES = {
    (b"numpy.core.multiarray", b"_reconstruct"): _RECONSTRUCT,
    (b"numpy", b"ndarray"): _NDARRAY,
    (b"numpy", b"dtype"): _DTYPE,
}
# Operands of REDUCE and BUILD for an array of unsigned bytes: version, byte order, subdtype, names, fields, size and
# alignment by default, flags.
_ARRAY_ARGUMENTS = (0,), b"b"
_DTYPE_ARGUMENTS = (b"u1", 0, 1)
_DTYPE_STATE = (3, b"|", None, None, None, -1, -1, 0)


def decode(content: bytes | bytearray, where: str) -> dict[str, Value]:
    """The dictionary that a pickle holds.

    Parameters
    ----------
    content : bytes
        The whole file. Arrays in the result are views of it.
    where : str
        The file's name, for messages.

    Raises
    ------
    DatasetError
        When it is not such a pickle; names file, byte and opcode.
    """
    return _Machine(content, where).run()


class _Machine:
    def __init__(self, content: bytes | bytearray, where: str) -> None:
        self.content = memoryview(content)
        self.where = where
        self.at = 0  # the next byte
        self.began = 0  # where the opcode at work began
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.containers = 0

    def refuse(self, message: str) -> NoReturn:
        raise DatasetError(f"{self.where}, byte {self.began}: {message}; this pickle is none of CIFAR's")

    def run(self) -> dict[str, Value]:
        stack = self.stack
        while True:
            self.began = self.at
            code = self.take(1)[0]
            if code == 0x4B:  # K BININT1
                stack.append(self.take(1)[0])
            elif code == 0x55:  # U SHORT_BINSTRING
                stack.append(bytes(self.take(self.take(1)[0])))
            elif code == 0x58:  # X BINUNICODE
                stack.append(bytes(self.take(self.number("<I"))))
            elif code == 0x71:  # q BINPUT
                self.put(self.take(1)[0])
            elif code == 0x72:  # r LONG_BINPUT
                self.put(self.number("<I"))
            elif code == 0x2E:  # . STOP
                return self.result()
            else:
                self.rare(code)
            if len(stack) > _MOST_ITEMS:
                self.refuse(f"more than {_MOST_ITEMS} items on the stack")

    def rare(self, code: int) -> None:
        push = self.stack.append
        match chr(code):
            case "\x80":  # PROTO
                version = self.take(1)[0]
                if self.began != 0 or version > 2:
                    self.refuse(f"protocol {version} in this place")
            case "}":  # EMPTY_DICT
                push(self.counted({}))
            case "d":  # DICT
                items = self.items()
                push(self.counted({}))
                self.fill(items)
            case "]":  # EMPTY_LIST
                push(self.counted([]))
            case "l":  # LIST
                items = self.items()
                push(self.counted([]))
                self.extend(items)
            case "(":  # MARK
                push(_MARK)
            case "t":  # TUPLE
                push(self.counted(tuple(self.items())))
            case "\x85":  # TUPLE1
                push(self.counted((self.pop(),)))
            case "\x86":  # TUPLE2
                push(self.counted((self.pop(), self.pop())[::-1]))
            case "\x87":  # TUPLE3
                push(self.counted((self.pop(), self.pop(), self.pop())[::-1]))
            case "u":  # SETITEMS
                self.fill(self.items())
            case "s":  # SETITEM
                self.fill([self.pop(), self.pop()][::-1])
            case "e":  # APPENDS
                self.extend(self.items())
            case "a":  # APPEND
                self.extend([self.pop()])
            case "J":  # BININT
                push(self.number("<i"))
            case "M":  # BININT2
                push(self.number("<H"))
            case "I":  # INT, and of protocols 0 and 1 the booleans 00 and 01
                push(self.integer(self.line()))
            case "S":  # STRING
                push(self.quoted(self.line()))
            case "T":  # BINSTRING: the pixels, which stay where they are
                push(self.take(self.number("<i")))
            case "N":  # NONE
                push(None)
            case "\x88" | "\x89":  # NEWTRUE, NEWFALSE
                push(code == 0x88)
            case "p":  # PUT
                self.put(self.integer(self.line()))
            case "g":  # GET
                self.get(self.integer(self.line()))
            case "h":  # BINGET
                self.get(self.take(1)[0])
            case "j":  # LONG_BINGET
                self.get(self.number("<I"))
            case "c":  # GLOBAL
                name = self.line(), self.line()
                if name not in _NAMES:
                    self.refuse(f"it asks for {b'.'.join(name).decode('ascii', 'backslashreplace')!r}")
                push(_NAMES[name])
            case "R":  # REDUCE
                arguments, function = self.pop(), self.pop()
                push(self.pending(function, arguments))
            case "b":  # BUILD
                state = self.pop()
                self.build(self.top(), state)
            case _:
                self.refuse(f"opcode {chr(code)!r}")

    # The bytes of operands

    def take(self, size: int) -> memoryview:
        if not 0 <= size <= len(self.content) - self.at:
            self.refuse(f"{size} bytes are wanted where {len(self.content) - self.at} are left")
        self.at += size
        return self.content[self.at - size : self.at]

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def line(self) -> bytes:
        head = bytes(self.content[self.at : self.at + _LONGEST_LINE])
        length = head.find(b"\n")
        if length < 0:
            self.refuse(f"no line of at most {_LONGEST_LINE} bytes")
        self.at += length + 1
        return head[:length]

    def integer(self, text: bytes) -> int:
        if not text.removeprefix(b"-").isdigit():
            self.refuse("no integer")
        return int(text)

    def quoted(self, text: bytes) -> bytes:
        inner, quote = text[1:-1], text[:1]
        if len(text) < 2 or quote not in (b"'", b'"') or text[-1:] != quote or quote in inner or b"\\" in inner:
            self.refuse("no plain quoted string")
        return inner

    # The stack and the memo

    def pop(self) -> object:
        if not self.stack:
            self.refuse("the stack is empty")
        return self.stack.pop()

    def top(self) -> object:
        if not self.stack:
            self.refuse("the stack is empty")
        return self.stack[-1]

    def items(self) -> list:
        """What was pushed since the last mark, without the mark."""
        for k in range(len(self.stack) - 1, -1, -1):
            if self.stack[k] is _MARK:
                items = self.stack[k + 1 :]
                del self.stack[k:]
                return items
        self.refuse("no mark on the stack")

    def put(self, key: int) -> None:
        if len(self.memo) >= _MOST_ITEMS:
            self.refuse(f"more than {_MOST_ITEMS} items in the memo")
        self.memo[key] = self.top()

    def get(self, key: int) -> None:
        if key not in self.memo:
            self.refuse(f"nothing is memorised as {key}")
        self.stack.append(self.memo[key])

    # The objects

    def counted(self, container: object) -> object:
        self.containers += 1
        if self.containers > _MOST_CONTAINERS:
            self.refuse(f"more than {_MOST_CONTAINERS} containers")
        return container

    def fill(self, items: list) -> None:
        target = self.top()
        if not isinstance(target, dict) or len(items) % 2:
            self.refuse("pairs of keys and values for something else than a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, bytes) or not isinstance(value, int | bytes | list | _Pending):
                self.refuse("a dictionary may hold integers, strings, lists and arrays under strings")
            name = key.decode("latin-1")
            if name in target or len(target) >= _MOST_CONTAINERS:
                self.refuse(f"the key {name[:_LONGEST_LINE]!r} is one too many")
            target[name] = value

    def extend(self, items: list) -> None:
        target = self.top()
        if not isinstance(target, list) or len(target) + len(items) > _MOST_ITEMS:
            self.refuse("items for something else than a list, or too many")
        if not all(type(item) is int or type(item) is bytes for item in items):
            self.refuse("a list may hold integers and strings")
        target.extend(items)

    def pending(self, function: object, arguments: object) -> _Pending:
        if not isinstance(arguments, tuple):
            self.refuse("a call without arguments")
        if function is _RECONSTRUCT and arguments[:1] == (_NDARRAY,) and arguments[1:] == _ARRAY_ARGUMENTS:
            return _Pending(is_array=True)
        if function is _DTYPE and arguments == _DTYPE_ARGUMENTS:
            return _Pending(is_array=False)
        self.refuse("a call that is neither an empty array's nor an unsigned byte's")

    def build(self, target: object, state: object) -> None:
        if not isinstance(target, _Pending) or target.built or not isinstance(state, tuple):
            self.refuse("a state for something else than an array or its dtype")
        target.built = True
        if not target.is_array:
            if state != _DTYPE_STATE:
                self.refuse("a dtype that is no unsigned byte")
            return
        if len(state) != 5 or state[0] != 1 or not isinstance(state[3], bool):
            self.refuse("the state of an array is wanted")
        _, shape, dtype, fortran, pixels = state
        if not isinstance(dtype, _Pending) or dtype.is_array or not dtype.built:
            self.refuse("an array without its dtype")
        if not isinstance(shape, tuple) or len(shape) != 2 or not all(type(n) is int and n >= 0 for n in shape):
            self.refuse("an array of a shape that is not (n, d)")
        if not isinstance(pixels, bytes | memoryview) or len(pixels) != shape[0] * shape[1]:
            self.refuse(f"an array of shape {shape} without as many bytes")
        target.array = np.frombuffer(pixels, np.uint8).reshape(shape, order="F" if fortran else "C")

    def result(self) -> dict[str, Value]:
        value = self.pop()
        if self.stack or not isinstance(value, dict):
            self.refuse("the end, where one dictionary is wanted")
        if self.at != len(self.content):
            self.refuse(f"the end, and {len(self.content) - self.at} bytes after it")
        for name, entry in value.items():
            if isinstance(entry, _Pending):
                if entry.array is None:
                    self.refuse(f"{name[:_LONGEST_LINE]!r} is no finished array")
                value[name] = entry.array
        return value
