"""Types of arrays."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = dict[str, Array]  # weights, gradients or optimizer state by name
Namespace: TypeAlias = Any  # functions of the array API standard: sqrt, log, where, sum ...
