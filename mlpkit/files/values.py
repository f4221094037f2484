"""Values as JSON, and their arrays.

JSON has objects, lists, strings, numbers, booleans and null. Any other value is an object with the
key ``"$"``, which names its type, for example ``{"$": "tuple", "items": [1, 2]}``.
"""

import base64
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from mlpkit.files.array_bytes import STORABLE
from mlpkit.files.errors import NotStorable
from mlpkit.plugin.arrays import Array

TYPE = "$"
# dtypes of arrays whose elements are written as JSON
AS_ITEMS = re.compile(r"object|<[UMm]\d*(\[[a-zA-Z0-9]+\])?|\|S\d+")
MAX_DEPTH = 100  # maximum depth of nested values
MAX_LISTED = 1000  # elements up to which an array may be written as JSON
MAX_ITEMS = 2**30  # bytes of an array whose elements are written as JSON
Path = tuple[str | int, ...]


class Writer:
    """Converts values to JSON, and collects the arrays in them.

    Parameters
    ----------
    object_of : callable or None, default=None
        ``object_of(path, value)``: a dict of values, with the key ``"$"``, that stands for a value
        of another type, or None if there is none.
    as_items : collection of str, default=()
        Names of entries of the content whose arrays are written as JSON if they are short.

    Attributes
    ----------
    arrays : dict of ndarray
        The arrays by the path of keys that leads to them.

    Examples
    --------
    >>> writer = Writer()
    >>> writer.json_of({"sizes": (10, 5), "w": np.zeros(2)})
    {'sizes': {'$': 'tuple', 'items': [10, 5]}, 'w': {'$': 'array', 'name': 'w'}}
    >>> Reader(writer.arrays).value_of(writer.json_of({"sizes": (10, 5)}))
    {'sizes': (10, 5)}
    """

    def __init__(
        self,
        object_of: Callable[[Path, Any], Mapping[str, Any] | None] | None = None,
        as_items: Collection[str] = (),
    ) -> None:
        self.object_of, self.as_items = object_of, as_items
        self.arrays: dict[str, Array] = {}

    def json_of(self, value: Any, path: Path = ()) -> Any:
        """Return the JSON of a value; raise NotStorable, with its path, if it has none."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {TYPE: "float", "value": repr(value)}
        if len(path) > MAX_DEPTH:
            raise NotStorable(path, value)
        if type(value) is list:
            return self._items(value, path)
        if type(value) is tuple:
            return {TYPE: "tuple", "items": self._items(value, path)}
        if type(value) is dict:
            return self._dict(value, path)
        if type(value) is bytes:
            return {TYPE: "bytes", "value": base64.b64encode(value).decode()}
        if isinstance(value, np.generic) and value.dtype.names is None:
            array = np.asarray(value)
            return {TYPE: "scalar", "array": self._items_of(array, path)}
        if type(value) is np.ndarray:
            return self._array(value, path)
        replacement = None if self.object_of is None else self.object_of(path, value)
        if replacement is None:
            raise NotStorable(path, value)
        return {
            TYPE: replacement[TYPE],
            **{k: self.json_of(v, (*path, k)) for k, v in replacement.items() if k != TYPE},
        }

    def _items(self, values: Any, path: Path) -> list[Any]:
        return [self.json_of(value, (*path, i)) for i, value in enumerate(values)]

    def _dict(self, value: dict[Any, Any], path: Path) -> dict[str, Any]:
        if all(type(key) is str for key in value) and TYPE not in value:
            return {key: self.json_of(v, (*path, key)) for key, v in value.items()}
        items = [
            [self.json_of(key, path), self.json_of(v, (*path, str(key)))]
            for key, v in value.items()
        ]
        return {TYPE: "dict", "items": items}

    def _array(self, array: Array, path: Path) -> dict[str, Any]:
        is_binary = array.dtype.name in STORABLE and array.dtype.isnative
        is_listed = path[:1] and path[0] in self.as_items and array.size <= MAX_LISTED
        if not is_binary or is_listed:
            return self._items_of(array, path)
        name = "/".join(map(str, path))
        while name in self.arrays:  # keys may contain a slash
            name += "'"
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        self.arrays[name] = array.T if fortran else array
        return {TYPE: "array", "name": name, **({"order": "F"} if fortran else {})}

    def _items_of(self, array: Array, path: Path) -> dict[str, Any]:
        """An array whose elements are JSON."""
        dtype, values = array.dtype.str if array.dtype.kind != "O" else "object", array.ravel()
        if array.dtype.kind in "mM":
            values = values.astype("int64")
        elif array.dtype.name not in STORABLE and not AS_ITEMS.fullmatch(dtype):
            raise NotStorable(path, array)
        items = self._items(values.tolist(), path)
        return {TYPE: "items", "dtype": dtype, "shape": list(array.shape), "items": items}


class Reader:
    """Converts JSON back to values.

    Parameters
    ----------
    arrays : dict of ndarray
        The arrays by name.
    object_of : callable or None, default=None
        ``object_of(fields)``: the value of a dict that `Writer.object_of` returned.
    """

    def __init__(
        self,
        arrays: Mapping[str, Array],
        object_of: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        self.arrays, self.object_of = arrays, object_of

    def value_of(self, value: Any) -> Any:
        """Return the value of JSON; raise ValueError if it is invalid."""
        if isinstance(value, list):
            return [self.value_of(item) for item in value]
        if not isinstance(value, dict):
            return value
        if TYPE not in value:
            return {key: self.value_of(item) for key, item in value.items()}
        match value:
            case {"$": "tuple", "items": list(items)}:
                return tuple(self.value_of(item) for item in items)
            case {"$": "float", "value": "nan" | "inf" | "-inf" as text}:
                return float(text)
            case {"$": "bytes", "value": str(text)}:
                return base64.b64decode(text, validate=True)
            case {"$": "dict", "items": list(items)}:
                return {self.value_of(key): self.value_of(item) for key, item in items}
            case {"$": "array", "name": str(name)}:
                return self._array(name, value.get("order"))
            case {"$": "items", "dtype": str(dtype), "shape": list(shape), "items": list(items)}:
                return self._array_of_items(dtype, shape, items)
            case {"$": "scalar", "array": dict(array)}:
                return self.value_of(array)[()]
        if self.object_of is None:
            raise ValueError(f"it has a value of unknown type {value[TYPE]!r:.100}")
        fields = {k: v if k == TYPE else self.value_of(v) for k, v in value.items()}
        return self.object_of(fields)

    def _array(self, name: str, order: Any) -> Array:
        if name not in self.arrays:
            raise ValueError(f"its array {name!r:.100} is missing")
        return self.arrays[name].T if order == "F" else self.arrays[name]

    def _array_of_items(self, dtype: str, shape: list[Any], items: list[Any]) -> Array:
        if not (AS_ITEMS.fullmatch(dtype) or np.dtype(dtype).name in STORABLE):
            raise ValueError(f"it has an array of the dtype {dtype!r:.100}")
        if not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"it has an array of the shape {shape!r:.100}")
        if np.dtype(dtype).itemsize * len(items) > MAX_ITEMS:
            raise ValueError(f"it has an array of {len(items)} values of the dtype {dtype!r:.100}")
        values = [self.value_of(item) for item in items]
        if np.dtype(dtype).kind in "mM":
            return np.array(values, "int64").astype(dtype).reshape(shape)
        array = np.empty(len(values), dtype)
        for i, value in enumerate(values):  # an element may be a list
            array[i] = value
        return array.reshape(shape)
