"""Output files: whether they can be written, before long work starts."""

import errno
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mlpkit.messages import escaped


def check_writable(path: str, inputs: Iterable[str | None] = ()) -> None:
    """Raise ValueError unless a file can be created at a path, or replaced.

    An existing file is left as it is.

    Parameters
    ----------
    path : str
        The output.
    inputs : iterable of str or None, default=()
        Files and folders that the command reads, which the output must not replace; None, and
        names without a file, are ignored.
    """
    target = Path(os.path.realpath(path))
    name = escaped(path)
    if target.is_dir():
        raise ValueError(f"{name}: the output is a folder. Pass the name of a file.")
    if target.exists():
        for source in filter(None, inputs):
            if target.is_relative_to(os.path.realpath(source)):
                raise ValueError(
                    f"{name}: the output would replace an input of this command. Pass the name of"
                    " another file."
                )
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        folder = escaped(target.parent)
        reason = (
            f"the folder {folder!r} does not exist"
            if error.errno == errno.ENOENT
            else str(error.strerror)
        )
        raise ValueError(f"{name}: the output cannot be written: {reason}") from error
