"""Compiled programs on disk, in a folder of limited size.

A program in the folder is executed, so the folder and its files must belong to this user, and no
other user may have write access. Each file starts with a digest of its key and its content: a
truncated, empty or renamed file is removed, and its program is compiled again. Files are written
under a temporary name and renamed, so no lock is needed.
"""

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from mlpkit.backend_kit.private_folders import distrust_reason

MAGIC = b"mlpkit program 1\n"
HEADER = len(MAGIC) + sha256().digest_size
ENDING, UNFINISHED = ".program", ".part"
ABANDONED = 3600  # seconds after which an unfinished file is removed
UNREADABLE = (errno.ELOOP, errno.EACCES)  # a symbolic link; no permission
FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class ProgramStore:
    """Compiled programs by key, in a folder that only this user can access.

    No method raises an error or waits: a program that cannot be read is not found, and one that
    cannot be written is not kept. The programs that were used least recently are removed first.

    Parameters
    ----------
    folder : Path
        The folder, such as that of `program_folder`.
    max_bytes : int
        The largest size of all programs together.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = ProgramStore(Path(folder), max_bytes=1000)
    ...     store.put("layers=(5,)", b"code")
    ...     store.get("layers=(5,)"), store.get("layers=(6,)")
    (b'code', None)
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._path = folder  # a framework may log an attribute of this name
        self.max_bytes = max_bytes
        with suppress(OSError), _opened(folder) as directory:
            _close_to_others(directory)
            self._make_room(directory, 0)

    def get(self, key: str) -> bytes | None:
        """Return a program.

        Parameters
        ----------
        key : str
            The key under which it was stored.

        Returns
        -------
        bytes or None
            None if there is none, or if its entry is damaged; a damaged entry is removed.
        """
        with suppress(OSError), _opened(self._path) as directory:
            name = _name(key)
            try:
                content = self._read(directory, name)
            except OSError as error:
                if error.errno not in UNREADABLE:
                    return None
                content = None
            if content is not None and content[:HEADER] == _header(key, content[HEADER:]):
                with suppress(OSError):  # the folder may be read-only
                    os.utime(_at(directory, name), dir_fd=_dir_fd(directory))
                return content[HEADER:]
            _remove(directory, name)
        return None

    def put(self, key: str, value: bytes) -> None:
        """Store a program in place of an older one with this key, if there is room.

        Parameters
        ----------
        key : str
            The key.
        value : bytes
            The program. Nothing is stored if it is larger than the store may be.
        """
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
        descriptor = os.open(_at(directory, name), flags, dir_fd=_dir_fd(directory))
        try:
            status = os.fstat(descriptor)
            is_trusted = stat.S_ISREG(status.st_mode) and not distrust_reason(status)
            if not is_trusted or status.st_size > self.max_bytes:
                return None
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)

    def _make_room(self, directory: "Directory", size: int) -> None:
        """Remove invalid files, and the oldest programs until `size` more bytes fit."""
        programs = []
        now = time.time()
        with os.scandir(directory) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(UNFINISHED):
                        if abs(now - status.st_mtime) > ABANDONED:  # the clock may be set back
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
    """Remove a file, or whatever else has its name."""
    path, dir_fd = _at(directory, name), _dir_fd(directory)
    try:
        os.unlink(path, dir_fd=dir_fd)
    except OSError:
        shutil.rmtree(path, ignore_errors=True, dir_fd=dir_fd)


def _close_to_others(directory: Directory) -> None:
    """Remove the access of other users, who may have read access."""
    with suppress(OSError):  # the system may be read-only
        if isinstance(directory, int) and os.fstat(directory).st_mode & 0o077:
            os.fchmod(directory, 0o700)
