"""Compiled programs on disk: used by the next process, and without effect on any number."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import config

from mlpkit_numba.blas import has_faster_tiles
from mlpkit_numba.machine_code import unoptimized

FIT = """
import hashlib, sys
from sklearn.datasets import load_iris
from mlpkit import MLPClassifier

X, y = load_iris(return_X_y=True)
clf = MLPClassifier((8,), backend="numba", tol=10.0, n_iter_no_change=1, random_state=0).fit(X, y)
weights = b"".join(array.tobytes() for array in clf.coefs_ + clf.intercepts_)
print("numba" in sys.modules, hashlib.sha256(weights).hexdigest())
"""
SQUARE = """
import ctypes, sys
from mlpkit_numba.programs import program

def compiled():
    import numba
    return numba.cfunc("float64(float64)")(lambda x: x * x)

address = program("square", compiled)
found = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address)(3.0)
print(found, "numba" in sys.modules, program("square", compiled) == address)
"""
NOTICE = "mlpkit-numba compiles its float64 loop once; the next process loads it from disk.\n"


def output(code: str, folder: Path | str) -> tuple[str, str]:
    """What a process of its own writes to stdout and to stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "MLPKIT_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of a first process."""
    return tmp_path_factory.mktemp("programs")


def programs(folder: Path) -> list[Path]:
    """The programs on disk."""
    return sorted(folder.glob("numba-*/*.program"))


def test_the_next_process_imports_no_numba_and_compiles_nothing(folder: Path) -> None:
    """It says nothing on stderr, and finds the same weights, bit for bit. The first one writes one
    line. A damaged program is compiled again.
    """
    first, line = output(FIT, folder)
    assert line == NOTICE and first.startswith("True ")
    # the loop, its parts and the solver, the loss, and the products where BLAS is slow
    assert len(programs(folder)) == 4 + has_faster_tiles()
    assert all(stat.S_IMODE(path.parent.stat().st_mode) == 0o700 for path in programs(folder))
    second, nothing = output(FIT, folder)
    assert (second, nothing) == (first.replace("True", "False"), "")
    smallest = min(programs(folder), key=lambda path: path.stat().st_size)
    content = smallest.read_bytes()
    smallest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    third, nothing = output(FIT, folder)
    assert (third, nothing) == (first, "")
    assert output(FIT, folder) == (second, "")


def test_a_program_is_one_for_a_process(tmp_path: Path) -> None:
    """It is compiled in the first process, and loaded in the second one."""
    assert [output(SQUARE, tmp_path)[0] for _ in range(2)] == [
        "9.0 True True\n",
        "9.0 False True\n",
    ]


def test_without_a_folder_each_process_compiles(tmp_path: Path) -> None:
    """MLPKIT_CACHE_DIR=off writes no file; nor is a folder used to which others can write."""
    before = sorted(tmp_path.iterdir())
    assert output(SQUARE, "off")[0] == "9.0 True True\n"
    assert sorted(tmp_path.iterdir()) == before
    if os.name == "posix":
        tmp_path.chmod(0o777)
        for _ in range(2):
            assert output(SQUARE, tmp_path)[0] == "9.0 True True\n"


def test_other_versions_have_other_programs(folder: Path) -> None:
    """A program depends on the versions of Numba and llvmlite."""
    for name in ("numba", "llvmlite"):
        other = (
            "import importlib.metadata as m; real = m.version\n"
            f"m.version = lambda name: '0' if name == {name!r} else real(name)\n"
        )
        output(SQUARE, folder)
        assert output(other + SQUARE, folder)[0] == "9.0 True True\n"


def test_numba_optimizes_the_functions_of_others() -> None:
    """Its options are those of before when a program is compiled, also after an error."""
    before, meanwhile = config.OPT, []

    def fail() -> None:
        with unoptimized():
            meanwhile.append(config.OPT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert meanwhile == [0] and config.OPT is before
