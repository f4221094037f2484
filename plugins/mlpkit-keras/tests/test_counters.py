"""Integer variables that are not trained are exact."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from conftest import BACKEND

from mlpkit.estimators.network_building import network_of
from mlpkit.registry.lookup import installed
from mlpkit.testing import batches, data, recipe, spec

FIRST = {"int32": 2_000_000_001, "uint32": 4_000_000_001, "int8": 3}


class Counter(keras.layers.Layer):
    """A layer that counts training steps."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def build(self, shape: Any) -> None:
        """Create an integer variable."""
        self.count = self.add_weight(
            shape=(), dtype=self.kind, initializer="zeros", trainable=False, name="count"
        )

    def call(self, x: Any, training: bool = False) -> Any:
        """Return x, and count the step."""
        if training:
            self.count.assign(self.count + keras.ops.cast(1, self.kind))
        return x


class Counting(keras.Model):
    """A model with a counter."""

    def __init__(self, kind: str, n_outputs: int) -> None:
        super().__init__()
        self.counter, self.dense = Counter(kind), keras.layers.Dense(n_outputs, dtype="float32")

    def call(self, x: Any, training: bool = False) -> Any:
        """Compute the outputs."""
        return self.dense(self.counter(x, training=training))


def counting(spec: Any, kind: str) -> Any:
    """A builder of a model with a counter."""
    return Counting(kind, spec.n_outputs)


@pytest.mark.parametrize("kind", FIRST)
def test_counter_is_exact(kind: str) -> None:
    """A counter is exact after an epoch, and after gradients of two shards and an update."""
    s = replace(spec(dtype="float32"), backend=BACKEND)
    network = network_of(counting, {"kind": kind}, s, np.random.RandomState(0))
    (name,) = network.frozen
    network.arrays[name][...] = FIRST[kind]
    steps = installed().resolve("backend", BACKEND)[0](network, s, recipe())
    rows = steps.put(*data(s))
    state, _ = steps.epoch(steps.start(network.arrays), rows, batches(21, 8))
    assert int(steps.arrays(state)[name]) == FIRST[kind] + 3
    assert steps.arrays(state)[name].dtype == kind

    (one, g), (two, h) = (
        steps.gradient(state, rows, np.arange(*shard), 0) for shard in ((0, 5), (5, 8))
    )
    both = {key: g[key] + h[key] for key in g}
    state = steps.update(state, both, one.weight + two.weight, 0.01)
    assert int(steps.arrays(state)[name]) == FIRST[kind] + 4
