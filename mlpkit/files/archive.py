"""One zip of JSON and arrays, with a checksum for each member.

A file has the members ``schema.json``, which contains everything but arrays, and
``weights.safetensors``, and one for each object that a plugin stores in a format of its own. No
member is compressed, so a small file cannot fill the memory. The schema has the checksums of the
other members, and the comment of the zip that of the schema.
"""

import errno
import hashlib
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mlpkit.files.array_bytes import array_bytes, arrays_of, shapes_of
from mlpkit.files.atomic_file import write_atomically
from mlpkit.files.errors import InvalidFile, problem_of
from mlpkit.files.values import Reader, Writer

VERSION = 1  # version of the format
SCHEMA, WEIGHTS = "schema.json", "weights.safetensors"
NAME = re.compile(r"objects/[\w.-]+")  # names of the other members
MAX_MEMBERS = 1000
ABOUT = ("format", "version", "checksums")  # entries of the schema that are not content
EPOCH = (1980, 1, 1, 0, 0, 0)  # equal content gives equal files


class Archive(NamedTuple):
    """The content of a file.

    Parameters
    ----------
    content : dict
        Values by name: None, booleans, numbers, strings, bytes, arrays, and lists, tuples and dicts
        of these.
    objects : dict of bytes, default={}
        Members that plugins store in formats of their own, by names such as "builder.model".
    """

    content: dict[str, Any]
    objects: Mapping[str, bytes] = {}


def write_archive(
    path: str | os.PathLike[str], kind: str, archive: Archive, writer: Writer | None = None
) -> None:
    """Write a file atomically.

    Parameters
    ----------
    path : str or path-like
        Where to write it. A file that exists is replaced.
    kind : str
        What the file contains, such as "estimator"; `read_archive` requires the same kind.
    archive : Archive
        The content.
    writer : Writer or None, default=None
        Converts the values. None accepts the types of `Archive` only.

    Raises
    ------
    NotStorable
        If a value cannot be stored. No file is written.
    OSError
        If the file cannot be written, for example if the disk is full.
    """
    writer = writer or Writer()
    content = writer.json_of(archive.content)
    members = {f"objects/{name}": data for name, data in archive.objects.items()}
    members[WEIGHTS] = array_bytes(writer.arrays)
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    about = {"format": _format(kind), "version": VERSION, "checksums": checksums}
    # strings that are not valid Unicode are escaped
    schema = json.dumps({**about, **content}, indent=1, allow_nan=False).encode()

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive_file:
            for name, data in {SCHEMA: schema, **members}.items():
                archive_file.writestr(zipfile.ZipInfo(name, EPOCH), data)
            archive_file.comment = _comment(schema)

    write_atomically(path, write)


def read_archive(
    path: str | os.PathLike[str],
    kind: str,
    object_of: Callable[[dict[str, Any], Mapping[str, bytes]], Any] | None = None,
) -> dict[str, Any]:
    """Return the content of a file.

    Parameters
    ----------
    path : str or path-like
        The file.
    kind : str
        What it must contain.
    object_of : callable or None, default=None
        ``object_of(fields, objects)``: the value of a dict that `Writer.object_of` returned;
        ``objects`` are the further members of the file.

    Raises
    ------
    InvalidFile
        If it is not a file of this kind, is damaged, or was written by a newer version.
    OSError
        If the file does not exist or cannot be opened.
    """
    with open(path, "rb") as file, errors_of(path):
        schema, members = _members(file, kind)
        names = set(members.namelist()) - {SCHEMA}
        checksums = schema["checksums"]
        if checksums.keys() != names or WEIGHTS not in names:
            raise ValueError("its members are not those that its schema lists")
        data = {name: _member(members, name, checksums[name]) for name in sorted(names)}
        arrays = arrays_of(data.pop(WEIGHTS))
        objects = {name.removeprefix("objects/"): bytes(d) for name, d in data.items()}
        make = None if object_of is None else lambda fields: object_of(fields, objects)
        content = {name: value for name, value in schema.items() if name not in ABOUT}
        return dict(Reader(arrays, make).value_of(content))


