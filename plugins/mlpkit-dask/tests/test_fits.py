"""Fits on a cluster equal those on one machine."""

from importlib.util import find_spec
from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster, Security
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor, by_column
from mlpkit_dask import DaskMLPClassifier, DaskMLPRegressor

N = 600
rng = np.random.RandomState(0)
X = rng.normal(size=(N, 5))
X[:, 4] = rng.randint(3, size=N)
Y = np.array(["no", "yes", "maybe"])[np.digitize(X[:, 0] + X[:, 1] ** 2, [0.3, 1.5])]
TARGET = X[:, 0] - 2 * X[:, 1] * X[:, 2] + 5
WEIGHTS = np.where(np.arange(N) % 7, rng.uniform(0.1, 2, N), 0.0)
CHUNKS = (250, 0, 1, 349)  # uneven, and one is empty

BACKENDS = ["numpy", *(name for name in ("jax", "torch") if find_spec(f"mlpkit_{name}"))]
PARAMETERS: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "lbfgs": {"solver": "lbfgs", "alpha": 0.1},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3},
    "class weights": {"class_weight": "balanced", "average_decay": 0.9},
    "dropout": {"dropout": 0.2},
    "metrics by group": {
        "metrics": ["accuracy", "log_loss"],
        "partitions": [by_column(4)],
        "train_metrics": "exact",
    },
}


def distributed(*arrays: Any, chunks: tuple[int, ...] = CHUNKS) -> list[Any]:
    """The arrays in partitions."""
    results = []
    for a in arrays:
        ends = np.cumsum(chunks)
        parts = [a[end - size : end] for size, end in zip(chunks, ends, strict=True)]
        results.append(da.concatenate([da.from_array(p, chunks=p.shape) for p in parts]))
    return results


def same_fits(local: Any, fitted: Any, tolerance: float = 1e-9) -> None:
    """The weights and what was measured in each epoch agree."""
    arrays = zip(
        [*local.coefs_, *local.intercepts_], [*fitted.coefs_, *fitted.intercepts_], strict=True
    )
    for a, b in arrays:
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
    np.testing.assert_allclose(local.loss_curve_, fitted.loss_curve_, rtol=tolerance)
    np.testing.assert_array_equal(local.validation_scores_ or [], fitted.validation_scores_ or [])
    assert fitted.n_iter_ == local.n_iter_
    assert fitted.n_features_in_ == local.n_features_in_


def same_histories(local: Any, fitted: Any) -> None:
    """The metrics of all epochs, sets and groups agree."""
    expected, actual = list(local.metric_history_), list(fitted.metric_history_)
    assert [v._replace(value=0) for v in actual] == [v._replace(value=0) for v in expected]
    assert [v.value for v in actual] == pytest.approx([v.value for v in expected], nan_ok=True)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", PARAMETERS)
