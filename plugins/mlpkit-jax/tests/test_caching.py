"""Programs on disk: found again, left alone, shared by processes; folders that are refused."""

import fcntl
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mlpkit_jax import caching

FIT = """
    import jax
    from jax._src import compilation_cache
    from sklearn.datasets import load_iris
    from mlpkit import MLPClassifier

    found = []
    jax.monitoring.register_event_listener(lambda event, **_: found.append(event))
    {before}
    X, y = load_iris(return_X_y=True)
    for n in range(8, 8 + {networks}):
        MLPClassifier((n,), backend="jax", tol=10.0, n_iter_no_change=1).fit(X, y)
    folder = getattr(compilation_cache._cache, "_path", None)
    print(found.count("/jax/compilation_cache/cache_hits"), folder)
"""
JAX_SETTINGS = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")


def fit(
    folder: Path | str, before: str = "", networks: int = 1, **settings: str
) -> "subprocess.Popen[str]":
    """A process of its own that fits, and prints how many programs were on disk, and where."""
    code = textwrap.dedent(FIT.format(before=before, networks=networks))
    kept = {key: value for key, value in os.environ.items() if key not in JAX_SETTINGS}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env={**kept, "MLPKIT_CACHE_DIR": str(folder), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Hits, and the folder of the cache; the process prints nothing else."""
    out, errors = process.communicate(timeout=180)
    assert (process.returncode, errors) == (0, "")
    hits, folder = out.split()
    return int(hits), folder


def test_the_second_process_compiles_nothing_again(tmp_path: Path) -> None:
    """All folders that are made, parents included, are for this user alone."""
    top = tmp_path / "new" / "cache"
    first, second = told(fit(top)), told(fit(top))
    assert first[0] == 0 < second[0]
    folder = Path(first[1])
    assert folder.parent == top
    if os.name == "posix":
        assert all(each.stat().st_mode & 0o777 == 0o700 for each in (top.parent, top, folder))
        assert all(each.stat().st_mode & 0o777 == 0o600 for each in folder.iterdir())


def test_processes_at_a_time(tmp_path: Path) -> None:
    """Each fits, whoever writes first, and what they leave is whole."""
    assert all(told(process) for process in [fit(tmp_path) for _ in range(3)])
    assert told(fit(tmp_path))[0] > 0


def test_damaged_programs_are_compiled_again_once(tmp_path: Path) -> None:
    """Empty, truncated and exchanged ones, without a warning; the next process finds all."""
    every = "from mlpkit_jax import caching; caching.WORTHWHILE = 0"
    _, folder = told(fit(tmp_path, every, networks=4))
    whole, _ = told(fit(tmp_path, every, networks=4))
    programs = sorted(Path(folder).iterdir())
    assert whole >= len(programs) >= 4
    contents = [program.read_bytes() for program in programs]
    programs[0].write_bytes(b"")
    programs[1].write_bytes(contents[1][:-1])
    programs[2].write_bytes(contents[3])
    programs[3].write_bytes(contents[2])
    assert told(fit(tmp_path, every, networks=4))[0] <= whole - 4
    assert told(fit(tmp_path, every, networks=4))[0] == whole


def test_locks_do_not_delay(tmp_path: Path) -> None:
    """A process that holds a lock on everything in the folder is not waited for."""
    folder = Path(told(fit(tmp_path))[1])
    (folder / ".lockfile").touch()  # that of JAX's own cache
    files = [each.open("rb") for each in folder.iterdir()]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    assert told(fit(tmp_path))[0] > 0
    assert told(fit(tmp_path, networks=2))[0] > 0
    for file in files:
        file.close()


def test_a_full_disk(tmp_path: Path) -> None:
    """Programs are not kept, no remains are left, and the fit succeeds."""
    before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    hits, folder = told(fit(tmp_path, before))
    assert (hits, list(Path(folder).iterdir())) == (0, [])


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    """By our variable, or by JAX's."""
    assert told(fit("off")) == (0, "None")
    assert told(fit(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false")) == (0, "None")


def test_a_users_own_cache_stays(tmp_path: Path) -> None:
    """From the environment, or set in the program."""
    theirs = str(tmp_path / "theirs")
    set_it = f"jax.config.update('jax_compilation_cache_dir', {theirs!r})"
    slow = "; jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)"
    own = f"import jax; {set_it}{slow}"
    for before, settings in (
        (own, {}),
        (f"import jax{slow}", {"JAX_COMPILATION_CACHE_DIR": theirs}),
    ):
        assert told(fit(tmp_path / "ours", before, **settings))[1] == theirs
    assert not (tmp_path / "ours").exists()


def test_another_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where JAX's module is another one, there is no cache."""
    from jax._src import compilation_cache

    monkeypatch.delattr(compilation_cache, "_cache_initialized_mutex")
    monkeypatch.setattr(caching, "cache_folder", pytest.fail)
    caching.keep_programs.__wrapped__()


def test_it_is_bounded(tmp_path: Path) -> None:
    """What was used longest ago makes room."""
    bound = 100_000  # two or three programs
    before = f"from mlpkit_jax import caching; caching.MAX_BYTES = {bound}"
    told(fit(tmp_path, before, networks=6))
    assert 0 < sum(path.stat().st_size for path in tmp_path.rglob("*.program")) <= bound
    assert told(fit(tmp_path, before, networks=6))[0] < 6


def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> str:
    """The one message about a folder that `MLPKIT_CACHE_DIR` names, and that is not used."""
    monkeypatch.setenv("MLPKIT_CACHE_DIR", str(folder))
    caplog.clear()
    assert caching.cache_folder() is None
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
    folder = caching.cache_folder()
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
    """A link, also one to nothing, is not followed; a file is no folder."""
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
    folder = caching._processor()
    (tmp_path / "there" / f"jax-{folder}").symlink_to(tmp_path)
    assert "is a symbolic link" in refused(tmp_path / "there", monkeypatch, caplog)
    assert "Not a directory" in refused(tmp_path / "file" / "in it", monkeypatch, caplog)


def test_the_default_folder_is_given_up_silently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No home; a home of another user, as under sudo, where nothing is made."""

    def no_home() -> Path:
        raise RuntimeError("there is no home")

    monkeypatch.delenv("MLPKIT_CACHE_DIR", raising=False)
    monkeypatch.setattr(caching, "_user_caches", no_home)
    assert caching.cache_folder() is None
    monkeypatch.setattr(caching, "_user_caches", lambda: tmp_path / ".cache")
    me = os.geteuid()
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: me + 1)
        assert caching.cache_folder() is None
    assert not list(tmp_path.iterdir())
    assert caching.cache_folder() is not None
    assert not caplog.records
