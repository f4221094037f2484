"""Temporary folders that disappear, at the latest when the next process needs one.

A folder belongs to this user alone. While a process uses it, the process locks a file in it, and
the operating system removes the lock when the process ends, however it ends.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any
from weakref import finalize

from mlpkit.backend_kit.private_folders import make_private

LOCK, NEW_LOCK = "in-use", "new"
ABANDONED_SECONDS = 3600.0  # age of a folder without a lock
try:
    import fcntl
except ImportError:  # on Windows, files in use cannot be removed in the first place
    fcntl = None  # type: ignore[assignment]


class TemporaryFolder:
    """A folder that is removed by `close`, by the garbage collector, or at the end of the process.

    Folders that a process left behind when it was killed are removed, too.

    Parameters
    ----------
    parent : Path or None, default=None
        The folder above it; None stands for the folder of temporary files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        top = parents_of_folders(parent)
        make_private(top)
        remove_abandoned(top)
        self.path = Path(tempfile.mkdtemp(dir=top))
        lock = (self.path / NEW_LOCK).open("wb")
        _lock(lock)
        (self.path / NEW_LOCK).rename(self.path / LOCK)  # other processes see it locked only
        self._remover = finalize(self, _remove, self.path, lock, os.getpid())

    def close(self) -> None:
        """Remove the folder with its files."""
        self._remover()


def parents_of_folders(parent: Path | None = None) -> Path:
    """Return the folder that contains the temporary folders of this user."""
    return (parent or Path(tempfile.gettempdir())) / f"mlpkit-rows-{user_name()}"


def user_name() -> str:
    """Return the id or the name of this user."""
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def remove_abandoned(top: Path) -> None:
    """Remove the folders of processes that have ended."""
    for folder in top.iterdir():
        try:
            lock = (folder / LOCK).open("r+b")
        except OSError:  # it is being created or removed, or its process was killed meanwhile
            if _age(folder) > ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
            continue
        with lock:
            if _lock(lock):
                shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    """The seconds since a folder was changed; 0 if it does not exist any more."""
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0


def _lock(file: Any) -> bool:
    """Lock a file until it is closed; return False if another process has locked it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(folder: Path, lock: Any, process: int) -> None:
    """Remove a folder in the process that created it, and not in a fork of it."""
    if os.getpid() == process:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)
