"""How JAX runs in this process: forks, precision, and the device."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

import jax
from numpy.typing import DTypeLike

from mlpkit.backend_kit import Device, ForkGuard, device_name, gpu_index, warn_about_float64
from mlpkit_jax.caching import keep_programs

_enable_x64: Callable[[bool], AbstractContextManager[Any]]
try:
    _enable_x64 = jax.enable_x64
except AttributeError:  # an older JAX
    from jax.experimental import enable_x64 as _enable_x64  # type: ignore

# 512 bits on processors that have such vectors, as in XLA's own matrix products: LLVM prefers 256
VECTORS = {"xla_cpu_prefer_vector_width": 512}
fork_guard = ForkGuard("JAX")


def computing(dtype: DTypeLike, device: Any = None) -> AbstractContextManager[None]:
    """Return a context in which JAX computes in the dtype of the network, on the device.

    float64 is enabled only inside the context. Products of float32 matrices have full precision,
    not TF32, unless the user has set ``jax_default_matmul_precision``. A device of None leaves the
    choice to JAX. Raises RuntimeError in a process that was forked after JAX was used.
    """
    fork_guard.check()
    _start()
    keep_programs()
    x64 = dtype == "float64"
    is_set = jax.config.jax_enable_x64 == x64  # type: ignore[attr-defined]
    if device is None and is_set and jax.default_backend() == "cpu":
        return nullcontext()  # a CPU has full precision, and contexts take several microseconds
    return _computing(x64, device)


@contextmanager
def _computing(x64: bool, device: Any) -> Iterator[None]:
    precision = jax.config.jax_default_matmul_precision or "highest"  # type: ignore[attr-defined]
    on_device = nullcontext() if device is None else jax.default_device(device)
    with on_device, _enable_x64(x64), jax.default_matmul_precision(precision):
        yield


def selected_device(device: Device) -> Any:
    """Return the device of JAX that the option selects; None leaves the choice to JAX.

    Raises ValueError if this machine does not have the device.
    """
    if device == "auto":
        return None
    fork_guard.check()
    gpus = _devices("gpu")
    index = gpu_index(device, [gpu.device_kind for gpu in gpus], "jax")
    if index is None and jax.default_backend() == "cpu":
        return None
    devices = _devices("cpu") if index is None else gpus[index:]
    if not devices:
        raise ValueError(
            "device='cpu' is not available: the CPU is not among the platforms of JAX, which the"
            " environment variable JAX_PLATFORMS names. Add 'cpu' to it."
        )
    return devices[0]


def device() -> str:
    """Return the name of the default device."""
    _start()
    gpus = _devices("gpu")
    if jax.default_backend() in ("cpu", "tpu"):
        return jax.default_backend()
    return device_name(0, [gpu.device_kind for gpu in gpus])


def _devices(platform: str) -> list[Any]:
    _start()
    try:
        return list(jax.local_devices(backend=platform))
    except RuntimeError:  # JAX has no device of this platform
        return []


@cache  # once per process
def _start() -> None:
    """Start JAX.

    Raises RuntimeError, with a better message than JAX's, if JAX cannot start.
    """
    with suppress(AttributeError):  # an option that another version of JAX may lack
        # programs on a CPU then run in the thread that calls them: to wake another one takes more
        # time than many programs. It has no effect if JAX has been started before.
        jax.config.update("jax_cpu_enable_async_dispatch", False)  # type: ignore[no-untyped-call]
    try:
        jax.default_backend()
    except (RuntimeError, AssertionError) as error:
        reason = str(error) or "this machine has no such device"
        platforms = jax.config.jax_platforms  # type: ignore[attr-defined]
        raise RuntimeError(
            "JAX cannot start on the platforms that the environment variable JAX_PLATFORMS or the"
            f" configuration of JAX names, {platforms!r}: {reason}. Unset it or set it to 'cpu';"
            " to use a GPU, install JAX with GPU support."
        ) from error


def on_accelerator(dtype: DTypeLike, device: Any = None) -> bool:
    """Return whether JAX computes on an accelerator, and warn if it does so in float64."""
    platform = jax.default_backend() if device is None else device.platform
    if platform == "cpu":
        return False
    if dtype == "float64":
        warn_about_float64("jax", platform.upper())
    return True


@cache  # once per process
def options_on_cpu() -> dict[str, int] | None:
    """Return the options with which programs for CPUs are compiled.

    None if XLA does not know them, or if the environment variable XLA_FLAGS contains one of them.
    """
    if any(name in os.environ.get("XLA_FLAGS", "") for name in VECTORS):
        return None
    try:
        with jax.default_device(jax.local_devices(backend="cpu")[0]):
            jax.jit(lambda x: x, compiler_options=VECTORS).lower(0.0).compile()
    except RuntimeError:  # another version of XLA
        return None
    return VECTORS
