"""A folder of compiled programs with a limited size, without errors, warnings and waiting.

A program in the folder is executed, so the folder and its files must belong to this user, and no
other user may have write access. Each file starts with a digest of its key and its content: a
truncated, empty or renamed file is removed, and its program is compiled again. Files are written
under a temporary name and renamed, so no lock is needed.
"""

import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

MAGIC = b"mlpkit-jax 1\n"
HEADER = len(MAGIC) + sha256().digest_size
ENDING, UNFINISHED = ".program", ".part"
ABANDONED = 3600  # seconds after which an unfinished file has no writer anymore
FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class ProgramStore:
    """A cache with the methods that JAX calls, `get` and `put`.

    The programs that were used least recently are removed first.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._path = folder  # JAX logs an attribute of this name
        self.max_bytes = max_bytes
        with suppress(OSError), _opened(folder) as directory:
            self._make_room(directory, 0)

    def get(self, key: str) -> bytes | None:
        """Return the program of this key, or None."""
        with suppress(OSError), _opened(self._path) as directory:
            name = _name(key)
            content = self._read(directory, name)
            if content is not None and content[:HEADER] == _header(key, content[HEADER:]):
                with suppress(OSError):  # the folder may be read-only
                    os.utime(_at(directory, name), dir_fd=_dir_fd(directory))
                return content[HEADER:]
            _remove(directory, name)
        return None

    def put(self, key: str, value: bytes) -> None:
        """Store a program in place of an older one with this key, if there is room."""
        size = HEADER + len(value)
        if size > self.max_bytes:
            return
        unfinished = f"{secrets.token_hex(8)}{UNFINISHED}"
        with suppress(OSError), _opened(self._path) as directory:
            self._make_room(directory, size)
            try:
                flags = FLAGS | os.O_WRONLY | os.O_CREAT | os.O_EXCL
                target = _at(directory, unfinished)
                with open(os.open(target, flags, 0o600, dir_fd=_dir_fd(directory)), "wb") as file:
                    file.write(_header(key, value) + value)
                at = {"src_dir_fd": _dir_fd(directory), "dst_dir_fd": _dir_fd(directory)}
                os.replace(target, _at(directory, _name(key)), **at)
            except OSError:  # the disk may be full
                _remove(directory, unfinished)

    def _read(self, directory: "Directory", name: str) -> bytes | None:
        """Return the content of a regular file of this user, or None."""
        flags = FLAGS | os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait
        with open(os.open(_at(directory, name), flags, dir_fd=_dir_fd(directory)), "rb") as file:
            status = os.fstat(file.fileno())
            is_trusted = stat.S_ISREG(status.st_mode) and not distrust_reason(status)
            if not is_trusted or status.st_size > self.max_bytes:
                return None
            return file.read()

    def _make_room(self, directory: "Directory", size: int) -> None:
        """Remove invalid files, and the oldest programs until `size` more bytes fit."""
        programs = []
        now = time.time()
        with os.scandir(directory) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(UNFINISHED):
                        if now - status.st_mtime > ABANDONED:
                            _remove(directory, entry.name)
                    elif entry.name.endswith(ENDING):
                        if not stat.S_ISREG(status.st_mode) or status.st_size < HEADER:
                            _remove(directory, entry.name)
                        else:
                            programs.append((status.st_mtime, entry.name, status.st_size))
        total = sum(n_bytes for _, _, n_bytes in programs) + size
        for _, name, n_bytes in sorted(programs):
            if total <= self.max_bytes:
                break
            _remove(directory, name)
            total -= n_bytes


Directory = int | str  # a descriptor, or a path if the system has no descriptors of folders


@contextmanager
def _opened(folder: Path) -> Iterator[Directory]:
    """Open the folder, so that it cannot be replaced while it is used."""
    if os.open not in os.supports_dir_fd:
        yield str(folder)
        return
    directory = os.open(folder, FLAGS | os.O_RDONLY | os.O_DIRECTORY)
    try:
        if reason := distrust_reason(os.fstat(directory)):
            raise PermissionError(reason)
        yield directory
    finally:
        os.close(directory)


def distrust_reason(status: os.stat_result) -> str:
    """Return why a file or folder with this status cannot be trusted, or an empty string."""
    if not hasattr(os, "geteuid"):
        return ""
    if status.st_uid != os.geteuid():
        return f"it belongs to the user with id {status.st_uid}, not to {os.geteuid()}"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"other users may write to it (mode {stat.S_IMODE(status.st_mode):04o})"
    return ""


def _name(key: str) -> str:
    return sha256(key.encode()).hexdigest() + ENDING


def _header(key: str, value: bytes) -> bytes:
    digest = sha256(sha256(key.encode()).digest())
    digest.update(value)
    return MAGIC + digest.digest()


def _dir_fd(directory: Directory) -> int | None:
    return directory if isinstance(directory, int) else None


def _at(directory: Directory, name: str) -> str:
    return name if isinstance(directory, int) else os.path.join(directory, name)


def _remove(directory: Directory, name: str) -> None:
    with suppress(OSError):
        os.unlink(_at(directory, name), dir_fd=_dir_fd(directory))
