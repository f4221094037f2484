"""Runs of onnxruntime, and their results compared with those of an estimator."""

from typing import Any

import numpy as np
import onnxruntime

onnxruntime.set_default_logger_severity(3)


def session(model: Any) -> Any:
    """A session of a model, or of a file."""
    source = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])


def run(model: Any, X: Any) -> list[Any]:
    """The outputs for an array or a frame."""
    opened = session(model)
    if isinstance(X, np.ndarray):
        return list(opened.run(None, {"X": X}))
    return list(opened.run(None, feeds(opened, X)))


def feeds(opened: Any, frame: Any) -> dict[str, Any]:
    """The columns of a frame by the names of the inputs, (n, 1) each."""
    converted = {
        "tensor(string)": lambda c: c.astype(object).where(c.notna(), "").to_numpy(dtype=object),
        "tensor(int64)": lambda c: c.to_numpy("datetime64[us]").astype(np.int64),
        "tensor(double)": lambda c: c.to_numpy(float, na_value=np.nan),
    }
    return {i.name: converted[i.type](frame[i.name])[:, None] for i in opened.get_inputs()}


def signature(model: Any) -> tuple[list[Any], list[Any]]:
    """Names, types and shapes of inputs and outputs."""
    opened = session(model)
    first = [(i.name, i.type, i.shape) for i in opened.get_inputs()]
    return first, [(o.name, o.type, o.shape) for o in opened.get_outputs()]


def check(estimator: Any, X: Any, outputs: list[Any], precision: float) -> None:
    """Labels and probabilities, or values, equal those of the estimator."""
    if hasattr(estimator, "predict_proba"):
        labels, p = outputs[:2]
        np.testing.assert_array_equal(labels, estimator.predict(X))
        np.testing.assert_allclose(p, estimator.predict_proba(X), rtol=0, atol=precision)
        return
    expected = estimator.predict(X)
    check_values(outputs[0].reshape(np.shape(expected)), expected, precision)


def check_values(found: Any, expected: Any, precision: float) -> None:
    """The values are equal, in relation to the largest: they are sums of terms of its size."""
    scale = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=precision * scale)
