"""A cache of compiled programs on disk, which spares the next process the compilation.

The environment variable ``MLPKIT_CACHE_DIR`` names another folder, or is "off". If the user has
configured or disabled JAX's own cache, that setting is respected.
"""

import logging
import os
import platform
import stat
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax

from mlpkit_jax.program_store import ProgramStore, distrust_reason

MAX_BYTES = 1 << 28  # of all programs; those used least recently are removed first
WORTHWHILE = 0.1  # seconds; programs that compile faster are not stored
VARIABLE = "MLPKIT_CACHE_DIR"
LOG = logging.getLogger(__name__)


@cache  # once per process: JAX opens its cache once
def keep_programs() -> None:
    """Set the cache of JAX to a folder of this user and this kind of processor."""
    config: Any = jax.config
    if not config.jax_enable_compilation_cache or config.jax_compilation_cache_dir:
        return
    try:
        from jax._src import compilation_cache

        lock = compilation_cache._cache_initialized_mutex
        in_use = compilation_cache._cache is not None or compilation_cache._cache_initialized
    except (ImportError, AttributeError):
        LOG.debug("Compiled programs are not stored: this version of JAX is not supported.")
        return
    folder = None if in_use else cache_folder()
    if folder is None:
        return
    # JAX's own cache waits for locks, warns about damaged files in each process, and trusts files
    # of other users
    store: Any = ProgramStore(folder, MAX_BYTES)
    with lock:
        compilation_cache._cache, compilation_cache._cache_initialized = store, True
    if config.jax_persistent_cache_min_compile_time_secs > WORTHWHILE:
        config.update("jax_persistent_cache_min_compile_time_secs", WORTHWHILE)


def cache_folder() -> Path | None:
    """Return the folder of the programs, or None if it cannot be trusted or created.

    The reason is logged: as a warning if `VARIABLE` names the folder, otherwise at level DEBUG.
    It is never a Python warning, which may be configured as an error.
    """
    setting = os.environ.get(VARIABLE, "")
    if setting == "off":
        return None
    try:
        top = Path(setting).expanduser().absolute() if setting else _user_caches() / "mlpkit"
        _make(top, at_home=not setting)
        folder = top / f"jax-{_processor()}"
        _make(folder)
    except (OSError, RuntimeError) as error:  # RuntimeError: the user has no home folder
        if setting:
            LOG.warning(
                "Compiled programs are not stored in %s=%s: %s. Set %s to a folder of your own"
                " with mode 0700, or to 'off'.",
                *(VARIABLE, setting, error, VARIABLE),
            )
        else:
            LOG.debug("Compiled programs are not stored: %s.", error)
        return None
    return folder


def _make(folder: Path, at_home: bool = False) -> None:
    """Create the folder, if it does not exist, with access for this user only.

    Raises OSError if it cannot be trusted. With `at_home`, the folder is only created inside a
    folder that belongs to this user: under sudo, the home folder belongs to another user, who
    could not use the new folder afterwards.
    """
    missing = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    if missing and at_home and (reason := distrust_reason(folder.stat())):
        raise PermissionError(f"{folder}: {reason}")
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)  # another process may have been faster
    folder = missing[0] if missing else folder
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a folder"
        raise NotADirectoryError(f"{folder} is {kind}")
    if reason := distrust_reason(status):
        raise PermissionError(f"{folder}: {reason}")


def _user_caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _processor() -> str:
    """Return a digest of the processor's features.

    Machines that share a home folder may not be able to run each other's code.
    """
    features = [platform.machine(), platform.processor()]
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        features += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return sha256("\n".join(features).encode()).hexdigest()[:16]
