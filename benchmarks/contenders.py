"""The libraries that are measured, by name.

A contender imports its framework inside its own process.
"""

from collections.abc import Callable
from typing import Any

from benchmarks.contender import Contender
from benchmarks.estimators import Estimators
from benchmarks.floors import Floor, in_numpy, in_xla
from benchmarks.other_libraries import Keras, SciKeras, Skorch


def idle() -> Any:
    """mlpkit with a backend whose epochs do nothing."""
    from benchmarks.idle import backend

    return Estimators(backend)


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "floor-numpy": lambda: Floor(in_numpy),
    "floor-xla": lambda: Floor(in_xla),
    "mlpkit-idle": idle,
    "mlpkit-numpy": lambda: Estimators("numpy"),
    "mlpkit-numba": lambda: Estimators("numba"),
    "mlpkit-jax": lambda: Estimators("jax"),
    "mlpkit-tensorflow": lambda: Estimators("tensorflow"),
    "mlpkit-torch": lambda: Estimators("torch"),
    "scikit-learn": lambda: Estimators(None),
    "keras-jax": lambda: Keras("jax"),
    "keras-tensorflow": lambda: Keras("tensorflow"),
    "scikeras": lambda: SciKeras("tensorflow"),
    "skorch": Skorch,
}
# how tables name them
TITLES = {
    "floor-numpy": "Products alone, NumPy",
    "floor-xla": "Products alone, XLA",
    "mlpkit-idle": "mlpkit, a backend without work",
    "mlpkit-numpy": "mlpkit on NumPy",
    "mlpkit-numba": "mlpkit on Numba",
    "mlpkit-jax": "mlpkit on JAX",
    "mlpkit-tensorflow": "mlpkit on TensorFlow",
    "mlpkit-torch": "mlpkit on PyTorch",
    "keras-jax": "Keras on JAX",
    "keras-tensorflow": "Keras on TensorFlow",
    "scikeras": "SciKeras",
}
