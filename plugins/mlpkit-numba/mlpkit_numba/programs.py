"""Compiled functions by key: in this process, and on disk for the next one.

A program is a C function that Numba compiles from Python code. What is stored is its machine code,
so a process that finds all its programs on disk imports llvmlite, and not Numba. The environment
variable ``MLPKIT_CACHE_DIR`` names another folder, or is "off".
"""

import os
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from threading import RLock
from typing import Any

import llvmlite.binding as llvm

from mlpkit.backend_kit import ProgramStore, program_folder
from mlpkit_numba.machine_code import ENTRY, initialize, object_file, target_machine, unoptimized

MAX_BYTES = 1 << 26  # of all programs on disk; those used least recently are removed first
NOTICE = "mlpkit-numba compiles {} once; the next process loads it from disk."

_lock = RLock()
_addresses: dict[str, int] = {}
_engines: list[Any] = []  # they own the machine code


def program(key: str, compiled: Callable[[], Any], notice: str = "") -> int:
    """Return the address of a C function, compiled if neither this process nor the disk has it.

    Parameters
    ----------
    key : str
        What the function depends on, but for the versions of Numba and llvmlite, the source of
        this package and the processor.
    compiled : callable
        ``compiled()`` returns the function as a `numba.cfunc`. It must not raise Python errors,
        allocate arrays or use objects of Numba's runtime, since it is called without Numba.
    notice : str, default=""
        What is compiled, for a line on stderr if that takes seconds.
    """
    address = _addresses.get(key)
    if address is None:
        with _lock:
            address = _addresses.get(key)
            if address is None:
                address = _addresses[key] = _loaded(_machine_code(key, compiled, notice))
    return address


@cache
def function(place: str, dtype: str, notice: str = "") -> int:
    """Return the address of a C function of this package for float32 or float64.

    ``place`` is "module:function", where the function returns a `numba.cfunc` for a dtype. The
    module, which imports Numba, is imported only to compile it. ``notice`` is the noun for a line
    on stderr if that takes seconds.
    """

    def compiled() -> Any:
        module, _, name = place.partition(":")
        return getattr(import_module(f"mlpkit_numba.{module}"), name)(dtype)

    return program(f"{place} {dtype}", compiled, notice and f"its {dtype} {notice}")


def _machine_code(key: str, compiled: Callable[[], Any], notice: str) -> bytes:
    store = _store()
    key = f"{_environment()}\n{key}"
    code = None if store is None else store.get(key)
    if code is None:
        if notice:
            print(NOTICE.format(notice), file=sys.stderr, flush=True)
        with unoptimized():
            code = object_file(compiled())
        if store is not None:
            store.put(key, code)
    return code


def _loaded(code: bytes) -> int:
    """Return the address of the function in an object file."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return int(engine.get_function_address(ENTRY))


def _after_fork() -> None:
    """Replace the lock, which another thread of the parent process may have held."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@cache
def _environment() -> str:
    """Return what all programs depend on."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    initialize()
    cpu = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return "\n".join((version("numba"), version("llvmlite"), *cpu, digest))


@cache
def _store() -> ProgramStore | None:
    folder = program_folder("numba")
    return None if folder is None else ProgramStore(folder, MAX_BYTES)
