"""The store of compiled programs: what it accepts, what it removes, and that it never raises."""

import errno
import os
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlpkit.backend_kit.program_store import ENDING, HEADER, UNFINISHED, ProgramStore

pytestmark = pytest.mark.once


@pytest.fixture
def store(tmp_path: Path) -> ProgramStore:
    """One with two programs."""
    tmp_path.chmod(0o700)
    store = ProgramStore(tmp_path, 10_000)
    store.put("one", b"1" * 1000)
    store.put("two", b"2" * 1000)
    return store


def path_of(store: ProgramStore, value: bytes) -> Path:
    """The file that holds a program."""
    (path,) = (p for p in store._path.iterdir() if p.read_bytes().endswith(value))
    return path


def test_stored_programs_are_found(store: ProgramStore) -> None:
    """By its key, by another store too; a later one takes the place of an earlier one."""
    assert ProgramStore(store._path, 10_000).get("one") == b"1" * 1000
    store.put("one", b"new")
    assert (store.get("one"), store.get("two"), store.get("three")) == (b"new", b"2" * 1000, None)
    store.put("empty", b"")
    assert store.get("empty") == b""


@pytest.mark.parametrize("keep", [0, 5, HEADER - 1, HEADER, HEADER + 999])
def test_truncated_programs(store: ProgramStore, keep: int) -> None:
    """They are removed when they are looked up."""
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


def test_any_change_of_a_file_is_noticed(store: ProgramStore) -> None:
    """Flipped bits, missing and additional bytes, and parts of other files."""
    whole, draw = path_of(store, b"1").read_bytes(), random.Random(0)
    path, other = path_of(store, b"1"), path_of(store, b"2").read_bytes()
    for i in range(500):
        content, at = bytearray(whole), draw.randrange(len(whole))
        if i % 4 == 0:
            content[at] ^= 1 << draw.randrange(8)
        elif i % 4 == 1:
            content = content[:at]
        elif i % 4 == 2:
            content[at:at] = draw.randbytes(draw.randint(1, 9))
        else:
            content[at:] = other[at:]
        path.write_bytes(content)
        assert store.get("one") is None, (i, at)
        assert not path.exists()
    store.put("one", b"again")
    assert store.get("one") == b"again"


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes in folders")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "writable"])
def test_files_that_are_not_programs(store: ProgramStore, kind: str, tmp_path: Path) -> None:
    """It is neither followed nor waited for nor accepted, and the program is stored again."""
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
        (path / "inner").mkdir(parents=True)
    assert store.get("one") is None
    assert not os.path.lexists(path)
    store.put("one", b"again")
    assert store.get("one") == b"again"


def test_remains_are_removed_at_the_start(store: ProgramStore) -> None:
    """Empty files, links, and unfinished files of processes that are gone, also if the clock was
    set back since.
    """
    ages = {f"old{UNFINISHED}": 7200, f"new{UNFINISHED}": 0, f"x{ENDING}": 0}
    for name, age in {**ages, f"later{UNFINISHED}": -7200}.items():
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
        patched.setattr(f"mlpkit.backend_kit.program_store.os.{failing}", fail)
        store.put("one", b"changed")
        store.get("one")
        store.get("two")
        ProgramStore(store._path, 10_000)
    assert len(list(store._path.iterdir())) <= before
    assert not list(store._path.glob(f"*{UNFINISHED}"))
    assert store.get("one") in (b"1" * 1000, b"changed")


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_folder_that_others_came_to_write_to(store: ProgramStore) -> None:
    """It is checked at each use."""
    store._path.chmod(0o777)
    assert store.get("one") is None
    store.put("three", b"3")
    store._path.chmod(0o700)
    assert store.get("one") is not None and store.get("three") is None


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_the_folder_is_closed_to_readers(store: ProgramStore) -> None:
    """A folder that others may read becomes private, and its programs are kept."""
    store._path.chmod(0o755)
    assert ProgramStore(store._path, 10_000).get("one") == b"1" * 1000
    assert store._path.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="links need no permission on POSIX")
@pytest.mark.parametrize("replaced", ["nothing", "link", "file"])
def test_a_folder_that_is_removed_while_it_is_used(
    store: ProgramStore, replaced: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing is found and nothing is written, neither there nor where a link leads."""
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(store._path, other, dirs_exist_ok=True)
    shutil.rmtree(store._path)
    if replaced == "link":
        store._path.symlink_to(other)
    elif replaced == "file":
        store._path.touch()
    for one in (store, ProgramStore(store._path, 10)):
        one.put("three", b"3")
        assert one.get("one") is None
    assert store._path.exists() == (replaced != "nothing")
    assert len(list(other.iterdir())) == 2


@pytest.mark.parametrize("seconds", [-1e9, 1e9])
def test_a_clock_that_jumps(
    store: ProgramStore, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs of the future and of the past are programs, and the size stays limited."""
    now = time.time() + seconds
    monkeypatch.setattr("mlpkit.backend_kit.program_store.time.time", lambda: now)
    os.utime(path_of(store, b"1"), (now, now))
    assert ProgramStore(store._path, 10_000).get("two") == b"2" * 1000
    for i in range(20):
        store.put(str(i), bytes(1000))
    assert sum(path.stat().st_size for path in store._path.iterdir()) <= 10_000
    assert store.get("19") is not None


def test_threads(store: ProgramStore) -> None:
    """Readers see a whole program or none, whichever thread writes."""

    def use(i: int) -> bytes | None:
        store.put("shared", bytes([i]) * 2000)
        return store.get("shared")

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(use, range(100)))
    assert all(value is None or len(set(value)) == 1 for value in results)
