"""Compiled programs on disk: used by the next process, and without effect on any number."""

import fcntl
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

import jax
import pytest
from jax._src import compilation_cache

from mlpkit_jax import caching

FIT = """
    import hashlib
    import jax
    from jax._src import compilation_cache
    from sklearn.datasets import load_iris
    from mlpkit import MLPClassifier
    from mlpkit_jax import caching

    found = []
    jax.monitoring.register_event_listener(lambda event, **_: found.append(event))
    caching.WORTHWHILE = 0.0
    {before}
    X, y = load_iris(return_X_y=True)
    weights = hashlib.sha256()
    for n in range(4):
        clf = MLPClassifier((8 + n,), backend="jax", tol=10.0, n_iter_no_change=1, random_state=0)
        for array in clf.fit(X, y).coefs_ + clf.intercepts_:
            weights.update(array.tobytes())
    folder = getattr(compilation_cache._cache, "_path", None)
    print(found.count("/jax/compilation_cache/cache_hits"), folder, weights.hexdigest())
"""
JAX_SETTINGS = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")
# programs are stored in the same way, however they are compiled
QUICK_COMPILATION = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def fit(folder: Path | str, before: str = "", **settings: str) -> "subprocess.Popen[str]":
    """A process of its own that fits, and prints how many programs were on disk, and where."""
    code = textwrap.dedent(FIT.format(before=before))
    kept = {key: value for key, value in os.environ.items() if key not in JAX_SETTINGS}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env={**kept, "MLPKIT_CACHE_DIR": str(folder), "XLA_FLAGS": QUICK_COMPILATION, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Result(NamedTuple):
    """What a process prints."""

    hits: int  # programs that were on disk
    folder: str
    weights: str  # a digest


def result_of(process: "subprocess.Popen[str]") -> Result:
    """What the process prints; it emits neither warnings nor other output."""
    out, errors = process.communicate(timeout=180)
    assert (process.returncode, errors) == (0, "")
    hits, folder, weights = out.split()
    return Result(int(hits), folder, weights)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What the first process prints, which creates the folder."""
    return result_of(fit(tmp_path_factory.mktemp("programs") / "new" / "cache"))


@pytest.fixture
def folder(first: Result, tmp_path: Path) -> Path:
    """A copy of the folder with the programs of the first process."""
    created = Path(first.folder)
    shutil.copytree(created.parent, tmp_path / "cache")
    return tmp_path / "cache" / created.name


def test_the_second_process_compiles_nothing(first: Result, folder: Path) -> None:
    """It does not wait for locks either. All new folders, parents included, are private."""
    assert first.hits == 0
    created = Path(first.folder)
    for path in (created, created.parent, created.parent.parent):
        assert path.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in created.iterdir())
    (folder / ".lockfile").touch()  # that of JAX's own cache
    files = [path.open("rb") for path in folder.iterdir()]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    second = result_of(fit(folder.parent))
    for file in files:
        file.close()
    assert second == (len(files) - 1, str(folder), first.weights)


def test_processes_at_the_same_time(first: Result, tmp_path: Path) -> None:
    """Each fits, whichever writes first, and the next process finds valid programs."""
    tmp_path.chmod(0o700)
    results = [result_of(process) for process in [fit(tmp_path) for _ in range(2)]]
    assert {result.weights for result in results} == {first.weights}
    assert result_of(fit(tmp_path))[::2] == (len(list(Path(first.folder).iterdir())), first.weights)


def test_damaged_programs_are_compiled_again_once(first: Result, folder: Path) -> None:
    """Without a warning and with the same weights; the next process finds all programs."""
    programs = sorted(folder.iterdir())
    contents = [program.read_bytes() for program in programs]
    assert len(programs) == 5  # of four networks and of `options_on_cpu`
    programs[0].write_bytes(contents[0][:-1])
    middle = len(contents[1]) // 2
    programs[1].write_bytes(contents[1][:middle] + b"?" + contents[1][middle + 1 :])
    programs[2].write_bytes(contents[3])
    programs[3].unlink()
    (programs[3] / "inner").mkdir(parents=True)
    again = result_of(fit(folder.parent))
    assert again == (len(programs) - 4, str(folder), first.weights)
    assert result_of(fit(folder.parent)) == (len(programs), str(folder), first.weights)


def test_a_full_disk(first: Result, tmp_path: Path) -> None:
    """Programs are not kept, no remains are left, and the fit succeeds."""
    tmp_path.chmod(0o700)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    result = result_of(fit(tmp_path, limit))
    assert (result.hits, result.weights) == (0, first.weights)
    assert not list(Path(result.folder).iterdir())


def test_the_size_is_limited(first: Result, folder: Path) -> None:
    """The programs that were used least recently are removed."""
    total = sum(path.stat().st_size for path in folder.iterdir())
    result = result_of(fit(folder.parent, f"caching.MAX_BYTES = {total - 1}"))
    assert 0 < sum(path.stat().st_size for path in folder.iterdir()) < total
    assert result.weights == first.weights


def test_jaxs_own_cache_remains(first: Result, tmp_path: Path) -> None:
    """A cache that the user has configured is not replaced."""
    theirs = str(tmp_path / "theirs")
    before = "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)"
    result = result_of(fit(tmp_path / "ours", before, JAX_COMPILATION_CACHE_DIR=theirs))
    assert result == (0, theirs, first.weights)
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("setting", ["off", "disabled in JAX", "configured in JAX", "in use"])
def test_settings_without_a_store(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No store replaces the cache of JAX."""
    monkeypatch.setattr(compilation_cache, "_cache", object() if setting == "in use" else None)
    monkeypatch.setattr(compilation_cache, "_cache_initialized", False)
    monkeypatch.setattr(caching, "ProgramStore", pytest.fail)
    monkeypatch.setenv("MLPKIT_CACHE_DIR", "off" if setting == "off" else str(tmp_path))
    changes = {
        "disabled in JAX": {"jax_enable_compilation_cache": False},
        "configured in JAX": {"jax_compilation_cache_dir": str(tmp_path)},
    }.get(setting, {})
    before = {name: getattr(jax.config, name) for name in changes}
    try:
        for name, value in changes.items():
            jax.config.update(name, value)
        caching.keep_programs.__wrapped__()
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def test_unsupported_versions_of_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the module of JAX has other names, programs are not stored."""
    monkeypatch.delattr(compilation_cache, "_cache_initialized_mutex")
    monkeypatch.setattr(caching, "program_folder", pytest.fail)
    caching.keep_programs.__wrapped__()
