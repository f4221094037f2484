"""The Keras module of the process: its backend, and the contexts in which it is called."""

import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from threading import RLock
from typing import Any

import numpy as np

from mlpkit.plugin import Array, PluginError

BACKEND_VARIABLE = "KERAS_BACKEND"
COMPUTE_BACKENDS = ("jax", "tensorflow")  # backends of mlpkit that can train a Keras model
LOCK = RLock()


def keras_for(backend: str, component: str = "A Keras model") -> Any:
    """Return the module ``keras``, imported with the backend that a backend of mlpkit requires.

    Parameters
    ----------
    backend : str
        Name of a backend of mlpkit. "keras" accepts any backend of Keras.
    component : str, default="A Keras model"
        What requires Keras, for error messages.

    Raises
    ------
    PluginError
        If the backend cannot train Keras models, or Keras already runs on another backend.
    """
    required = backend.rpartition("/")[2]
    if required not in (*COMPUTE_BACKENDS, "keras"):
        raise PluginError(
            f"{component} cannot be trained with backend={backend!r}, which does not"
            " differentiate Keras models: choose backend='jax' or backend='tensorflow' (or"
            " 'keras' for a model with its own train_step)."
        )
    with LOCK:
        if "keras" not in sys.modules:
            _choose_backend(required)
        import keras

        active = keras.backend.backend()
    if required not in ("keras", active):
        raise PluginError(
            f"backend={required!r} cannot run a Keras model in this process: Keras is already"
            f" imported and runs on {active!r}, and a process has one Keras backend. Your"
            " program, another library, or `import tensorflow` imported it first. Choose"
            f" backend={active!r}; or start a new process and set the environment variable"
            f" {BACKEND_VARIABLE}={required} before anything imports keras or tensorflow."
            " builder='dense' runs on any backend."
        )
    return keras


def _choose_backend(required: str) -> None:
    if required in COMPUTE_BACKENDS:
        os.environ[BACKEND_VARIABLE] = required  # worker processes inherit it
    elif BACKEND_VARIABLE not in os.environ:
        installed = [name for name in ("tensorflow", "jax", "torch") if find_spec(name)]
        installed.sort(key=lambda name: name not in sys.modules)  # imported frameworks first
        os.environ[BACKEND_VARIABLE] = (installed or ["numpy"])[0]


def active_keras() -> Any:
    """The module ``keras`` on the backend that it runs on."""
    return keras_for("keras")


def device() -> str:
    """The default device of Keras and its backend, such as "cpu of jax"."""
    keras = active_keras()
    try:
        devices = keras.distribution.list_devices()
    except (AttributeError, NotImplementedError, RuntimeError):  # not every backend has it
        devices = []
    first = str(devices[0]) if devices else "a device"
    return f"{first.removesuffix(':0').replace(':', ' ')} of {keras.backend.backend()}"


@contextmanager
def keras_scope(dtype: str) -> Iterator[None]:
    """A context in which models are built and called.

    It enables float64 in JAX if `dtype` requires it. While Keras runs on JAX, it prevents the
    import of TensorFlow, which takes 2 seconds and half a gigabyte: Keras would import it to
    look up its types whenever it writes a config.
    """
    with LOCK, _float64(dtype), _without_tensorflow(), warnings.catch_warnings():
        # Keras converts its variables by a deprecated call of NumPy
        warnings.filterwarnings("ignore", ".*copy keyword", DeprecationWarning)
        yield


def _float64(dtype: str) -> AbstractContextManager[Any]:
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
        from keras.src.utils.module_utils import tensorflow as lazy_module
    except ImportError:  # another version of Keras, which may import TensorFlow
        lazy_module = None
    imported = "tensorflow" in sys.modules
    if lazy_module is None or imported or not hasattr(lazy_module, "_available"):
        yield
        return
    available, lazy_module._available = lazy_module._available, False
    try:
        yield
    finally:
        lazy_module._available = available


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


def to_numpy(value: Any) -> Array:
    """A NumPy copy of a Keras variable, or of a tensor of the backend of Keras."""
    value = getattr(value, "value", value) if hasattr(value, "assign") else value
    value = value.numpy() if hasattr(value, "numpy") else value  # np.array alone may warn
    return np.array(value)
