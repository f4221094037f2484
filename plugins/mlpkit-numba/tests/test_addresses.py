"""Addresses of arrays."""

import numpy as np
import pytest

from mlpkit.plugin import Array
from mlpkit_numba.addresses import address

READ_ONLY = np.arange(3.0)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    "array",
    [np.arange(3.0), np.arange(6.0)[2:], np.arange(6.0)[::-2], np.zeros((0, 3)), READ_ONLY],
    ids=["all", "part", "strides", "empty", "read-only"],
)
def test_an_address_is_that_of_the_first_number(array: Array) -> None:
    """For all kinds of arrays."""
    assert address(array) == array.ctypes.data
