"""Text that comes from data, made safe to print, to draw, and to open in a spreadsheet."""

import re
from collections.abc import Iterable
from typing import Any

_CODES = (
    *range(0x20),  # C0: ESC begins terminal sequences
    *range(0x7F, 0xA0),  # DEL and C1
    0x061C,  # marks, embeddings, overrides and isolates of direction reorder what is shown
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),  # with the separators of lines and paragraphs
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),  # lone surrogates can't be encoded
)
_ESCAPES = {code: ascii(chr(code))[1:-1] for code in _CODES}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_SCALAR = re.compile(r"\bnp\.(?:float|int|uint|bool|str|bytes)\w*\(([^()]*)\)")
FORMULA = "=+-@＝＋－＠"  # what begins a formula; the wide ones in some locales


def visible(given: Any) -> str:
    r"""Text with control characters, bidirectional controls and line separators escaped.

    All else stays as it is, letters of any script and joiners included.

    >>> print(visible("a\x1b[31mb\u202ec"), visible("Zürich 東京"))
    a\x1b[31mb\u202ec Zürich 東京
    """
    text = str(given)
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


def listed(names: Iterable[Any], nothing: str = "none") -> str:
    """Names for a message, with commas.

    >>> listed(["sex", "age"]), listed([])
    ('sex, age', 'none')
    """
    return ", ".join(map(visible, names)) or nothing


def cell(value: Any) -> Any:
    r"""A value for a CSV file: an apostrophe precedes text that would be read as a formula.

    >>> cell("=1+1"), cell("-9.5"), cell("up\tto"), cell(0.5)
    ("'=1+1", '-9.5', 'up\\tto', 0.5)
    """
    if not isinstance(value, str):
        return value
    text = visible(value)
    formula = text.lstrip()[:1] in tuple(FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{text}" if formula else text


def plain_numbers(text: str) -> str:
    """Text in which NumPy's scalars stand as plain numbers.

    >>> plain_numbers("Got np.float64(-1.0), not [np.int64(0), np.str_('a')]")
    "Got -1.0, not [0, 'a']"
    """
    return _SCALAR.sub(r"\1", text) if "np." in text else text


def told(value: Any) -> str:
    """The representation of a value, with plain numbers."""
    return plain_numbers(repr(value))
