"""Types of arrays."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

#: A NumPy array of any dtype.
Array: TypeAlias = NDArray[Any]
#: A dict of arrays: weights, gradients or the optimizer state by name.
Arrays: TypeAlias = dict[str, Array]
#: The functions of the array API standard, such as ``sqrt``, ``log``, ``where`` and ``sum``, for
#: the arrays of a backend.
Namespace: TypeAlias = Any
