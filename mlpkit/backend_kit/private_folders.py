"""Folders to which this user alone has access.

Whoever can write to a folder of compiled programs can run code as the user who executes them.
"""

import os
import stat
from pathlib import Path


def make_private(folder: Path, *, at_home: bool = False) -> None:
    """Create the folder, if it does not exist, with access for this user only.

    With `at_home`, the folder is only created inside a folder that belongs to this user: under
    sudo, the home folder belongs to another user, who could not use the new folder afterwards.

    Raises
    ------
    OSError
        If the folder cannot be created or cannot be trusted: it is a symbolic link or not a
        folder, it belongs to another user, others may write to it, or another user could exchange
        it because a folder above it is that user's symbolic link.
    """
    for parent in folder.parents:
        _check_link(parent)
    missing = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    if missing and at_home and (reason := distrust_reason(folder.stat())):
        raise PermissionError(f"{folder}: {reason}")
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)  # another process may have been faster
    folder = missing[0] if missing else folder
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise NotADirectoryError(f"{folder} is {kind}")
    if reason := distrust_reason(status):
        raise PermissionError(f"{folder}: {reason}")


def distrust_reason(status: os.stat_result) -> str:
    """Return why a file or folder with this status cannot be trusted, or an empty string."""
    if not hasattr(os, "geteuid"):
        return ""
    if status.st_uid != os.geteuid():
        return f"it belongs to the user with id {status.st_uid}, not to {os.geteuid()}"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"other users may write to it (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def _check_link(path: Path) -> None:
    """Raise PermissionError if the path is a symbolic link that another user can change."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    users = (0, os.geteuid()) if hasattr(os, "geteuid") else (status.st_uid,)
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in users:
        raise PermissionError(
            f"{path} is a symbolic link that belongs to the user with id {status.st_uid}"
        )
