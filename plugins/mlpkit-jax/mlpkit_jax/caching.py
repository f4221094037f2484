"""Compiled programs kept on disk: the next process compiles nothing again.

``MLPKIT_CACHE_DIR`` names another folder, or is "off". A cache or a switch that the user gave
to JAX stays as it is.
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

from mlpkit_jax.store import Store, complaint

MAX_BYTES = 1 << 28  # of all programs; those used least recently go first
WORTHWHILE = 0.1  # seconds of compiling; what takes less is not kept
VARIABLE = "MLPKIT_CACHE_DIR"
LOG = logging.getLogger(__name__)


@cache  # once per process: JAX opens its cache once
def keep_programs() -> None:
    """Give JAX a cache in a folder of this user and this kind of processor."""
    config: Any = jax.config
    if not config.jax_enable_compilation_cache or config.jax_compilation_cache_dir:
        return
    try:
        from jax._src import compilation_cache as theirs

        lock = theirs._cache_initialized_mutex
        taken = theirs._cache is not None or theirs._cache_initialized
    except (ImportError, AttributeError):
        LOG.debug("This version of JAX takes no cache of ours: compiled programs are not kept.")
        return
    folder = None if taken else cache_folder()
    if folder is None:
        return
    # JAX's own cache waits for locks, warns of damaged files in each process, and believes files
    # of other users
    store: Any = Store(folder, MAX_BYTES)
    with lock:
        theirs._cache, theirs._cache_initialized = store, True
    if config.jax_persistent_cache_min_compile_time_secs > WORTHWHILE:
        config.update("jax_persistent_cache_min_compile_time_secs", WORTHWHILE)


def cache_folder() -> Path | None:
    """Where programs are kept; None where they are not, as in a folder that others can write to.

    The reason is logged: as a warning if `VARIABLE` names the folder, else at level DEBUG. It is
    never a Python warning, which may have been turned into an error.
    """
    given = os.environ.get(VARIABLE, "")
    if given == "off":
        return None
    try:
        top = Path(given).expanduser().absolute() if given else _of_the_user() / "mlpkit"
        _make(top, at_home=not given)
        folder = top / f"jax-{_processor()}"
        _make(folder)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        if given:
            advice = f"Set {VARIABLE} to a folder of your own with mode 0700, or to 'off'."
            LOG.warning(
                "%s=%s is not used, programs are not kept: %s. %s", VARIABLE, given, error, advice
            )
        else:
            LOG.debug("Compiled programs are not kept: %s.", error)
        return None
    return folder


def _make(folder: Path, at_home: bool = False) -> None:
    """Make the folder where it is missing, for this user alone; OSError if it can't be trusted.

    With `at_home`, it is only made inside a folder that belongs to this user: under sudo the home
    is another user's, who could not use the folder afterwards.
    """
    missing = []
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = folder.parent
    if missing and at_home and (why := complaint(folder.stat())):
        raise PermissionError(f"{folder}: {why}")
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)  # maybe another process was faster
    folder = missing[0] if missing else folder
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a folder"
        raise NotADirectoryError(f"{folder} is {kind}")
    if why := complaint(found):
        raise PermissionError(f"{folder}: {why}")


def _of_the_user() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _processor() -> str:
    """A digest of what it can do: machines that share a home may not run each other's code."""
    about = [platform.machine(), platform.processor()]
    known = Path("/proc/cpuinfo")
    if known.exists():
        lines = known.read_text().splitlines()
        about += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return sha256("\n".join(about).encode()).hexdigest()[:16]
