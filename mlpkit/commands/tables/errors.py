"""The error of data that can't be read, and the errors of pyarrow turned into it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from mlpkit.messages import escaped


class InputError(ValueError):
    """Data or arguments of a command are invalid; the message is one line."""


def one_line(error: BaseException, length: int = 300) -> str:
    r"""Return the message of an exception on one line, shortened.

    >>> one_line(ValueError("two\n  lines"))
    'two lines'
    """
    text = escaped(" ".join(str(error).split()))
    return text if len(text) <= length else f"{text[:length]}..."


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Turn the errors of reading a file into `InputError` with its name."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file or folder") from error
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or one_line(error)}") from error
    except (pa.ArrowException, UnicodeError, LookupError) as error:
        raise InputError(f"{name}: {one_line(error)}") from error
