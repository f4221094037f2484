"""Arrays in one."""

from typing import Any

import numpy as np

from mlpkit.backend_kit import small_layout
from mlpkit.backend_kit.joining import SMALL


def test_small_arrays_of_one_dtype_are_joined() -> None:
    """Large arrays and arrays of other dtypes remain arrays of their own; the order is kept."""
    arrays: dict[str, Any] = {
        "b": np.arange(6, dtype="float32").reshape(2, 3),
        "large": np.ones(SMALL + 1, "float32"),
        "count": np.arange(3),
        "a": np.float32(7).reshape(()),
        "empty": np.zeros((0, 4), "float32"),
    }
    places = small_layout(arrays, "float32")
    joined = places.joined(arrays, np.concatenate)
    assert joined.small.tolist() == [0, 1, 2, 3, 4, 5, 7]
    assert sorted(joined.others) == ["count", "large"]
    for found in (places.divided(joined), places.to_numpy(joined)):
        assert list(found) == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype)
    assert (
        small_layout({"count": arrays["count"]}, "float32").joined(arrays, np.concatenate).small
        is None
    )
