"""The devices of TensorFlow, and forked processes."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import tensorflow as tf

from mlpkit.backend_kit import (
    ALIGNMENT,
    Device,
    ForkGuard,
    aligned,
    device_name,
    gpu_index,
    warn_about_float64,
)
from mlpkit.plugin import Array

P = ParamSpec("P")
T = TypeVar("T")

fork_guard = ForkGuard("TensorFlow")


def selected_device(device: Device) -> str | None:
    """Return TensorFlow's name of the device that the option selects.

    None leaves the choice to TensorFlow. Raises ValueError if this machine does not have the
    device.
    """
    if device == "auto":
        return None
    index = gpu_index(device, _gpus(), "tensorflow")
    return "/CPU:0" if index is None else f"/GPU:{index}"


def on_device(name: str | None, function: Callable[P, T]) -> Callable[P, T]:
    """Return the function with its operations placed on the device."""
    if name is None:
        return function

    @functools.wraps(function)
    def placed(*args: P.args, **kwargs: P.kwargs) -> T:
        with tf.device(name):
            return function(*args, **kwargs)

    return placed


@functools.cache  # once per process: TensorFlow finds its devices once
def _has_gpu() -> bool:
    return bool(tf.config.get_visible_devices("GPU"))


def tensor(array: Array) -> Any:
    """Return an array as a tensor. It shares the memory of an aligned array if there is no GPU.

    The array must be contiguous, and it must not be written to any more.
    """
    if _has_gpu() or not array.size:
        return tf.constant(array)
    if array.ctypes.data % ALIGNMENT:  # TensorFlow would abort the process
        unaligned, array = array, aligned(array.shape, array.dtype)
        array[...] = unaligned
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def device() -> str:
    """Return the name of the default device."""
    gpus = _gpus()
    return device_name(0 if gpus else None, gpus)


def check_dtype(dtype: str, device: str | None) -> None:
    """Warn, once per process, if the data are float64 and TensorFlow uses a GPU."""
    if dtype == "float64" and device != "/CPU:0" and tf.config.list_physical_devices("GPU"):
        warn_about_float64("tensorflow", "GPU")


def _gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow may use."""
    details = tf.config.experimental.get_device_details
    return [details(g).get("device_name", "GPU") for g in tf.config.get_visible_devices("GPU")]
