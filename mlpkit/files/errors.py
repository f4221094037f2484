"""The errors of files."""

from typing import Any

LONGEST = 500  # characters of a message


class InvalidFile(ValueError):
    """A file is not a file of mlpkit, is damaged, or was written by a newer version.

    Parameters
    ----------
    path : str or path-like
        The file.
    reason : str
        Why it cannot be read.

    Examples
    --------
    >>> str(InvalidFile("income.mlpkit", "it is empty"))
    "'income.mlpkit' cannot be read: it is empty."
    """

    def __init__(self, path: Any, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{str(self.path)!r} cannot be read: {self.reason.rstrip('.')}."


def problem_of(error: BaseException) -> str:
    """Return the message of an error as one line of limited length; a file may have chosen it.

    >>> problem_of(ValueError("a  b"))
    'a b'
    """
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


class NotStorable(TypeError):
    """A value cannot be stored without code.

    Parameters
    ----------
    path : tuple of (str or int)
        The keys that lead to the value.
    value : object
        The value.
    """

    def __init__(self, path: tuple[str | int, ...], value: Any) -> None:
        super().__init__(path, value)
        self.path, self.value = path, value

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))} is a {type(self.value).__qualname__}"
