"""Networks with an `xp_apply` in the estimators: training, predictions by NumPy, errors."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.plugin import Network, PluginError, Spec
from mlpkit.registry.lookup import installed
from mlpkit.testing import close
from mlpkit.testing.portable import network_with_members, portable_network
from mlpkit.testing.processes import FRAMEWORKS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
BACKEND = os.environ.get("MLPKIT_BACKEND", "numpy")
TRAINS = "portable_networks" in installed().find("backend", BACKEND)[1].supports
X, y = make_classification(200, 5, random_state=0)


def with_members(spec: Spec) -> Network:
    """Build a network with members."""
    return network_with_members(spec)


def rejected(estimator: Any) -> bool:
    """Return whether the backend cannot train portable networks; then check its error."""
    if TRAINS:
        return False
    with pytest.raises(PluginError, match="'portable_networks'.*which builder.*requires"):
        estimator.fit(X, y)
    return True


def classifier(**params: Any) -> MLPClassifier:
    """Return a classifier with members and few epochs."""
    return MLPClassifier(builder=with_members, max_iter=5, random_state=0, **params)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_predicts_what_the_backend_trained(dtype: Any) -> None:
    """Predictions are means over members, and equal those of the backend to 1e-5."""
    clf = classifier(dtype=dtype)
    if rejected(clf):
        return
    clf.fit(X, y)
    live = clf._network._live
    assert live is not None
    z = live.steps.outputs(live.state, X)
    assert z.shape == (200, 2, 1)
    p = (1 / (1 + np.exp(-z))).mean(axis=1)
    close(p, clf.predict_proba(X)[:, 1:], 1e-5)
    close(clf.predict_proba(X)[7:8], clf.predict_proba(X[7:8]), 1e-6)


def test_a_portable_model_predicts_without_frameworks(tmp_path: Path) -> None:
    """A pickle is loaded and predicts in a process in which no framework can be imported, and
    without a warning about the missing backend.
    """
    clf = MLPRegressor(builder=portable_network, max_iter=3, random_state=0)
    if rejected(clf):
        return
    clf.fit(X, y)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((clf, clf.predict(X))))
    code = (
        "import pickle, sys, warnings, numpy as np\n"
        "warnings.simplefilter('error')\n"
        "class NoFramework:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name in {FRAMEWORKS!r}: raise ImportError(name)\n"
        "sys.meta_path.insert(0, NoFramework())\n"
        f"clf, expected = pickle.load(open({str(tmp_path / 'model.pkl')!r}, 'rb'))\n"
        f"X = np.array({X.tolist()!r})\n"
        "np.testing.assert_allclose(clf.predict(X), expected, rtol=1e-12)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_metrics_and_early_stopping_use_the_mean_over_members() -> None:
    """The values of the metrics after the last epoch are those of the predictions."""
    clf = classifier(metrics=["log_loss"], early_stopping_on="log_loss", n_iter_no_change=1)
    if rejected(clf):
        return
    clf.fit(X[50:], y[50:], eval_sets={"test": (X[:50], y[:50])})
    assert clf.out_activation_ == "logistic"
    values = clf.metric_history_.select("log_loss", split="test", by="all")
    expected = log_loss(y[:50], clf.predict_proba(X[:50]))
    assert any(value.value == pytest.approx(expected, rel=1e-5) for value in values)


def test_training_continues() -> None:
    """A warm start and `partial_fit` continue from the weights, also after pickling."""
    clf = classifier()
    if rejected(clf):
        return
    clf.fit(X, y)
    loaded = pickle.loads(pickle.dumps(clf))
    for model in (clf, loaded):
        model.partial_fit(X, y)
        model.set_params(warm_start=True).fit(X, y)
    close(clf.predict_proba(X), loaded.predict_proba(X), 1e-9)


INVALID = {
    "both `apply` and `xp_apply`": lambda network: network._replace(apply=print),
    "no `xp_apply`, which both require": lambda network: network._replace(xp_apply=None),
    "n_models=4, which is the length of the first axis": lambda network: network._replace(
        n_models=4
    ),
}


@pytest.mark.parametrize("message", INVALID)
def test_invalid_networks_are_errors(message: str) -> None:
    """A network that contradicts itself raises PluginError before training."""

    def builder(spec: Spec) -> Network:
        return INVALID[message](network_with_members(spec))

    with pytest.raises(PluginError, match=message):
        MLPClassifier(builder=builder).fit(X, y)


def test_outputs_of_another_shape_are_errors() -> None:
    """The error names the shape that the forward pass returned, and the expected one."""

    def builder(spec: Spec) -> Network:
        return network_with_members(spec)._replace(n_members=3)

    if rejected(MLPClassifier(builder=builder)):
        return
    with pytest.raises(PluginError, match=r"returned outputs of shape \(200, 2, 1\)"):
        MLPClassifier(builder=builder, batch_size=200).fit(X, y)
