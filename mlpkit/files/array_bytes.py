"""Arrays as bytes in the format of safetensors."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from mlpkit.plugin.arrays import Array

# names of dtypes in safetensors, see https://huggingface.co/docs/safetensors
DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "C64": "complex64",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}
STORABLE = frozenset(DTYPES.values())
LENGTH = 8  # bytes of the length of the header, a little-endian integer


def array_bytes(arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of arrays in the order of C.

    >>> arrays_of(array_bytes({"a": np.arange(3)}))["a"].tolist()
    [0, 1, 2]
    """
    from safetensors.numpy import save  # a program that saves nothing does not need it

    return bytes(save({name: np.asarray(a, order="C") for name, a in arrays.items()}))


def arrays_of(data: bytes | bytearray) -> dict[str, Array]:
    """Return the arrays as views of the bytes, which are not copied.

    Raises ValueError if the bytes are not in the format of safetensors.
    """
    end = _end_of_header(data[:LENGTH], len(data))
    header = _entries(data[LENGTH:end])
    arrays, position = {}, end
    for name, entry in sorted(header.items(), key=lambda item: _begin(item[1])):
        arrays[name], position = _array(data, entry, position, end)
    if position != len(data):
        raise ValueError("its arrays do not fill it")
    return arrays


def shapes_of(file: IO[bytes], size: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays in a file of this size, of which the header is read.

    Raises ValueError if the header is not in the format of safetensors.
    """
    end = _end_of_header(file.read(LENGTH), size)
    shapes = {}
    for name, entry in _entries(file.read(end - LENGTH)).items():
        match entry:
            case {"shape": list(shape)} if all(type(n) is int and n >= 0 for n in shape):
                shapes[name] = tuple(shape)
            case _:
                raise ValueError(f"it has an invalid entry {entry!r:.100}")
    return shapes


def _end_of_header(start: bytes | bytearray, size: int) -> int:
    end = LENGTH + int.from_bytes(start, "little")
    if len(start) < LENGTH or end > size:
        raise ValueError("its header is truncated")
    return end


def _entries(header: bytes | bytearray) -> dict[str, Any]:
    """The entry of each array by name."""
    entries = json.loads(bytes(header))
    if not isinstance(entries, dict):
        raise ValueError("its header is not a JSON object")
    entries.pop("__metadata__", None)
    return entries


def _begin(entry: object) -> int:
    match entry:
        case {"data_offsets": [int(begin), int(_)]}:
            return begin
    raise ValueError(f"it has an invalid entry {entry!r:.100}")


def _array(data: bytes | bytearray, entry: object, position: int, start: int) -> tuple[Array, int]:
    """Return the array of an entry, which begins at a position, and the position of its end."""
    match entry:
        case {"dtype": str(name), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if (
            name in DTYPES
            and all(type(n) is int and n >= 0 for n in shape)
            and start + begin == position
        ):
            dtype, size = np.dtype(DTYPES[name]), math.prod(shape)
            if end - begin == size * dtype.itemsize and start + end <= len(data):
                array = np.frombuffer(data, dtype, size, position) if size else np.empty(0, dtype)
                return array.reshape(shape), start + end
    raise ValueError(f"it has an invalid entry {entry!r:.100}")
