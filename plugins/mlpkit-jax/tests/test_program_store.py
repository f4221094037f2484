"""The folder of programs: what it believes, what it removes, and that it never raises."""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlpkit_jax.program_store import ENDING, HEADER, UNFINISHED, ProgramStore


@pytest.fixture
def store(tmp_path: Path) -> ProgramStore:
    """One with two programs."""
    tmp_path.chmod(0o700)
    found = ProgramStore(tmp_path, 10_000)
    found.put("one", b"1" * 1000)
    found.put("two", b"2" * 1000)
    return found


def path_of(store: ProgramStore, value: bytes) -> Path:
    """The file that holds a program."""
    (found,) = (p for p in store._path.iterdir() if p.read_bytes().endswith(value))
    return found


def test_what_is_put_is_got(store: ProgramStore) -> None:
    """By its key, by another store too; a later one takes the place of an earlier one."""
    assert ProgramStore(store._path, 10_000).get("one") == b"1" * 1000
    store.put("one", b"new")
    assert (store.get("one"), store.get("two"), store.get("three")) == (b"new", b"2" * 1000, None)
    store.put("empty", b"")
    assert store.get("empty") == b""


@pytest.mark.parametrize("keep", [0, 5, HEADER - 1, HEADER, HEADER + 999])
def test_truncated_programs(store: ProgramStore, keep: int) -> None:
    """They are removed when they are asked for."""
    path = path_of(store, b"1")
    path.write_bytes(path.read_bytes()[:keep])
    assert store.get("one") is None
    assert not path.exists()
    store.put("one", b"again")
    assert store.get("one") == b"again"


def test_exchanged_and_altered_programs(store: ProgramStore) -> None:
    """The digest covers the key too."""
    one, two = path_of(store, b"1"), path_of(store, b"2")
    os.replace(two, one)
    assert store.get("one") is None and store.get("two") is None
    store.put("two", b"2" * 1000)
    content = bytearray(path_of(store, b"2").read_bytes())
    content[-1] ^= 1
    two.write_bytes(content)
    assert store.get("two") is None


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes in folders")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "writable"])
def test_what_is_no_program_of_ours(store: ProgramStore, kind: str, tmp_path: Path) -> None:
    """It is neither followed, waited for nor believed."""
    path = path_of(store, b"1")
    content = path.read_bytes()
    if kind == "writable":
        path.chmod(0o666)
    else:
        path.unlink()
    if kind == "link":
        elsewhere = tmp_path / "elsewhere"
        elsewhere.write_bytes(content)
        path.symlink_to(elsewhere)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    assert store.get("one") is None
    store.put("one", b"again")
    assert store.get("one") == (None if kind == "folder" else b"again")


def test_remains_are_removed_at_the_start(store: ProgramStore) -> None:
    """Empty files, links, and unfinished files of processes that are gone."""
    for name, age in ((f"old{UNFINISHED}", 7200), (f"new{UNFINISHED}", 0), (f"x{ENDING}", 0)):
        (store._path / name).touch()
        os.utime(store._path / name, (time.time() - age,) * 2)
    (store._path / f"link{ENDING}").symlink_to(store._path)
    (store._path / "other").touch()
    ProgramStore(store._path, 10_000)
    left = {path.name for path in store._path.iterdir() if len(path.stem) < 64}
    assert left == {f"new{UNFINISHED}", "other"}


def test_the_oldest_make_room(store: ProgramStore) -> None:
    """Those that were used least recently; one that is too large is not kept at all."""
    for i, value in enumerate((b"1", b"2")):
        os.utime(path_of(store, value), (i, i))
    store.get("one")
    store.put("three", b"3" * 8500)
    assert [store.get(key) is not None for key in ("one", "two", "three")] == [True, False, True]
    store.put("four", b"4" * 10_000)
    assert store.get("four") is None and store.get("three") is not None


@pytest.mark.parametrize("failing", ["replace", "open", "scandir", "utime", "unlink"])
def test_failures_of_the_system(
    store: ProgramStore, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program is not kept, or not found; nothing is raised and nothing is left behind."""

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    path_of(store, b"2").write_bytes(b"damaged")
    before = len(list(store._path.iterdir()))
    with monkeypatch.context() as patched:
        patched.setattr(f"mlpkit_jax.program_store.os.{failing}", fail)
        store.put("one", b"changed")
        store.get("one")
        store.get("two")
        ProgramStore(store._path, 10_000)
    assert len(list(store._path.iterdir())) <= before
    assert store.get("one") in (b"1" * 1000, b"changed")


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_folder_that_others_came_to_write_to(store: ProgramStore) -> None:
    """It is checked at each use."""
    store._path.chmod(0o777)
    assert store.get("one") is None
    store.put("three", b"3")
    store._path.chmod(0o700)
    assert store.get("one") is not None and store.get("three") is None


def test_a_folder_that_went(tmp_path: Path) -> None:
    """Nothing is found, and nothing is made."""
    store = ProgramStore(tmp_path / "gone", 10_000)
    store.put("one", b"1")
    assert store.get("one") is None
    assert not list(tmp_path.iterdir())


def test_threads(store: ProgramStore) -> None:
    """Readers see a whole program or none, whoever writes."""

    def use(i: int) -> bytes | None:
        store.put("shared", bytes([i]) * 2000)
        return store.get("shared")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(use, range(100)))
    assert all(value is None or len(set(value)) == 1 for value in found)
