"""The option `device`: which values choose what, and what is said of the others."""

import re
from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.backend_kit import device_name, gpu_index
from mlpkit.registry.lookup import installed

GPUS = ["A100", "H100"]


@pytest.mark.once
@pytest.mark.parametrize(
    ("device", "gpus", "supported", "expected"),
    [
        ("auto", [], True, None),
        ("auto", GPUS, True, 0),
        ("auto", GPUS, False, None),
        ("cpu", GPUS, True, None),
        ("gpu", GPUS, True, 0),
        (1, GPUS, True, 1),
        (np.int64(1), GPUS, True, 1),
    ],
)
def test_what_it_chooses(device: Any, gpus: list[str], supported: bool, expected: Any) -> None:
    """The index of a GPU, or None for the CPU."""
    assert gpu_index(device, gpus, "fast", supported=supported) == expected


@pytest.mark.once
@pytest.mark.parametrize(
    ("device", "gpus", "message"),
    [
        ("gpu", [], "device='gpu' is not available: backend='fast' finds no GPU on this machine."),
        (2, GPUS, "device=2 is not available: backend='fast' finds gpu 0 (A100), gpu 1 (H100) on"),
        ("cuda:1", GPUS, "device='cuda:1' is not supported. Choose 'auto', 'cpu', 'gpu' or the"),
        (True, GPUS, "device=True is not supported."),
        (-1, GPUS, "device=-1 is not supported."),
        (1.0, GPUS, "device=1.0 is not supported."),
        (None, GPUS, "device=None is not supported."),
    ],
)
def test_what_is_rejected(device: Any, gpus: list[str], message: str) -> None:
    """The error says what was given, what is accepted, and what is on this machine."""
    with pytest.raises(ValueError, match=re.escape(message)):
        gpu_index(device, gpus, "fast")


@pytest.mark.once
def test_a_gpu_without_float64() -> None:
    """Named, it is an error with two remedies."""
    with pytest.raises(ValueError, match="Set dtype='float32', or backend_options"):
        gpu_index("gpu", GPUS, "fast", supported=False)
    assert device_name(1, GPUS) == "gpu 1 (H100)"


def test_the_same_on_every_backend_that_has_it(backend: str) -> None:
    """The CPU and the default give the same numbers; the errors are the same."""
    if "device" not in installed().find("backend", backend)[1].options:
        return
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((40, 3)), np.arange(40) % 2

    def fit(device: Any) -> Any:
        model = MLPClassifier((4,), backend=backend, backend_options={"device": device})
        model.set_params(tol=10.0, n_iter_no_change=1, random_state=0)
        return model.fit(X, y).predict_proba(X)

    np.testing.assert_allclose(fit("cpu"), fit("auto"), rtol=1e-6)
    for device, message in (
        (99, f"device=99 is not available: backend='{backend}' finds"),
        ("cuda:1", "device='cuda:1' is not supported. Choose 'auto', 'cpu', 'gpu' or the index"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            fit(device)