def read_schema(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Return the schema of a file as JSON, without reading its arrays.

    Raises as `read_archive` does. The checksums of other members are not verified.
    """
    with open(path, "rb") as file, errors_of(path):
        return _members(file, kind)[0]


def read_shapes(path: str | os.PathLike[str], kind: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of a file by name, without reading the arrays.

    Raises as `read_archive` does. The checksums of other members are not verified.
    """
    with open(path, "rb") as file, errors_of(path):
        _, members = _members(file, kind)
        with members.open(WEIGHTS) as weights:
            return shapes_of(weights, members.getinfo(WEIGHTS).file_size)


class errors_of:
    """Context in which errors of reading a file are `InvalidFile`, except for those of plugins."""

    def __init__(self, path: Any) -> None:
        self.path = Path(path)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        match error:
            case InvalidFile():
                raise InvalidFile(self.path, error.reason) from error.__cause__
            case zipfile.BadZipFile() | EOFError() | struct.error() | OSError(errno=errno.EINVAL):
                raise InvalidFile(
                    self.path, "it is not a file of mlpkit, or it is damaged"
                ) from error
            case RecursionError():
                raise InvalidFile(self.path, "its values are nested too deeply") from None
            case MemoryError():
                raise InvalidFile(self.path, "it does not fit into memory") from error
            case NotImplementedError() | RuntimeError():  # compression, encryption
                raise InvalidFile(
                    self.path, f"its zip is not supported ({problem_of(error)})"
                ) from error
            case (
                ValueError()
                | TypeError()
                | KeyError()
                | IndexError()
                | AttributeError()
                | OverflowError()
            ):
                raise InvalidFile(self.path, f"it is damaged: {problem_of(error)}") from error


def _members(file: BinaryIO, kind: str) -> tuple[dict[str, Any], zipfile.ZipFile]:
    """Return the schema, and the zip with valid entries."""
    size = os.fstat(file.fileno()).st_size
    members = zipfile.ZipFile(file)
    entries = members.infolist()
    names = [entry.filename for entry in entries]
    if SCHEMA not in names or len(set(names)) != len(names) or len(names) > MAX_MEMBERS:
        raise InvalidFile("", "it is a zip, but not one of mlpkit")
    for entry in entries:
        if not (entry.filename in (SCHEMA, WEIGHTS) or NAME.fullmatch(entry.filename)):
            raise ValueError(f"it has a member named {entry.filename!r:.100}")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise ValueError("it has a member that is compressed or encrypted")
        if entry.file_size != entry.compress_size:
            raise ValueError("it has a member whose compressed and uncompressed sizes differ")
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError("its members are larger than the file")
    data = bytes(_read(members, SCHEMA))
    if members.comment != _comment(data):
        raise ValueError("its schema does not match its checksum")
    schema = json.loads(data, parse_constant=_reject_constant)
    if not isinstance(schema, dict) or not isinstance(schema.get("checksums"), dict):
        raise ValueError("its schema is invalid")
    _check_format(schema, kind)
    return schema, members


def _reject_constant(constant: str) -> None:
    raise ValueError(f"its schema contains {constant}")


def _check_format(schema: dict[str, Any], kind: str) -> None:
    version, file_format = schema.get("version"), schema.get("format")
    if file_format != _format(kind):
        raise InvalidFile("", f"it contains {file_format!r:.100} instead of {_format(kind)!r}")
    if type(version) is not int or version > VERSION or version < 1:
        raise InvalidFile(
            "",
            f"it has version {version!r:.100} of the format, and this mlpkit reads version"
            f" {VERSION}; install a newer mlpkit",
        )


def _read(members: zipfile.ZipFile, name: str) -> bytearray:
    """Return the bytes of a member, which arrays can be views of."""
    data = bytearray(members.getinfo(name).file_size)
    with members.open(name) as member:
        if member.readinto(data) != len(data) or member.read(1):  # type: ignore[attr-defined]
            raise ValueError(f"its member {name!r} is truncated")
    return data


def _member(members: zipfile.ZipFile, name: str, checksum: Any) -> bytearray:
    data = _read(members, name)
    if hashlib.sha256(data).hexdigest() != checksum:
        raise ValueError(f"its member {name!r} does not match its checksum")
    return data


def _format(kind: str) -> str:
    return f"mlpkit {kind}"


def _comment(schema: bytes) -> bytes:
    return f"mlpkit sha256 {hashlib.sha256(schema).hexdigest()}".encode()
