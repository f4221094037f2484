"""JAX in this process: whose process it is, how precise, and on what device."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import jax
import numpy as np
from numpy.typing import DTypeLike

from mlpkit.plugin import Arrays
from mlpkit_jax.caching import keep_programs

_enable_x64: Callable[[bool], AbstractContextManager[Any]]
try:
    _enable_x64 = jax.enable_x64
except AttributeError:  # an older JAX
    from jax.experimental import enable_x64 as _enable_x64  # type: ignore

_home: int | None = None  # the process in which JAX was first used


@contextmanager
def computing(dtype: DTypeLike) -> Iterator[None]:
    """A context to call JAX in: float64 where the network has it, and never process-wide.

    Matrices of float32 are multiplied in full, not in TF32, unless the user has set JAX's
    ``jax_default_matmul_precision``. RuntimeError in a process forked from one that used JAX.
    """
    _stay_home()
    keep_programs()
    precision = jax.config.jax_default_matmul_precision or "highest"  # type: ignore[attr-defined]
    with _enable_x64(dtype == "float64"), jax.default_matmul_precision(precision):
        yield


def _stay_home() -> None:
    """JAX's threads do not survive a fork: any call would wait for them for ever."""
    global _home
    _home = _home or os.getpid()
    if os.getpid() != _home:
        raise RuntimeError(
            f"JAX was started in process {_home}, and this one ({os.getpid()}) was forked from"
            " it, where JAX would hang. Start workers afresh instead: joblib's backend 'loky'"
            " (its default; joblib.parallel_config(backend='loky')), or multiprocessing's"
            " start method 'spawn' or 'forkserver'."
        )


def on_accelerator(dtype: DTypeLike) -> bool:
    """Whether JAX computes on something else than the CPU; hints at float32 if so."""
    device = jax.default_backend()
    if device == "cpu":
        return False
    if dtype == "float64":
        _hint_at_float32(device)
    return True


@cache  # once per process
def _hint_at_float32(device: str) -> None:
    warnings.warn(
        f"backend='jax' trains in float64 on a {device}, which is slow there:"
        " dtype='float32' is the switch for speed.",
        UserWarning,
    )


def pulled(arrays: Mapping[str, Any]) -> Arrays:
    """Writable NumPy copies."""
    return {name: np.array(a) for name, a in jax.device_get(dict(arrays)).items()}
