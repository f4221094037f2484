"""Folders that keep what was made of files for later fits.

An entry is a folder, whose name is the digest of everything that its content depends on. It is
written inside a temporary folder, synchronized with the disk, and renamed when it is complete:
processes that are killed leave no entry, and processes that write the same one at the same time do
not disturb each other.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mlpkit.backend_kit.private_folders import make_private
from mlpkit.data.temporary_folders import TemporaryFolder, user_name
from mlpkit.files.atomic_file import synchronize_folder
from mlpkit.files.values import Writer
from mlpkit.registry.distributions import own_version

ABOUT = "about.json"  # the file in a cache entry with its source and the sizes of its files
Content = TypeVar("Content")


class SourceFiles(NamedTuple):
    """The files that rows are read from.

    Parameters
    ----------
    source : list of str
        What the user named: absolute paths of files and folders.
    files : list
        The path, the size and the time of the last change of each file, and what else determines
        its rows. JSON can represent it.
    check : callable
        ``check()`` raises ValueError if a file has changed since then.
    """

    source: list[str]
    files: list[Any]
    check: Callable[[], None]


class RowCache:
    """A folder of the user with entries made of files.

    The entries are in a folder inside it to which this user alone has access. Its name begins with
    "_", so that it is not read as data if the folder contains the files, too.

    Parameters
    ----------
    folder : Path
        The folder of the user, which is created if it does not exist.
    origin : SourceFiles
        The files.
    selected : dict, default={}
        Which of their values are used, such as the names of columns.

    Raises
    ------
    OSError
        If the folder cannot be created, or if other users may write to the folder inside it.
    """

    def __init__(
        self, folder: Path, origin: SourceFiles, selected: Mapping[str, Any] | None = None
    ) -> None:
        self.folder, self.origin = folder, origin
        self.selected = dict(selected or {})
        self._top = folder.absolute() / f"_mlpkit-cache-{user_name()}"
        make_private(self._top)

    def with_selected(self, **selected: Any) -> "RowCache":
        """The same folder for other values of the same files."""
        return RowCache(self.folder, self.origin, {**self.selected, **selected})

    def entry(
        self,
        content: Mapping[str, Any],
        write: Callable[[Path], object],
        read: Callable[[Path], Content],
    ) -> Content:
        """Return what ``read(folder)`` makes of an entry, which is written if it does not exist.

        Parameters
        ----------
        content : dict
            What the entry depends on besides the files: values and arrays that files of mlpkit can
            contain.
        write : callable
            ``write(folder)`` writes the files of the entry into an empty folder.
        read : callable
            ``read(folder)`` raises OSError or ValueError if the files are damaged.

        Raises
        ------
        ValueError
            If the files that the rows are read from have changed meanwhile.
        OSError
            If the entry cannot be written. Nothing is left of it.
        """
        path = self._top / self.key(content)
        with suppress(OSError, ValueError):
            if _is_complete(path):
                return read(path)
        self._write(path, write)
        return read(path)

    def key(self, content: Mapping[str, Any]) -> str:
        """Return the digest of the files, the selected values, the versions and a content."""
        writer = Writer()
        about = {**self._about, "selected": self.selected, "content": dict(content)}
        del about["source"]  # the same files may be named in other ways
        digest = hashlib.sha256(json.dumps(writer.json_of(about), sort_keys=True).encode())
        for name in sorted(writer.arrays):
            digest.update(array_digest(writer.arrays[name]).encode())
        return digest.hexdigest()[:40]

    @property
    def _about(self) -> dict[str, Any]:
        versions = {"mlpkit": own_version(), "numpy": np.__version__, "pyarrow": version("pyarrow")}
        return {"source": self.origin.source, "files": self.origin.files, "versions": versions}

    def _write(self, path: Path, write: Callable[[Path], object]) -> None:
        temporary = TemporaryFolder(self._top)
        try:
            new = temporary.path / "new"
            new.mkdir(mode=0o700)
            write(new)
            self.origin.check()
            about = {**self._about, "sizes": {p.name: p.stat().st_size for p in new.iterdir()}}
            (new / ABOUT).write_text(json.dumps(about))
            _synchronize(new)
            with suppress(OSError):  # there is none, or it is in use
                path.rename(temporary.path / "damaged")
            try:
                new.rename(path)
            except OSError:
                if not _is_complete(path):  # another process was not faster
                    raise
            synchronize_folder(self._top)
            for number, other in enumerate(self._unusable()):
                with suppress(OSError):
                    other.rename(temporary.path / f"old{number}")  # removed as a whole
        finally:
            temporary.close()

    def _unusable(self) -> Iterator[Path]:
        """Entries of the same source whose files have changed, or of another version."""
        own = json.loads(json.dumps(self._about))
        for path in list(self._top.iterdir()):
            about = _about_of(path)
            if about.get("source") == own["source"] and any(about.get(k) != own[k] for k in own):
                yield path


def array_digest(array: Any) -> str:
    """Return the digest of an array: of its dtype, its shape and its values."""
    values = np.ascontiguousarray(array)
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    digest.update(values.view(np.uint8).data if values.size else b"")
    return digest.hexdigest()


def _is_complete(path: Path) -> bool:
    """Whether the files of an entry have the sizes that they were written with."""
    sizes: Mapping[str, int] = _about_of(path).get("sizes", {})
    try:
        return bool(sizes) and all((path / n).stat().st_size == s for n, s in sizes.items())
    except OSError:
        return False


def _about_of(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((path / ABOUT).read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _synchronize(folder: Path) -> None:
    """Write the files of a folder to the disk, which else may be there in name only."""
    for path in folder.iterdir():
        with path.open("r+b") as file:
            os.fsync(file.fileno())
    synchronize_folder(folder)
