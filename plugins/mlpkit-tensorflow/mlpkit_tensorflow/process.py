"""What holds for the process as a whole: one process per TensorFlow, one hint per process."""

import functools
import os
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf

from mlpkit.backend_kit import Device, described, gpu_index

P = ParamSpec("P")
T = TypeVar("T")

_users: list[int] = []  # the process in which TensorFlow's threads were started


def check_not_forked() -> None:
    """Raise RuntimeError in a child forked after the first use: TensorFlow would hang there."""
    pid = os.getpid()
    if not _users:
        _users.append(pid)
    elif _users[0] != pid:
        raise RuntimeError(
            f"backend='tensorflow' was used in process {_users[0]} before that was forked, and"
            f" TensorFlow hangs in its child {pid}. Start workers that do not fork: joblib's"
            " default backend, parallel_config(backend='loky'), or the 'spawn' method of"
            " multiprocessing."
        )


def unforked(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with `check_not_forked` before it."""

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        check_not_forked()
        return function(*args, **kwargs)

    return checked


def chosen(device: Device) -> str | None:
    """TensorFlow's name of the device that the option asks for; None leaves it to TensorFlow.

    ValueError for what is not on this machine.
    """
    if device == "auto":
        return None
    index = gpu_index(device, _gpus(), "tensorflow")
    return "/CPU:0" if index is None else f"/GPU:{index}"


def on_device(name: str | None, function: Callable[P, T]) -> Callable[P, T]:
    """The function, with its operations placed on the device."""
    if name is None:
        return function

    @functools.wraps(function)
    def placed(*args: P.args, **kwargs: P.kwargs) -> T:
        with tf.device(name):
            return function(*args, **kwargs)

    return placed


def device() -> str:
    """The device that is used by default, in words."""
    gpus = _gpus()
    return described(0 if gpus else None, gpus)


def _gpus() -> list[str]:
    """The names of the GPUs that TensorFlow may use."""
    details = tf.config.experimental.get_device_details
    return [details(g).get("device_name", "GPU") for g in tf.config.get_visible_devices("GPU")]


@functools.cache
def hint_at_float32() -> None:
    """Say once how to be fast on an accelerator, where float64 is slow."""
    if tf.config.list_physical_devices("GPU"):
        warnings.warn(
            "Training in float64 on a GPU, which is several times faster in float32: set"
            " dtype='float32', or give X as float32."
        )
