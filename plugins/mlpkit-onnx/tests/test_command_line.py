"""``mlpkit export``."""

from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest

import mlpkit
from mlpkit.__main__ import main


@pytest.mark.parametrize("encoder", ["standard", "tabular"])
def test_an_exported_model_has_equal_probabilities(encoder: str, tmp_path: Path) -> None:
    """In onnxruntime, with an input for each column of the table."""
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    frame["y"] = np.where(frame["a"] + frame["b"] > 0, "yes", "no")
    data, model, out = (tmp_path / name for name in ("rows.csv", "model.mlpkit", "model.onnx"))
    frame.to_csv(data, index=False)
    arguments = ["--estimator", "MLPClassifier", "--backend", "numpy", "--set", "max_iter=5"]
    arguments += ["--set", f"encoder={encoder}", "-o", str(model), "--quiet"]
    assert main(["fit", str(data), "--target", "y", *arguments]) == 0
    assert main(["export", str(model), "--onnx", str(out)]) == 0
    session = onnxruntime.InferenceSession(out)
    X = frame.drop(columns="y")
    inputs = {name: X[[name]].to_numpy(np.float64) for name in X}
    _, probabilities = session.run(None, inputs)
    expected = mlpkit.load(model).predict_proba(X)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-5, atol=1e-6)
