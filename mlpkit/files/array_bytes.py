"""Arrays as bytes in the format of safetensors."""

import json
import math
from collections.abc import Mapping

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
    end = LENGTH + int.from_bytes(data[:LENGTH], "little")
    if len(data) < LENGTH or end > len(data):
        raise ValueError("its header is truncated")
    header = json.loads(bytes(data[LENGTH:end]), parse_constant=lambda _: None)
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    header.pop("__metadata__", None)
    arrays, position = {}, end
    for name, entry in sorted(header.items(), key=lambda item: _begin(item[1])):
        arrays[name], position = _array(data, entry, position, end)
    if position != len(data):
        raise ValueError("its arrays do not fill it")
    return arrays


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