def test_classifier(client: Client, name: str) -> None:
    """With weights, and partitions of different sizes."""
    parameters = {"max_iter": 8, "batch_size": 64, "random_state": 0, **PARAMETERS[name]}
    local = MLPClassifier((9,), **parameters).fit(X, Y, sample_weight=WEIGHTS)
    dX, dy, dw = distributed(X, Y, WEIGHTS)
    fitted = DaskMLPClassifier((9,), client=client, **parameters).fit(dX, dy, sample_weight=dw)
    same_fits(local, fitted)
    assert fitted.classes_.tolist() == ["maybe", "no", "yes"]
    if name == "metrics by group":
        same_histories(local, fitted)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_backends(client: Client, backend: str) -> None:
    """With dropout, and early stopping on a validation set."""
    parameters: dict[str, Any] = {
        "max_iter": 5,
        "random_state": 0,
        "backend": backend,
        "dropout": 0.1,
        "early_stopping": True,
    }
    local = MLPClassifier((9,), **parameters).fit(X[:500], Y[:500], X_val=X[500:], y_val=Y[500:])
    dX, dy = distributed(X[:500], Y[:500], chunks=(100, 400))
    vX, vy = distributed(X[500:], Y[500:], chunks=(100,))
    fitted = DaskMLPClassifier((9,), client=client, **parameters)
    same_fits(local, fitted.fit(dX, dy, X_val=vX, y_val=vy), 1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regressor(client: Client) -> None:
    """On dataframes, with evaluation sets as in XGBoost."""
    frame = pd.DataFrame(X, columns=list("abcde"))
    target = pd.Series(TARGET)
    parameters: dict[str, Any] = {
        "max_iter": 6,
        "random_state": 0,
        "standardize_targets": True,
        "metrics": "r2",
        "early_stopping_on": "r2",
    }
    local = MLPRegressor(hidden_layer_sizes=(9,), **parameters).fit(
        frame[:400],
        target[:400],
        X_val=frame[500:],
        y_val=target[500:],
        eval_sets={"validation_0": (frame[400:500], target[400:500], WEIGHTS[400:500])},
    )
    pairs = [
        (dd.from_pandas(frame[i:j], npartitions=2), dd.from_pandas(target[i:j], npartitions=2))
        for i, j in ((0, 400), (400, 500), (500, 600))
    ]
    weights = dd.from_pandas(pd.Series(WEIGHTS[400:500]), npartitions=2)
    fitted = DaskMLPRegressor(hidden_layer_sizes=(9,), client=client, **parameters).fit(
        *pairs[0], eval_set=pairs[1:], sample_weight_eval_set=[weights, None]
    )
    same_fits(local, fitted)
    assert fitted.feature_names_in_.tolist() == list("abcde")
    same_histories(local, fitted)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_few_rows(client: Client) -> None:
    """A worker without rows does not take part."""
    clf = MLPClassifier((3,), max_iter=3, random_state=0)
    local = clf.fit(X[:1], Y[:1])
    dX, dy = distributed(X[:1], Y[:1], chunks=(1,))
    fitted = DaskMLPClassifier((3,), max_iter=3, random_state=0, client=client).fit(dX, dy)
    same_fits(local, fitted)
    statistics = fitted.fit_statistics_
    assert [rank.n_rows for rank in statistics.ranks] == [1]
    assert statistics.tries == 1


def test_random_state(client: Client) -> None:
    """Without one, the global generator is used and advanced, as by a local fit."""
    dX, dy = distributed(X, Y)
    clf = MLPClassifier((3,), solver="lbfgs", max_iter=2)
    with pytest.warns(ConvergenceWarning):
        np.random.seed(1)
        clf.fit(X, Y)
        drawn = np.random.uniform()
    with pytest.warns(ConvergenceWarning):
        np.random.seed(1)
        fitted = DaskMLPClassifier((3,), solver="lbfgs", max_iter=2, client=client).fit(dX, dy)
        assert np.random.uniform() == drawn
    same_fits(clf, fitted)
    assert fitted.random_state is None


def test_warm_start(client: Client) -> None:
    """A second fit continues from the weights of the first one."""
    dX, dy = distributed(X, Y)
    parameters: dict[str, Any] = {"max_iter": 2, "warm_start": True, "random_state": 0}
    local = MLPClassifier((3,), **parameters)
    fitted = DaskMLPClassifier((3,), client=client, **parameters)
    for _ in range(2):
        with pytest.warns(ConvergenceWarning):
            local.fit(X, Y)
        with pytest.warns(ConvergenceWarning):
            fitted.fit(dX, dy)
    same_fits(local, fitted)
    assert len(fitted.loss_curve_) == 4


def test_output(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """Epochs are printed, and warnings are issued, where `fit` was called, by one rank."""
    dX, dy = distributed(X, Y)
    parameters: dict[str, Any] = {"max_iter": 3, "verbose": True, "random_state": 0}
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as local:
        MLPClassifier((3,), **parameters).fit(X, Y)
    expected = capsys.readouterr().out
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as caught:
        DaskMLPClassifier((3,), client=client, **parameters).fit(dX, dy)
    printed = capsys.readouterr().out
    assert printed == expected
    assert printed.count("Iteration") == 3
    assert [str(w.message) for w in caught] == [str(w.message) for w in local]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_encrypted(client: Client) -> None:
    """On a cluster with TLS, the workers communicate by its connections."""
    local = MLPClassifier((3,), max_iter=3, random_state=0).fit(X, Y)
    dX, dy = distributed(X, Y)
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            security=Security.temporary(),
            dashboard_address=":0",
        ) as cluster,
        Client(cluster, set_as_default=False) as encrypted,
    ):
        assert encrypted.scheduler.address.startswith("tls://")
        clf = DaskMLPClassifier((3,), max_iter=3, random_state=0, client=encrypted)
        same_fits(local, clf.fit(dX, dy))
        assert clf.fit_statistics_.communicator == "dask"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_threads_of_one_process() -> None:
    """Also the ranks of workers that share a process, of which one joined after the first fit."""
    local = MLPClassifier((3,), max_iter=3, random_state=0).fit(X, Y)
    dX, dy = distributed(X, Y)
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        clf = DaskMLPClassifier((3,), max_iter=3, random_state=0, client=client)
        same_fits(local, clf.fit(dX, dy))
        assert len(clf.fit_statistics_.ranks) == 1
        cluster.scale(2)
        client.wait_for_workers(2)
        same_fits(local, clf.fit(dX, dy))
        assert len(clf.fit_statistics_.ranks) == 2
