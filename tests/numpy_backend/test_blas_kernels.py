"""The advice to users whose BLAS does not use the instructions of the processor."""

from typing import Any

import numpy as np
import pytest
import threadpoolctl

from mlpkit.numpy_backend.blas_kernels import advice_on, device

pytestmark = pytest.mark.once

OLDER = {"user_api": "blas", "internal_api": "openblas", "architecture": "Haswell"}
NEWER = {**OLDER, "architecture": "SkylakeX"}
OTHER = {"user_api": "openmp", "internal_api": "openmp"}
MKL = {"user_api": "blas", "internal_api": "mkl", "threading_layer": "intel"}


@pytest.mark.parametrize("name", ["X86_V4", "AVX512_SKX"])
def test_a_blas_for_older_processors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a hint if OpenBLAS uses code of an older processor, and none otherwise."""
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    advice = str(advice_on([OTHER, OLDER], ["X86_V3", name]))
    assert "(Haswell)" in advice and advice.endswith("set OPENBLAS_CORETYPE=SkylakeX")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "haswell")
    advice = str(advice_on([OTHER, OLDER], ["X86_V3", name]))
    assert advice.endswith("unset OPENBLAS_CORETYPE, which is 'haswell'")
    assert advice_on([OTHER, OLDER], ["X86_V3"]) is None
    assert advice_on([OTHER, NEWER], [name]) is None
    assert advice_on([OTHER, MKL], [name]) is None
    assert advice_on([], [name]) is None


def fake(monkeypatch: pytest.MonkeyPatch, config: Any) -> None:
    """A machine with such a BLAS, and what NumPy says of its processor."""
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: [OLDER])
    monkeypatch.setattr(np, "show_config", lambda mode: config)


def test_the_device_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice follows it."""
    fake(monkeypatch, {"SIMD Extensions": {"baseline": ["X86_V2"], "found": ["X86_V4"]}})
    assert device().startswith("cpu; matrix products")


@pytest.mark.parametrize("config", [{}, {"SIMD Extensions": {}}, {"SIMD Extensions": None}, None])
def test_an_unknown_processor(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No advice, and no error."""
    fake(monkeypatch, config)
    assert device() == "cpu"
