"""The folder of compiled programs: which folders are rejected, and that no error is raised."""

import logging
import os
from pathlib import Path

import pytest

from mlpkit.backend_kit import program_folder, program_folders

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(os.name != "posix", reason="owners and modes are those of POSIX"),
]


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> str:
    """The one message about a folder that `MLPKIT_CACHE_DIR` names, and that is not used."""
    monkeypatch.setenv("MLPKIT_CACHE_DIR", str(folder))
    caplog.clear()
    assert program_folder("fast") is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"not stored in MLPKIT_CACHE_DIR={folder}: " in record.getMessage()
    assert record.getMessage().endswith("a folder of your own with mode 0700, or to 'off'.")
    return record.getMessage()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o702])
@pytest.mark.parametrize("inner", [False, True])
def test_folders_that_others_can_write_to(
    mode: int,
    inner: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The folder itself, or the one in it."""
    monkeypatch.setenv("MLPKIT_CACHE_DIR", str(tmp_path))
    folder = program_folder("fast")
    assert folder is not None
    (folder if inner else tmp_path).chmod(mode)
    why = f"{folder if inner else tmp_path}: other users may write to it (mode {mode:04o})"
    assert why in refused(tmp_path, monkeypatch, caplog)


def test_folders_of_other_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The owner must be this user, also where this user is root."""
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    message = refused(tmp_path, monkeypatch, caplog)
    assert f"it belongs to the user with id {me}, not to {me + 1}" in message


def test_symbolic_links_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A link, also a dangling one, is not followed; a file is not a folder."""
    for target in ("there", "nowhere"):
        (tmp_path / f"to {target}").symlink_to(tmp_path / target)
    (tmp_path / "there").mkdir(mode=0o700)
    (tmp_path / "file").touch()
    for name, why in (
        ("to there", "is a symbolic link"),
        ("to nowhere", "is a symbolic link"),
        ("file", "is not a folder"),
    ):
        assert why in refused(tmp_path / name, monkeypatch, caplog)
    assert not (tmp_path / "nowhere").exists()
    name = f"fast-{program_folders._processor()}"
    (tmp_path / "there" / name).symlink_to(tmp_path)
    assert "is a symbolic link" in refused(tmp_path / "there", monkeypatch, caplog)
    assert "Not a directory" in refused(tmp_path / "file" / "in it", monkeypatch, caplog)


def test_links_above_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A link of this user or of root is followed; below one of another user, who could
    change it, nothing is created.
    """
    (tmp_path / "there").mkdir(mode=0o700)
    link, me = tmp_path / "link", os.geteuid()
    link.symlink_to(tmp_path / "there")
    monkeypatch.setenv("MLPKIT_CACHE_DIR", str(link / "cache"))
    assert program_folder("fast") is not None
    if me == 0:
        os.lchown(link, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    message = refused(link / "new", monkeypatch, caplog)
    assert f"{link} is a symbolic link that belongs to the user with id" in message
    assert not (tmp_path / "there" / "new").exists()


def test_new_folders_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parents that are created included, whatever the umask."""
    monkeypatch.setenv("MLPKIT_CACHE_DIR", str(tmp_path / "new" / "cache"))
    before = os.umask(0)
    try:
        folder = program_folder("fast")
    finally:
        os.umask(before)
    assert folder is not None
    for path in (folder, folder.parent, folder.parent.parent):
        assert path.stat().st_mode & 0o777 == 0o700


def test_the_default_folder_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a log message: no home; a home of another user, in which nothing is created."""

    def no_home() -> Path:
        raise RuntimeError("home not found")

    monkeypatch.delenv("MLPKIT_CACHE_DIR", raising=False)
    monkeypatch.setattr(program_folders, "_user_caches", no_home)
    assert program_folder("fast") is None
    monkeypatch.setattr(program_folders, "_user_caches", lambda: tmp_path / ".cache")
    me = os.geteuid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: me + 1)
        assert program_folder("fast") is None
    assert not list(tmp_path.iterdir())
    assert program_folder("fast") is not None
    assert not caplog.records
