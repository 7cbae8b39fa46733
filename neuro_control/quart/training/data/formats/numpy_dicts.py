# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Dictionaries of numbers in numpy's .npy files, as QUARD has them, read without executing them.

``numpy.save`` writes a dictionary as a pickle, and whoever loads a pickle runs what it says. This
reader follows the pickle's instructions as far as dictionaries, lists, numbers and numpy's arrays
need them, makes these itself, and refuses all else: nothing that a file names is looked up, called
or imported.

Source: the table of instructions in CPython's ``pickletools``, and ``numpy.lib.format``.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.files import read_bytes, write_bytes

Array = NDArray[np.float64]

# A dictionary of a robot's state has some 5 kB and 500 instructions.
_MAX_BYTES, _MAX_INSTRUCTIONS = 2**20, 20_000
# How such a file begins: version 1.0 of numpy's format, the header's length, the header.
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
# Types of numbers that an array may have: truth values, whole, floating.
_NUMBERS = re.compile(r"[<>]?(b1|[iu][1248]|f[248])")
# What a file may name. Older releases of numpy call their inner module numpy.core.
_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_NAMES = {
    **{(module, "_reconstruct"): "array" for module in _MODULES},
    **{(module, "scalar"): "scalar" for module in _MODULES},
    ("numpy", "ndarray"): "class of arrays",
    ("numpy", "dtype"): "dtype",
}
_PLAIN = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
    "BINBYTES", "SHORT_BINBYTES",
}  # fmt: skip
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


def write(path: Path, values: Mapping[str, float | Array]) -> None:
    """Write a dictionary of numbers, whole or not at all, for any release of numpy.

    Args:
        path: The file.
        values: Numbers, and arrays, which are written with 32 bits.
    """
    held = np.empty((), dtype=object)
    held[()] = {
        name: np.asarray(value, dtype=np.float32) if np.ndim(value) else float(value)
        for name, value in values.items()
    }
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, np.lib.format.header_data_from_array_1_0(held))
    # Protocol 3 and this name are what numpy 1 reads, which QUARD's own programs have.
    pickled = pickle.dumps(held, protocol=3)
    text.write(pickled.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    write_bytes(path, text.getvalue())


def read(path: Path) -> dict[str, Array]:
    """Numbers of a dictionary that ``numpy.save`` wrote, each as an array; other values are not.

    Raises:
        ConfigurationError: There is no such file, it is too large, damaged, holds something else
            than a dictionary, or a number that is not finite.
    """
    try:
        values = _dictionary(read_bytes(path, _MAX_BYTES, "the dictionary"))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise ConfigurationError(
            f"{path} is damaged, or holds no dictionary of numbers ({error})"
        ) from error
    numbers = {name: _array(value) for name, value in values.items() if _is_number(value)}
    for name, array in numbers.items():
        if not np.isfinite(array).all():
            raise ConfigurationError(f"{path}: {name} holds a number that is not finite")
    return numbers


def _is_number(value: Any) -> bool:
    """Whether it is a number, an array, or a list of numbers."""
    if isinstance(value, (list, tuple)):
        # No list in a list: one that holds another many times is short here and long as an array.
        return all(isinstance(each, (int, float, np.generic)) for each in value)
    return isinstance(value, (int, float, np.generic, np.ndarray))


def _array(value: Any) -> Array:
    try:
        return np.asarray(value, dtype=np.float64)
    except OverflowError:
        return np.array(np.inf)


def _dictionary(data: bytes) -> dict[str, Any]:
    size = 10 + int.from_bytes(data[8:10], "little")
    if data[:8] != _MAGIC or data[10:size].strip() != _HEADER:
        raise ValueError("its header is not that of an object")
    held = _Interpreter().run(data[size:])
    if not (isinstance(held, _Held) and isinstance(held.items, list) and len(held.items) == 1):
        raise ValueError("it holds no object of numpy")
    values = held.items[0]
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ValueError("it holds no dictionary with names")
    return values


class _Held:
    """An array or type under construction: it is filled in after it was made."""

    def __init__(self, kind: str, text: str = "") -> None:
        self.kind, self.text = kind, text
        self.items: Any = None

    def fill(self, state: Any) -> Any:
        """What stands for it once it is filled in: itself for a type or an array of objects."""
        if self.kind == "dtype":
            order = state[1]
            self.text = (order if order in ("<", ">") else "") + self.text
            return self
        if self.kind != "array":
            raise ValueError(f"a {self.kind} is filled in")
        _, shape, dtype, fortran, items = state
        if dtype.text in ("O", "O8", "O4"):
            self.items = items
            return self
        return _numbers(dtype, items).reshape(shape, order="F" if fortran else "C")


def _numbers(dtype: _Held, data: bytes) -> NDArray[Any]:
    """Numbers of a type, (n,)."""
    if dtype.kind != "dtype":
        raise ValueError("numbers have no type")
    if not _NUMBERS.fullmatch(dtype.text):
        raise ValueError(f"it holds an array of {dtype.text}")
    return np.frombuffer(data, np.dtype(dtype.text))


class _Interpreter:
    """Follows the instructions of a pickle that make dictionaries, lists, numbers and arrays."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memory: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        """What the pickle holds.

        Raises:
            ValueError: It is damaged, or holds something else.
        """
        for count, (operation, argument, _) in enumerate(pickletools.genops(data)):
            if count > _MAX_INSTRUCTIONS:
                raise ValueError(f"it has more than {_MAX_INSTRUCTIONS} instructions")
            name = operation.name
            if name == "STOP":
                break
            self._follow(name, argument)
        return self._stack.pop()

    def _follow(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in ("PROTO", "FRAME"):
            return
        if name in _PLAIN:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name == "MARK":
            self._marks.append(len(stack))
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._take(int(name[5:]) if name[5:] else None)))
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memory[len(self._memory) if argument is None else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memory[argument])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            named = argument.split(" ") if name == "GLOBAL" else self._take(2)
            stack.append(_named(*named))
        else:
            self._combine(name)

    def _combine(self, name: str) -> None:
        """Instructions that put what is on the stack together."""
        stack = self._stack
        if name in ("APPEND", "APPENDS"):
            items = self._take(1 if name == "APPEND" else None)
            _a(list, stack[-1]).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self._take(2 if name == "SETITEM" else None)
            _a(dict, stack[-1]).update(zip(items[::2], items[1::2], strict=True))
        elif name == "REDUCE":
            made, arguments = self._take(2)
            stack.append(_make(made, arguments))
        elif name == "BUILD":
            before, state = self._take(2)
            after = _a(_Held, before).fill(state)
            self._memory = {k: after if v is before else v for k, v in self._memory.items()}
            stack.append(after)
        else:
            raise ValueError(f"it has the instruction {name}")

    def _take(self, count: int | None) -> list[Any]:
        """The topmost items of the stack; those since the last mark without a count."""
        first = self._marks.pop() if count is None else len(self._stack) - count
        if not 0 <= first <= len(self._stack):
            raise ValueError("it takes more than there is")
        taken = self._stack[first:]
        del self._stack[first:]
        return taken


def _a(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"it puts something into a {type(value).__name__}")
    return value


def _named(module: str, name: str) -> str:
    if (module, name) not in _NAMES:
        raise ValueError(f"it names {module}.{name}")
    return _NAMES[module, name]


def _make(made: Any, arguments: Any) -> Any:
    """What numpy's functions of these names make."""
    if made == "array":
        return _Held("array")
    if made == "dtype":
        return _Held("dtype", str(arguments[0]))
    if made == "scalar":
        return _numbers(*arguments)[0]
    raise ValueError(f"it calls {made!r}")
