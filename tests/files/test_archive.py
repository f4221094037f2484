"""The zip of JSON and arrays."""

import os
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from same import same

from mlpkit.files.archive import Archive, read_archive, read_schema, write_archive
from mlpkit.files.errors import InvalidFile, NotStorable

pytestmark = pytest.mark.once

VALUES = {
    "text": "Zürich \ud800",
    "numbers": [1, -2.5, float("inf"), float("nan"), 10**30, True, None],
    "nested": {"tuple": (1, ("a",)), "by_number": {0: 1.0, "0": 2.0, None: 3}, "$": 1},
    "bytes": b"\x00\xff",
    "weights": {"coef": np.arange(6.0).reshape(2, 3), "fortran": np.asfortranarray(np.eye(3, 2))},
    "shapes": [np.array(3.5, "float32"), np.empty((0, 4)), np.array([True, False])],
    "labels": [
        np.array(["a", "bc"]),
        np.array(["a", 1, None, 2.5], dtype=object),
        np.array(["2020-01-01", "NaT"], "datetime64[D]"),
        np.array([b"x"]),
        np.array([1.0, np.nan], ">f8"),
    ],
    "scalars": [np.float32(0.1), np.int64(3), np.str_("a"), np.bool_(True)],
}


def test_values_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Types, dtypes, shapes, order in memory, NaN and lone surrogates are kept."""
    path = tmp_path / "a.mlpkit"
    write_archive(path, "test", Archive(VALUES, {"builder.model": b"abc"}))
    assert same(VALUES, read_archive(path, "test"))
    assert list(read_schema(path, "test")["checksums"]) == [
        "objects/builder.model",
        "weights.safetensors",
    ]


def test_arrays_are_writable_views_of_what_was_read(tmp_path: Path) -> None:
    """An array is not copied, and can be changed by its owner."""
    path = tmp_path / "a.mlpkit"
    write_archive(path, "test", Archive({"a": np.arange(4), "b": np.ones(3)}))
    content = read_archive(path, "test")
    assert content["a"].base is not None
    content["a"][0] = 7
    assert content["a"].tolist() == [7, 1, 2, 3]


def test_equal_content_gives_equal_files(tmp_path: Path) -> None:
    """The time of writing is not part of the file."""
    for name in "ab":
        write_archive(tmp_path / name, "test", Archive(VALUES))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_cannot_be_stored_is_named(tmp_path: Path) -> None:
    """The error has the path of keys, and no file is left behind."""
    with pytest.raises(NotStorable, match=r"metrics\.0 is a function"):
        write_archive(tmp_path / "a", "test", Archive({"metrics": [lambda: 0]}))
    assert not list(tmp_path.iterdir())


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: Any) -> None:
    """A full disk leaves nothing behind."""
    path = tmp_path / "a"
    write_archive(path, "test", Archive({"a": 1}))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_archive(path, "test", Archive({"a": 2}))
    assert read_archive(path, "test") == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    """A file that is replaced keeps its mode, and a symbolic link stays one."""
    path, link = tmp_path / "a", tmp_path / "link"
    write_archive(path, "test", Archive({"a": 1}))
    path.chmod(0o640)
    link.symlink_to(path)
    write_archive(link, "test", Archive({"a": 2}))
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert read_archive(path, "test") == {"a": 2}


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """A file with one changed byte cannot be read, or has the same content."""
    path, changed = tmp_path / "a", tmp_path / "b"
    write_archive(path, "test", Archive({"a": np.arange(3), "b": "text"}))
    data = path.read_bytes()
    for i in range(len(data)):
        changed.write_bytes(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
        with suppress(InvalidFile):
            assert same(read_archive(changed, "test"), {"a": np.arange(3), "b": "text"})
    for n in range(len(data)):
        changed.write_bytes(data[:n])
        with pytest.raises(InvalidFile):
            read_archive(changed, "test")


@pytest.mark.parametrize("name", ["../x", "objects/../../x", "/etc/x", "objects/a/b", "other.json"])
def test_names_that_leave_the_file_are_rejected(tmp_path: Path, name: str) -> None:
    """A member has one of the names that mlpkit writes."""
    path = tmp_path / "a"
    write_archive(path, "test", Archive({"a": 1}))
    with zipfile.ZipFile(path, "a") as members:
        comment = members.comment
        members.writestr(name, b"x")
        members.comment = comment
    with pytest.raises(InvalidFile, match="has a member named"):
        read_archive(path, "test")


def test_a_compressed_member_is_rejected(tmp_path: Path) -> None:
    """Nothing is decompressed, so a small file cannot fill the memory."""
    path = tmp_path / "a"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("schema.json", b" " * 10**7)
    with pytest.raises(InvalidFile, match="compressed"):
        read_archive(path, "test")


def test_another_kind_or_version_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    """The error says what the file contains, or which version it has."""
    path = tmp_path / "a"
    write_archive(path, "checkpoint", Archive({"a": 1}))
    with pytest.raises(InvalidFile, match=r"read: it contains 'mlpkit checkpoint' instead"):
        read_archive(path, "estimator")
    monkeypatch.setattr("mlpkit.files.archive.VERSION", 2)
    write_archive(path, "estimator", Archive({"a": 1}))
    monkeypatch.undo()
    with pytest.raises(InvalidFile, match=r"version 2 of the format.*install a newer mlpkit"):
        read_schema(path, "estimator")
