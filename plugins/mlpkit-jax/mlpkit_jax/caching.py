"""Compiled programs kept on disk by JAX's own cache: the next process compiles nothing again.

``MLPKIT_CACHE_DIR`` names another folder, or is "off". A cache or a switch that the user gave
to JAX stays as it is.
"""

import os
import platform
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax

MAX_BYTES = 1 << 28  # of all programs; those used least recently go first
WORTHWHILE = 0.1  # seconds of compiling; what takes less is not kept


@cache  # once per process: JAX opens its cache once
def keep_programs() -> None:
    """Turn JAX's cache on, in a folder of this user and this kind of processor."""
    config: Any = jax.config
    switched_off = not config.jax_enable_compilation_cache
    if switched_off or config.jax_compilation_cache_dir:
        return
    folder = cache_folder()
    if folder is None:
        return
    config.update("jax_compilation_cache_max_size", MAX_BYTES)
    config.update("jax_persistent_cache_min_compile_time_secs", WORTHWHILE)
    config.update("jax_compilation_cache_dir", str(folder))


def cache_folder() -> Path | None:
    """Where programs are kept; None where they are not, as in a home that can't be written."""
    given = os.environ.get("MLPKIT_CACHE_DIR", "")
    if given == "off":
        return None
    try:
        folder = (Path(given) if given else _of_the_user() / "mlpkit") / f"jax-{_processor()}"
        # whoever may write there may have code run here
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder if os.access(folder, os.W_OK) else None


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
