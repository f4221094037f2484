"""Rows that a library received in a message, at an address that is not a multiple of their size."""

import numpy as np
import pytest

from mlpkit.distributed import Shard, Solo

pytestmark = pytest.mark.once


def test_unaligned_rows() -> None:
    """They are copied once, since NumPy copies all of them in each call of `take`."""
    X = np.zeros(6 * 8 + 1, np.uint8)[1:].view(np.float64).reshape(3, 2)
    assert not X.flags.aligned
    rows = Shard([X], np.arange(3), 3, Solo()).converted(lambda part: part)
    assert rows.local.flags.aligned
