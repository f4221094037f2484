"""The one Keras of this process: which backend it runs on, and how it is brought up."""

import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from threading import RLock
from typing import Any

import numpy as np

from mlpkit.plugin import Array, PluginError

VARIABLE = "KERAS_BACKEND"
STEPS = ("jax", "tensorflow")  # whose step functions can run a Keras model
LOCK = RLock()


def keras_for(backend: str, what: str = "A Keras model") -> Any:
    """The module ``keras``, on the backend of these step functions; imported if it was not.

    ``"keras"`` takes the backend that Keras has, or would choose. PluginError if Keras
    already runs on another one.
    """
    wanted = backend.rpartition("/")[2]
    if wanted not in (*STEPS, "keras"):
        raise PluginError(
            f"{what} can't be trained with backend={backend!r}, which does not differentiate"
            " Keras: choose backend='jax' or backend='tensorflow' (or 'keras', for a model with"
            " a train_step of its own)."
        )
    with LOCK:
        if "keras" not in sys.modules:
            _choose(wanted)
        import keras

        active = keras.backend.backend()
    if wanted not in ("keras", active):
        raise PluginError(
            f"backend={wanted!r} can't run a Keras model in this process: Keras is already"
            f" imported and runs on {active!r}, and a process has one Keras backend. Your"
            " program, another library, or `import tensorflow` imported it first. Choose"
            f" backend={active!r}; or set the environment variable {VARIABLE}={wanted} before"
            " anything imports keras or tensorflow, in a fresh process. builder='dense' runs"
            " on any backend."
        )
    return keras


def _choose(wanted: str) -> None:
    if wanted in STEPS:
        os.environ[VARIABLE] = wanted  # workers that are started from here need it too
    elif VARIABLE not in os.environ:
        found = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]
        found.sort(key=lambda name: name not in sys.modules)  # what is in use comes first
        os.environ[VARIABLE] = (found or ["numpy"])[0]


def active_keras() -> Any:
    """Keras as it is, on any backend."""
    return keras_for("keras")


def device() -> str:
    """The device that Keras uses by default, in words, and the backend that it runs on."""
    keras = active_keras()
    try:
        devices = keras.distribution.list_devices()
    except (AttributeError, NotImplementedError, RuntimeError):  # not of every backend of Keras
        devices = []
    first = str(devices[0]) if devices else "a device"
    return f"{first.removesuffix(':0').replace(':', ' ')} of {keras.backend.backend()}"


@contextmanager
def building(dtype: str) -> Iterator[None]:
    """A context to make and call models in: float64 where it is asked for, and with JAX
    chosen, no TensorFlow.

    Keras looks for TensorFlow's types whenever it writes a config, and imports it for that
    (2 seconds, half a gigabyte); here it is told that there is none.
    """
    with LOCK, _float64(dtype), _without_tensorflow(), warnings.catch_warnings():
        # Keras asks its own variables for NumPy arrays in an old way
        warnings.filterwarnings("ignore", ".*copy keyword", DeprecationWarning)
        yield


@contextmanager
def default_seeds(seed: int | None = None) -> Iterator[None]:
    """A context that restores the state of Python's random generator.

    Layers and initializers of Keras without a seed draw their default seeds from it, also when a
    model is built from its config. With a seed, they draw from a generator of this seed.
    """
    with LOCK:
        state = random.getstate()
        try:
            if seed is not None:
                random.seed(seed)
            yield
        finally:
            random.setstate(state)


def _float64(dtype: str) -> Any:
    keras = active_keras()
    if dtype != "float64" or keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    try:
        return jax.enable_x64(True)
    except AttributeError:  # an older JAX
        from jax.experimental import enable_x64  # type: ignore[attr-defined,unused-ignore]

        return enable_x64()


@contextmanager
def _without_tensorflow() -> Iterator[None]:
    try:
        from keras.src.utils.module_utils import tensorflow as lazy
    except ImportError:  # elsewhere in another Keras: then it may be imported
        lazy = None
    if lazy is None or "tensorflow" in sys.modules or not hasattr(lazy, "_available"):
        yield
        return
    before, lazy._available = lazy._available, False
    try:
        yield
    finally:
        lazy._available = before


def to_numpy(value: Any) -> Array:
    """A NumPy copy of a Keras variable or of a tensor of its backend."""
    value = getattr(value, "value", value) if hasattr(value, "assign") else value
    value = value.numpy() if hasattr(value, "numpy") else value  # quiet where np.array is not
    return np.array(value)
