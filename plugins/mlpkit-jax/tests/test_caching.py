"""Programs on disk: found again, left alone, refused, shared by processes at a time."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mlpkit_jax import caching

FIT = """
    import jax
    from sklearn.datasets import load_iris
    from mlpkit import MLPClassifier

    found = []
    jax.monitoring.register_event_listener(lambda event, **_: found.append(event))
    {before}
    X, y = load_iris(return_X_y=True)
    for n in range(8, 8 + {networks}):
        MLPClassifier((n,), backend="jax", tol=10.0, n_iter_no_change=1).fit(X, y)
    print(found.count("/jax/compilation_cache/cache_hits"), jax.config.jax_compilation_cache_dir)
"""
JAX_SETTINGS = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")


def fit(
    folder: Path | str, before: str = "", networks: int = 1, **settings: str
) -> "subprocess.Popen[str]":
    """A process of its own that fits, and tells how many programs were on disk, and where."""
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
    """Hits, and JAX's folder."""
    out, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors
    hits, folder = out.split()
    return int(hits), folder


def test_the_second_process_compiles_nothing_again(tmp_path: Path) -> None:
    """And the folder is its user's alone."""
    first, second = told(fit(tmp_path)), told(fit(tmp_path))
    assert first[0] == 0 < second[0]
    assert Path(first[1]).parent == tmp_path
    if os.name == "posix":
        assert Path(first[1]).stat().st_mode & 0o077 == 0


def test_processes_at_a_time(tmp_path: Path) -> None:
    """Each fits, whoever writes first, and what they leave is whole."""
    assert all(told(process) for process in [fit(tmp_path) for _ in range(3)])
    assert told(fit(tmp_path))[0] > 0


def test_a_damaged_program_is_compiled_again(tmp_path: Path) -> None:
    """With JAX's warning; the fit goes on."""
    folder = Path(told(fit(tmp_path))[1])
    for program in folder.glob("*-cache"):
        program.write_bytes(b"nothing")
    before = "import warnings; warnings.simplefilter('ignore')"
    assert told(fit(tmp_path, before))[0] == 0


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    """By our variable, or by JAX's."""
    assert told(fit("off")) == (0, "None")
    assert told(fit(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false")) == (0, "None")


def test_a_users_own_cache_stays(tmp_path: Path) -> None:
    """From the environment, or set in the program."""
    theirs = str(tmp_path / "theirs")
    set_it = f"jax.config.update('jax_compilation_cache_dir', {theirs!r})"
    assert told(fit(tmp_path, JAX_COMPILATION_CACHE_DIR=theirs))[1] == theirs
    assert told(fit(tmp_path, set_it))[1] == theirs


def test_it_is_bounded(tmp_path: Path) -> None:
    """What was used longest ago makes room."""
    bound = 100_000  # two or three programs
    before = f"from mlpkit_jax import caching; caching.MAX_BYTES = {bound}"
    told(fit(tmp_path, before, networks=6))
    assert 0 < sum(path.stat().st_size for path in tmp_path.rglob("*-cache")) <= bound
    assert told(fit(tmp_path, before, networks=6))[0] < 6


def test_without_a_folder_to_write_there_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the folder should be; no home at all."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLPKIT_CACHE_DIR", str(tmp_path / "file"))
    assert caching.cache_folder() is None

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.delenv("MLPKIT_CACHE_DIR")
    monkeypatch.setattr(caching, "_of_the_user", no_home)
    assert caching.cache_folder() is None
