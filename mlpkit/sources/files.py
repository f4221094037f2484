"""The files of a path: one file, all files of a folder or a pattern, or standard input."""

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import pyarrow as pa

from mlpkit.messages import comma_separated, escaped
from mlpkit.sources.errors import InputError, errors_of

Format = Literal["csv", "parquet", "arrow", "arrow stream"]

STDIN = "-"
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow stream",
    ".feather": "arrow",
    ".ipc": "arrow",
}
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow stream"),
)
GZIP = b"\x1f\x8b"


class Source(NamedTuple):
    """A file, or standard input, with the name that messages use.

    Parameters
    ----------
    name : str
        The escaped name.
    path : Path or None
        The file; None for standard input.
    format : {"csv", "parquet", "arrow", "arrow stream"}
        Its format.
    stamp : tuple of int or None, default=None
        The size of the file and the time of its last change, by which `check_unchanged` notices
        that it is another one.
    """

    name: str
    path: Path | None
    format: Format
    stamp: tuple[int, int] | None = None

    def stamped(self) -> "Source":
        """The source with the stamp that the file has now."""
        return self._replace(stamp=self._present_stamp())

    def check_unchanged(self) -> None:
        """Raise InputError if the file was changed since it was stamped."""
        if self.stamp is not None and self._present_stamp() != self.stamp:
            raise InputError(
                f"{self.name} was changed while it was in use. Call scan again to use its present"
                " rows."
            )

    def _present_stamp(self) -> tuple[int, int] | None:
        if self.path is None:
            return None
        with errors_of(self.name):
            status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    @contextmanager
    def stream(self) -> Iterator[Any]:
        """Open the decompressed bytes for reading from the first to the last."""
        if self.path is None:
            yield stdin()
            return
        with errors_of(self.name):
            opened = pa.input_stream(str(self.path), compression=_compression(self.path))
        with opened as file:
            yield file


def stdin() -> Any:
    """Return the decompressed bytes of standard input, which can be read once."""
    packed = _peeked(2) == GZIP
    stream = pa.PythonFile(_Unclosed(sys.stdin.buffer), mode="r")
    return pa.CompressedInputStream(stream, "gzip") if packed else stream


def sources_of(path: str) -> list[Source]:
    """Return the files of a path, in the order of their names.

    ``path`` is a file, a folder, a pattern such as "2024-*.csv", or "-" for standard input. In
    a folder, hidden files and those that begin with "_" are ignored. Raises InputError if no file
    has a known format, or if a folder has files of several formats.
    """
    if path == STDIN:
        return [Source("standard input", None, _stdin_format())]
    root, name = Path(path), escaped(path)
    if glob.has_magic(path) and not root.exists():
        matches = sorted(glob.glob(path, recursive=True))
        if not matches:
            raise InputError(f"{name}: no file matches this pattern")
        return [source for match in matches for source in sources_of(match)]
    with errors_of(name):
        root.stat()
    if not root.is_dir():
        return [Source(name, root, _format_of(root, name))]
    files = sorted(_files_of(root), key=lambda file: file.relative_to(root).parts)
    sources = [Source(escaped(file), file, _format_of(file, escaped(file))) for file in files]
    if not sources:
        raise InputError(f"{name}: the folder contains no file")
    formats = list(dict.fromkeys(source.format for source in sources))
    if len(formats) > 1:
        first = [next(s.name for s in sources if s.format == f) for f in formats]
        raise InputError(
            f"{name}: the files of a folder must have one format, but {first[0]} is"
            f" {formats[0]} and {first[1]} is {formats[1]}"
        )
    return sources


@contextmanager
def rereadable(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Return sources that can be read several times: standard input is copied to a file."""
    if all(source.path is not None for source in sources):
        yield list(sources)
        return
    with tempfile.TemporaryDirectory(prefix="mlpkit-") as folder:
        copy = Path(folder, "stdin")
        with sources[0].stream() as stream, copy.open("wb") as file:
            shutil.copyfileobj(stream, file)
        yield [sources[0]._replace(path=copy)]


def _files_of(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders that may contain data."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "._"]
        for name in folders:
            if "=" in name:
                raise InputError(
                    f"{escaped(folder)}: the name of the folder {escaped(name)!r} contains the"
                    " value of a column, which is not supported. Write the column into the files."
                )
        for name in names:
            if name[0] not in "._":
                yield Path(parent, name)


def _compression(path: Path) -> str | None:
    return COMPRESSED.get(path.suffix.lower())


def _format_of(path: Path, name: str) -> Format:
    """The format of a file by its suffix, or else by its first bytes."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
        if not suffixes or SUFFIXES.get(suffixes[-1]) != "csv":
            raise InputError(
                f"{name}: only CSV files may be compressed, as in data.csv.gz; Parquet and Arrow"
                " files have their own compression"
            )
    known = SUFFIXES.get(suffixes[-1]) if suffixes else None
    if known in ("csv", "parquet"):
        return known
    with errors_of(name), path.open("rb") as file:
        start = file.read(8)
    if detected := _format_of_bytes(start):
        return detected
    if known is not None:
        raise InputError(f"{name}: not an Arrow file or stream")
    raise InputError(
        f"{name}: unknown format. The formats are CSV, Parquet and Arrow, with the suffixes:"
        f" {comma_separated(SUFFIXES)}."
    )


def _format_of_bytes(start: bytes) -> Format | None:
    return next((form for magic, form in MAGIC if start.startswith(magic)), None)


def _stdin_format() -> Format:
    """The format of standard input by its first bytes; CSV unless they are those of another."""
    return _format_of_bytes(_peeked(8)) or "csv"


def _peeked(size: int) -> bytes:
    """The first bytes of standard input, which are not consumed."""
    peek = getattr(sys.stdin.buffer, "peek", None)
    return b"" if peek is None else bytes(peek(size)[:size])


class _Unclosed:
    """A stream that stays open when pyarrow has read it."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        return self.stream.read(size)

    def readable(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Do nothing."""
