"""Rows in temporary files: they disappear, also after a crash, and a full disk is an error."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlpkit.data import memory_maps
from mlpkit.data.memory_maps import written_rows
from mlpkit.data.temporary_folders import TemporaryFolder, parents_of_folders

pytestmark = pytest.mark.once
BLOCKS = [np.ones((2, 3)), np.full((1, 3), 2.0)]
HOLD = """
import sys, time
from mlpkit.data.temporary_folders import TemporaryFolder
folder = TemporaryFolder()
(folder.path / "rows").write_bytes(bytes(1000))
print(folder.path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that contains the temporary folders."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return parents_of_folders()


def test_the_file_exists_as_long_as_an_array(folder: Path) -> None:
    """Views count, too."""
    rows = written_rows(BLOCKS, 3, 3, "float32")
    assert rows.tolist() == [[1.0] * 3, [1.0] * 3, [2.0] * 3]
    view = np.asarray(rows)[1:]
    del rows
    gc.collect()
    assert len(list(folder.iterdir())) == 1
    assert view.sum() == 9
    del view
    gc.collect()
    assert not list(folder.iterdir())


def test_the_folder_is_private(folder: Path) -> None:
    """No other user can read the rows."""
    rows = written_rows(BLOCKS, 3, 3, "float32")
    for path in (folder, *folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    del rows


@pytest.mark.parametrize("n_rows", [2, 4])
def test_another_number_of_rows_is_an_error(folder: Path, n_rows: int) -> None:
    """The file is removed."""
    with pytest.raises(ValueError, match=f"3 rows were read, but there were {n_rows} before"):
        written_rows(BLOCKS, n_rows, 3, "float32")
    gc.collect()
    assert not list(folder.iterdir())


def test_too_little_space_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is raised before the first row is written, and no file is left."""
    monkeypatch.setattr(
        memory_maps.shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20)
    )
    with pytest.raises(OSError, match=r"require 36 bytes of disk space .* where 1 MiB are free"):
        written_rows(BLOCKS, 3, 3, "float32")
    assert not list(folder.iterdir())


def test_a_disk_that_becomes_full_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The space is reserved before the first row is written."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        written_rows(BLOCKS, 3, 3, "float32")
    assert not list(folder.iterdir())


def test_the_folder_of_a_killed_process_is_removed_by_the_next(folder: Path) -> None:
    """While the process runs, its folder stays."""
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        path = Path(process.stdout.readline().strip())
        TemporaryFolder().close()
        assert (path / "rows").exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (path / "rows").exists()
    TemporaryFolder().close()
    assert not path.exists()


def test_a_folder_without_a_lock_is_removed_after_an_hour(folder: Path) -> None:
    """Its process was killed while it was created. A new one may still be created."""
    new, old = folder / "new", folder / "old"
    for path in (new, old):
        path.mkdir(parents=True)
    folder.chmod(0o700)
    os.utime(old, (0, time.time() - 3700))
    TemporaryFolder().close()
    assert (new.exists(), old.exists()) == (True, False)


def test_a_fork_does_not_remove_the_folder_of_its_parent() -> None:
    """The child ends without closing it."""
    folder = TemporaryFolder()
    child = os.fork()
    if child == 0:
        folder.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.path.exists()
    folder.close()
    assert not folder.path.exists()
