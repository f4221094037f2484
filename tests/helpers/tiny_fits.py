"""Forty rows, and the parameters of fits that take milliseconds."""

from typing import Any

import numpy as np

X = np.random.RandomState(0).standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)
Y3 = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
SMALL: dict[str, Any] = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
