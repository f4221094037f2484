"""The error of data that cannot be read, and the errors of pyarrow turned into it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from mlpkit.messages import escaped


class InputError(ValueError):
    """Data or arguments of a command are invalid; the message is one line."""


class ConversionError(InputError):
    """A value of a CSV file does not have the type of its column."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


def one_line(error: BaseException, length: int = 300) -> str:
    r"""Return the message of an exception on one line, shortened.

    >>> one_line(ValueError("two\n  lines"))
    'two lines'
    """
    text = escaped(" ".join(str(error).split()))
    return text if len(text) <= length else f"{text[:length]}..."


@contextmanager
def errors_of(name: str, expected: str = "") -> Iterator[None]:
    """Turn the errors of reading a file into `InputError` with its name.

    ``expected`` is what a file of this format is called, such as "a Parquet file"; without it, the
    message of pyarrow is not explained.
    """
    invalid = f"not {expected}, or damaged: " if expected else ""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file or folder") from error
    except OSError as error:
        is_of_pyarrow = error.strerror is None
        reason = f"{invalid}{one_line(error)}" if is_of_pyarrow else error.strerror
        raise InputError(f"{name}: {reason}") from error
    except pa.ArrowException as error:
        raise InputError(f"{name}: {invalid}{one_line(error)}") from error
    except (UnicodeError, LookupError) as error:
        raise InputError(f"{name}: {one_line(error)}") from error
