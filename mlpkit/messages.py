"""Functions that format the text of messages.

Text that comes from data is made safe to print, to plot and to open in a spreadsheet.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_CODES = (
    *range(0x20),  # C0 controls: ESC starts terminal sequences
    *range(0x7F, 0xA0),  # DEL and C1 controls
    0x061C,  # direction marks, embeddings, overrides and isolates reorder the displayed text
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),  # including the line and paragraph separators
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),  # lone surrogates cannot be encoded
)
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _CODES}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_SCALAR = re.compile(r"\bnp\.(?:float|int|uint|bool|str|bytes)\w*\(([^()]*)\)")
FORMULA_STARTS = "=+-@＝＋－＠"  # spreadsheets accept the full-width characters in some locales


def escaped(value: Any) -> str:
    r"""Return text with control characters, direction marks and line separators escaped.

    All other characters are kept, including letters of any script and joiners.

    >>> print(escaped("a\x1b[31mb\u202ec"), escaped("Zürich 東京"))
    a\x1b[31mb\u202ec Zürich 東京
    """
    text = str(value)
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


def comma_separated(names: Iterable[Any], empty: str = "none") -> str:
    """Return escaped names separated by commas, or ``empty`` if there are no names.

    >>> comma_separated(["sex", "age"]), comma_separated([])
    ('sex, age', 'none')
    """
    return ", ".join(map(escaped, names)) or empty


def counted(n: Any, noun: str) -> str:
    """Return a number and a noun, in the plural unless the number is 1.

    >>> counted(1, "epoch"), counted(30, "epoch")
    ('1 epoch', '30 epochs')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def csv_cell(value: Any) -> Any:
    r"""Return a value for a CSV file.

    Text is escaped. Text that a spreadsheet would evaluate as a formula gets a leading
    apostrophe.

    >>> csv_cell("=1+1"), csv_cell("-9.5"), csv_cell("up\tto"), csv_cell(0.5)
    ("'=1+1", '-9.5', 'up\\tto', 0.5)
    """
    if not isinstance(value, str):
        return value
    text = escaped(value)
    is_formula = text.lstrip()[:1] in tuple(FORMULA_STARTS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def plain_numbers(text: str) -> str:
    """Return text with the representations of NumPy scalars replaced by plain numbers.

    >>> plain_numbers("Got np.float64(-1.0), not [np.int64(0), np.str_('a')]")
    "Got -1.0, not [0, 'a']"
    """
    return _SCALAR.sub(r"\1", text) if "np." in text else text


def plain_repr(value: Any) -> str:
    """Return the representation of a value, with NumPy scalars as plain numbers."""
    return plain_numbers(repr(value))


def exception_line(error: BaseException) -> str:
    r"""Return the type and the message of an exception on one line.

    >>> exception_line(ValueError("two\n  lines"))
    'ValueError: two lines'
    """
    return escaped(" ".join(f"{type(error).__name__}: {error}".split()))


def nearest(name: str, known_names: Iterable[str]) -> str:
    """Return the known name that is most similar to a name, or "" if none is similar."""
    by_lower_case = {known.lower(): known for known in known_names}
    matches = get_close_matches(name.lower(), by_lower_case, n=1)
    return by_lower_case[matches[0]] if matches else ""


def did_you_mean(name: str, known_names: Iterable[str]) -> str:
    """Return a question that suggests the nearest known name, or "" if none is similar.

    >>> did_you_mean("NumPi", ["dense", "numpy"])
    "Did you mean 'numpy'?"
    """
    suggestion = nearest(name, known_names)
    return f"Did you mean {suggestion!r}?" if suggestion else ""


def shown_bytes(size: float) -> str:
    """Return a number of bytes as text.

    >>> shown_bytes(1.5 * 2**30), shown_bytes(2**20), shown_bytes(10)
    ('1.5 GiB', '1 MiB', '10 bytes')
    """
    for exponent, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 2**exponent:
            return f"{size / 2**exponent:.3g} {unit}"
    return f"{size:.0f} bytes"
