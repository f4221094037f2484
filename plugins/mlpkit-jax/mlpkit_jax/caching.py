"""A cache of compiled programs on disk, which spares the next process the compilation.

The environment variable ``MLPKIT_CACHE_DIR`` names another folder, or is "off". If the user has
configured or disabled JAX's own cache, that setting is respected.
"""

import logging
from functools import cache
from typing import Any

import jax

from mlpkit.backend_kit import ProgramStore, program_folder

MAX_BYTES = 1 << 28  # of all programs; those used least recently are removed first
WORTHWHILE = 0.1  # seconds; programs that compile faster are not stored
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
    folder = None if in_use else program_folder("jax")
    if folder is None:
        return
    # JAX's own cache waits for locks, warns about damaged files in each process, and trusts files
    # of other users
    store: Any = ProgramStore(folder, MAX_BYTES)
    with lock:
        compilation_cache._cache, compilation_cache._cache_initialized = store, True
    if config.jax_persistent_cache_min_compile_time_secs > WORTHWHILE:
        config.update("jax_persistent_cache_min_compile_time_secs", WORTHWHILE)
