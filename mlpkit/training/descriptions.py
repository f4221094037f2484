"""Parameters and data as plain values, by which a checkpoint recognizes them."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from inspect import isroutine
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.plugin import Array

MAX_DEPTH = 8  # maximum depth of nested objects
N_BLOCKS = 32  # number of blocks of rows, each with its own hash


def described(value: Any, depth: int = 0) -> Any:
    """Return plain values that are equal for equal values of a parameter, also in another process.

    Functions and classes are represented by their names. Other objects are represented by their
    class, and by their fields, parameters or configuration if they have any.

    >>> described((100, np.float64(0.5)))
    [100, 0.5]
    >>> described(np.mean)
    'numpy.mean'
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value else "nan"
    if isinstance(value, np.ndarray):
        return array_description(value)
    if isinstance(value, np.random.RandomState):
        return f"RandomState of {value.get_state(legacy=False)['bit_generator']}"
    if isinstance(value, type) or isroutine(value):
        return name_of(value)
    if depth == MAX_DEPTH:
        return name_of(type(value))
    if isinstance(value, Mapping):
        return {str(described(key)): described(v, depth + 1) for key, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
        items = [described(item, depth + 1) for item in value]
        return sorted(items, key=repr) if isinstance(value, set | frozenset) else items
    fields = {name: described(v, depth + 1) for name, v in fields_of(value).items()}
    return {"class": name_of(type(value)), **fields} if fields else name_of(type(value))


def name_of(value: Any) -> str:
    """Return the qualified name of a function or a class, with its module."""
    name = getattr(value, "__qualname__", getattr(value, "__name__", type(value).__qualname__))
    module = getattr(value, "__module__", None)
    return f"{module}.{name}" if module else str(name)


def fields_of(value: Any) -> dict[str, Any]:
    """Return what an object consists of, by name, as far as it says so."""
    if isinstance(value, partial):
        return {"function": value.func, "arguments": value.args, **value.keywords}
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    for name, arguments in (("get_params", {"deep": False}), ("get_config", {})):
        method = getattr(value, name, None)
        if callable(method):
            return dict(method(**arguments))
    return {}


def array_description(array: Any) -> dict[str, Any]:
    """Return the shape, the dtype and a hash of each block of rows of an array of any kind."""
    if isinstance(array, ShardedRows):
        return array.description()
    blocks = [_hash_of(block) for block in row_blocks(array)]
    return {"shape": list(array.shape), "dtype": str(array.dtype), "blocks": blocks}


def row_blocks(array: Any) -> Iterator[Any]:
    """Yield at most `N_BLOCKS` parts of consecutive rows."""
    if issparse(array):
        array = array.tocsr()
    n_rows = array.shape[0] if array.ndim else 1
    size = block_size(n_rows)
    for begin in range(0, n_rows, size):
        yield array[begin : begin + size] if array.ndim else array


def block_size(n_rows: int) -> int:
    """Return the number of rows of a block."""
    return max(1, -(-n_rows // N_BLOCKS))


def _hash_of(block: Any) -> str:
    parts = [block.indptr, block.indices, block.data] if issparse(block) else [block]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(_bytes_of(part))
    return digest.hexdigest()[:32]


def _bytes_of(array: Array) -> Any:
    """Return the bytes of an array; those of the representations of objects."""
    if array.dtype.kind == "O":
        return repr(array.tolist()).encode()
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def differences(name: str, old: Any, new: Any) -> Iterator[str]:
    """Yield descriptions of what differs between two descriptions of the same thing.

    >>> list(differences("alpha", 0.1, 0.2))
    ['alpha is 0.2 instead of 0.1']
    """
    if old == new:
        return
    if is_array(old) and is_array(new):
        yield _array_difference(name, old, new)
    elif is_array(old) or is_array(new):
        yield f"{name} is missing" if new is None else f"{name} is new"
    else:
        yield f"{name} is {shown(new)} instead of {shown(old)}"


def is_array(description: Any) -> bool:
    """Return whether it is the description of an array."""
    return isinstance(description, dict) and "blocks" in description


def shown(description: Any) -> str:
    """Return a description as short text."""
    text = repr(description)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _array_difference(name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    for what in ("shape", "dtype"):
        if old[what] != new[what]:
            before, now = (tuple(d[what]) if what == "shape" else d[what] for d in (old, new))
            return f"{name} has the {what} {now} instead of {before}"
    n_rows = old["shape"][0] if old["shape"] else 1
    size = block_size(n_rows)
    pairs = zip(old["blocks"], new["blocks"], strict=True)
    differing = [i for i, (before, now) in enumerate(pairs) if before != now]
    first, last = differing[0] * size, min(n_rows, (differing[0] + 1) * size) - 1
    others = "" if len(differing) == 1 else ", and in others"
    return f"{name} has other values in the rows {first} to {last}{others}"
