"""Small steps run on one thread of PyTorch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from mlpkit.numpy_backend import dense
from mlpkit.testing import batches, data, recipe, spec
from mlpkit_torch.network import DenseNetwork
from mlpkit_torch.steps import backend
from mlpkit_torch.threads import SMALL_FLOPS, threads


@pytest.fixture(autouse=True)
def three() -> Iterator[None]:
    """PyTorch has three threads, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_only_small_steps_are_limited() -> None:
    """On a CPU; the number of before is restored."""
    cpu = torch.device("cpu")
    with threads(SMALL_FLOPS / 2, cpu):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    for flops, device in ((2 * SMALL_FLOPS, cpu), (1.0, torch.device("cuda"))):
        with threads(flops, device):
            assert torch.get_num_threads() == 3


@pytest.mark.parametrize("small", [True, False])
def test_steps_and_gradients(small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and backward pass of every step."""
    monkeypatch.setattr("mlpkit_torch.threads.SMALL_FLOPS", SMALL_FLOPS if small else 0.0)
    found: list[int] = []
    backward = DenseNetwork.backward

    def observed(*args: Any) -> Any:
        found.append(torch.get_num_threads())
        return backward(*args)

    monkeypatch.setattr(DenseNetwork, "backward", observed)
    s = spec()
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe())
    state, rows = steps.start(network.arrays), steps.put(*data(s))
    steps.epoch(state, rows, batches(21, 8))
    steps.gradient(state, rows, None, 0)
    steps.gradient(state, rows, np.arange(5), 0)
    assert found == [1 if small else 3] * len(found)
    assert len(found) >= 5
    assert torch.get_num_threads() == 3
