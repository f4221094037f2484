"""Files that are written whole or not at all."""

import glob
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp"  # the end of the name of an unfinished file
MAX_AGE = 600  # seconds after which an unfinished file is not being written


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Create or replace a file, whole or not at all.

    The content goes to a temporary file in the same folder, which is synchronized with the disk
    and renamed. If the process dies at any moment, the path has the old file or the new one. After
    an exception, the temporary file is removed.

    Parameters
    ----------
    path : str or path-like
        Where to write. A symbolic link stays one; its target is replaced.
    write : callable
        ``write(file)`` writes the content to a binary file.

    Raises
    ------
    OSError
        If the file cannot be written, for example if the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "a.txt"), lambda file: file.write(b"text"))
    ...     Path(folder, "a.txt").read_text()
    'text'
    """
    target = Path(os.path.realpath(path))
    with _temporary(target, path) as (descriptor, name):
        with _errors_of(path), os.fdopen(descriptor, "wb") as file:  # such as a full disk
            os.chmod(name, _mode_of(target))
            write(file)
            file.flush()
            os.fsync(file.fileno())
        with _errors_of(path):
            os.replace(name, target)
    synchronize_folder(target.parent)


def remove_unfinished(path: str | os.PathLike[str]) -> None:
    """Remove old temporary files that processes left which died while they wrote this file."""
    target = Path(os.path.realpath(path))
    with suppress(OSError):
        for left in target.parent.glob(f".{glob.escape(target.name)}.*{TEMPORARY}"):
            if time.time() - left.stat().st_mtime > MAX_AGE:
                left.unlink()


@contextmanager
def _temporary(target: Path, path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Create a file in the folder of the target, and remove it if it was not renamed."""
    with _errors_of(path):
        descriptor, name = tempfile.mkstemp(TEMPORARY, f".{target.name}.", target.parent)
    try:
        yield descriptor, name
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        with suppress(OSError):
            os.unlink(name)
        raise


@contextmanager
def _errors_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """Context in which errors name a file, and not its temporary file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _mode_of(target: Path) -> int:
    """The permissions of the file that is replaced, or those of a new file."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def synchronize_folder(folder: Path) -> None:
    """Write the entry of a renamed file to the disk, where the system supports it."""
    with suppress(OSError):  # folders cannot be opened on Windows
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
