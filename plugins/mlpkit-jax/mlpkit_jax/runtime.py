"""JAX in this process: whose process it is, how precise, and on what device."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import jax
import numpy as np
from numpy.typing import DTypeLike

from mlpkit.backend_kit import Device, described, gpu_index
from mlpkit.plugin import Arrays
from mlpkit_jax.caching import keep_programs

_enable_x64: Callable[[bool], AbstractContextManager[Any]]
try:
    _enable_x64 = jax.enable_x64
except AttributeError:  # an older JAX
    from jax.experimental import enable_x64 as _enable_x64  # type: ignore

_home: int | None = None  # the process in which JAX was first used


@contextmanager
def computing(dtype: DTypeLike, device: Any = None) -> Iterator[None]:
    """A context to call JAX in: float64 where the network has it, and never process-wide, on
    the device, or where JAX chooses.

    Matrices of float32 are multiplied in full, not in TF32, unless the user has set JAX's
    ``jax_default_matmul_precision``. RuntimeError in a process forked from one that used JAX.
    """
    _stay_home()
    _check_platforms()
    keep_programs()
    precision = jax.config.jax_default_matmul_precision or "highest"  # type: ignore[attr-defined]
    there = nullcontext() if device is None else jax.default_device(device)
    with there, _enable_x64(dtype == "float64"), jax.default_matmul_precision(precision):
        yield


def chosen(device: Device) -> Any:
    """The device of JAX's that the option asks for; None leaves the choice to JAX.

    ValueError for what is not on this machine.
    """
    if device == "auto":
        return None
    _stay_home()
    gpus = _devices("gpu")
    index = gpu_index(device, [gpu.device_kind for gpu in gpus], "jax")
    if index is None and jax.default_backend() == "cpu":
        return None
    found = _devices("cpu") if index is None else gpus[index:]
    if not found:
        raise ValueError(
            "device='cpu' is not available: JAX was told to leave the CPU out, as by the"
            " environment variable JAX_PLATFORMS. Add 'cpu' to it."
        )
    return found[0]


def device() -> str:
    """The device that is used by default, in words."""
    _check_platforms()
    gpus = _devices("gpu")
    if jax.default_backend() in ("cpu", "tpu"):
        return jax.default_backend()
    return described(0, [gpu.device_kind for gpu in gpus])


def _devices(platform: str) -> list[Any]:
    _check_platforms()
    try:
        return list(jax.local_devices(backend=platform))
    except RuntimeError:  # there is none
        return []


@cache  # once per process, before JAX itself fails with less words
def _check_platforms() -> None:
    """RuntimeError if JAX can't start on the platforms that it was told to use."""
    try:
        jax.default_backend()
    except (RuntimeError, AssertionError) as error:
        why = str(error) or "there is no such device here"
        platforms = jax.config.jax_platforms  # type: ignore[attr-defined]
        raise RuntimeError(
            f"JAX can't start on the platforms that the environment variable JAX_PLATFORMS or its"
            f" configuration names, {platforms!r}: {why}. Unset"
            " it, or set it to 'cpu'; for a GPU, install JAX with support for yours."
        ) from error


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


def on_accelerator(dtype: DTypeLike, device: Any = None) -> bool:
    """Whether JAX computes on something else than the CPU; hints at float32 if so."""
    platform = jax.default_backend() if device is None else device.platform
    if platform == "cpu":
        return False
    if dtype == "float64":
        _hint_at_float32(platform)
    return True


@cache  # once per process
def _hint_at_float32(platform: str) -> None:
    warnings.warn(
        f"backend='jax' trains in float64 on a {platform}, which is slow there:"
        " dtype='float32' is the switch for speed.",
        UserWarning,
    )


def pulled(arrays: Mapping[str, Any]) -> Arrays:
    """Writable NumPy copies."""
    return {name: np.array(a) for name, a in jax.device_get(dict(arrays)).items()}
