"""Stored values that are checked as they are read."""

from collections.abc import Collection
from typing import Any

import numpy as np

from mlpkit.plugin.arrays import Array, Arrays

MISSING: Any = object()
LONGEST = 1000  # characters of a name


class Fields:
    """The entries of a stored dict. Each method raises ValueError if an entry is invalid.

    Parameters
    ----------
    values : dict
        The entries.
    path : str, default=""
        Where the dict was found, for messages.

    Examples
    --------
    >>> spec = Fields({"n_features": 3, "dtype": "int8"}, "spec")
    >>> spec.integer("n_features", least=1)
    3
    >>> spec.text("dtype", ("float32", "float64"))
    Traceback (most recent call last):
        ...
    ValueError: its entry spec.dtype is 'int8'; expected one of float32, float64
    """

    def __init__(self, values: Any, path: str = "") -> None:
        self.path = path
        if not isinstance(values, dict):
            raise self.invalid("", values, "a dict")
        self.values = values

    def invalid(self, name: str, value: Any, expected: str) -> ValueError:
        """Return the error for a value that is not what is expected."""
        path = f"{self.path}.{name}" if self.path and name else self.path or name
        found = f"{value!r:.100}" if value is not MISSING else "missing"
        return ValueError(f"its entry {path} is {found}; expected {expected}")

    def unknown(self, name: Any) -> ValueError:
        """Return the error for an entry that is not expected."""
        path = f"{self.path}.{name}" if self.path else str(name)
        return ValueError(f"it has an unknown entry {path:.100}")

    def has(self, name: str) -> bool:
        """Return whether an entry exists and is not None."""
        return self.values.get(name) is not None

    def has_dict(self, name: str) -> bool:
        """Return whether an entry is a dict."""
        return isinstance(self.values.get(name), dict)

    def value(self, name: str, *types: type) -> Any:
        """Return an entry of one of these types; any value if there are none."""
        value = self.values.get(name, MISSING)
        if value is MISSING or (types and not isinstance(value, types)):
            names = " or ".join(t.__name__ for t in types)
            raise self.invalid(name, value, names or "a value")
        return value

    def fields(self, name: str) -> "Fields":
        """Return the entries of a dict."""
        path = f"{self.path}.{name}" if self.path else name
        return Fields(self.values.get(name, MISSING), path)

    def integer(self, name: str, least: int = 0, most: int | None = None) -> int:
        """Return an integer between two limits."""
        value = self.values.get(name, MISSING)
        is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not is_int or value < least or (most is not None and value > most):
            at_most = "" if most is None else f" and at most {most}"
            raise self.invalid(name, value, f"an integer of at least {least}{at_most}")
        return value

    def number(self, name: str) -> Any:
        """Return a number of Python or NumPy as it is, NaN and infinity included."""
        value = self.values.get(name, MISSING)
        is_number = isinstance(value, int | float | np.integer | np.floating)
        if not is_number or isinstance(value, bool):
            raise self.invalid(name, value, "a number")
        return value

    def boolean(self, name: str) -> bool:
        """Return True or False."""
        return bool(self.value(name, bool, np.bool_))

    def text(self, name: str, options: Collection[str] = ()) -> str:
        """Return a string, one of the options if there are any."""
        value = self.values.get(name, MISSING)
        if not isinstance(value, str) or (options and value not in options):
            expected = f"one of {', '.join(options)}" if options else "a string"
            raise self.invalid(name, value, expected)
        if not options and len(value) > LONGEST:
            raise self.invalid(name, value, f"a string of at most {LONGEST} characters")
        return value

    def texts(self, name: str, length: int | None = None) -> tuple[str, ...]:
        """Return a list of strings as a tuple."""
        value = self.values.get(name, MISSING)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.invalid(name, value, "a list of strings")
        if length is not None and len(value) != length:
            raise self.invalid(name, value, f"a list of {length} strings")
        return tuple(value)

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """Return a list of pairs of strings as tuples."""
        pairs = self.value(name, list)
        for pair in pairs:
            match pair:
                case [str(), str()]:
                    continue
            raise self.invalid(name, pair, "a list of two strings")
        return [(first, second) for first, second in pairs]

    def numbers(self, name: str) -> dict[str, float]:
        """Return a dict of numbers by name."""
        entries = self.fields(name)
        return {key: entries.number(key) for key in _names(entries)}

    def array(
        self, name: str, shape: tuple[int | None, ...] | None = None, kinds: str = "biuf"
    ) -> Array:
        """Return an array with a dtype of these kinds; None in the shape is any length."""
        value = self.values.get(name, MISSING)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
            raise self.invalid(name, value, f"an array of a dtype of the kind {kinds}")
        if shape is not None and not _fits(value.shape, shape):
            raise self.invalid(name, value.shape, f"an array of shape {shape}")
        return value

    def arrays(self, name: str) -> Arrays:
        """Return a dict of arrays of numbers by name."""
        entries = self.fields(name)
        return {key: entries.array(key) for key in _names(entries)}


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        n is None or n == m for n, m in zip(expected, shape, strict=True)
    )


def _names(entries: Fields) -> list[str]:
    for key in entries.values:
        if not isinstance(key, str):
            raise entries.invalid("", key, "a string as key")
    return list(entries.values)
