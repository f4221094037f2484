"""The estimators of a cluster: parameters, results, and errors before and during a fit."""

import pickle
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dask.array as da
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from dask_ml.wrappers import Incremental
from distributed import Client
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV

import mlpkit
from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.plugin import Communicator, Report
from mlpkit_dask import DaskMLPClassifier, DaskMLPRegressor
from mlpkit_dask.fitting import versions
from mlpkit_dask.fitting.choices import communicator_name

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.RandomState(0)
X = rng.normal(size=(300, 4))
Y = (X[:, 0] > X[:, 1] ** 2).astype(int)
DX, DY = da.from_array(X, chunks=(100, 4)), da.from_array(Y, chunks=100)


@pytest.fixture(scope="module")
def fitted(client: Client) -> DaskMLPClassifier:
    """A fitted classifier."""
    return DaskMLPClassifier((5,), max_iter=5, random_state=0, client=client).fit(DX, DY)


def test_parameters(client: Client) -> None:
    """They are those of the plain class, and those of the cluster."""
    clf = DaskMLPClassifier((5,), "tanh", alpha=0.1, client=client, timeout=5)
    plain = MLPClassifier((5,), "tanh", alpha=0.1)
    own = {
        "client": client,
        "communicator": "auto",
        "timeout": 5,
        "retries": 3,
        "accumulate": 1,
    }
    assert clf.get_params() == plain.get_params() | own
    assert clone(clf).get_params() == clf.get_params()
    assert DaskMLPRegressor("poisson", (3,)).loss == MLPRegressor("poisson", (3,)).loss
    with pytest.raises(
        TypeError, match=r"DaskMLPClassifier.__init__\(\) got an unexpected .*'alp'"
    ):
        DaskMLPClassifier(alp=0.1)
    with pytest.raises(ValueError, match="The 'timeout' parameter of DaskMLPClassifier must be"):
        DaskMLPClassifier(timeout=0, client=client).fit(DX, DY)


def test_repr(client: Client) -> None:
    """One line, with the address of the cluster."""
    clf = DaskMLPClassifier((5,) * 30, solver="lbfgs", client=client)
    assert "\n" not in repr(clf)
    assert f"client=<Client {client.scheduler.address}>" in repr(clf)
    assert repr(DaskMLPClassifier(alpha=0.5)) == "DaskMLPClassifier(alpha=0.5)"


def test_results(fitted: DaskMLPClassifier, client: Client, tmp_path: Path) -> None:
    """Predictions are lazy; the plain estimator, files and pickles predict the same."""
    local = fitted.to_local()
    assert type(local) is MLPClassifier
    expected = MLPClassifier((5,), max_iter=5, random_state=0).fit(X, Y).predict_proba(X)
    for model in (local, pickle.loads(pickle.dumps(local))):
        np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-12)
    lazy = fitted.predict_proba(DX)
    assert lazy.chunks == ((100, 100, 100), (2,))
    np.testing.assert_array_equal(lazy.compute(), local.predict_proba(X))
    np.testing.assert_array_equal(fitted.predict(X), local.predict(X))
    np.testing.assert_array_equal(fitted.predict_log_proba(X), local.predict_log_proba(X))
    assert fitted.score(DX, DY) == pytest.approx(local.score(X, Y))
    assert fitted.score(X, Y) == local.score(X, Y)
    fitted.save(tmp_path / "model.mlpkit")
    loaded = mlpkit.load(tmp_path / "model.mlpkit")
    np.testing.assert_array_equal(loaded.predict(X), local.predict(X))
    unpickled = pickle.loads(pickle.dumps(fitted))
    assert unpickled.client is None
    np.testing.assert_array_equal(unpickled.predict(X), local.predict(X))
    np.testing.assert_array_equal(fitted.to_sklearn().predict(X), local.predict(X))
    assert local.partial_fit(X, Y).t_ > fitted.t_


def test_statistics(fitted: DaskMLPClassifier, workers: list[str]) -> None:
    """The ranks, their rows, and what they communicated."""
    statistics = fitted.fit_statistics_
    assert sorted(rank.worker for rank in statistics.ranks) == workers
    assert sum(rank.n_rows for rank in statistics.ranks) == 300
    n_steps, n_weights = 5 * 2, 4 * 5 + 5 + 5 + 1
    for rank in statistics.ranks:
        assert rank.n_reduces >= n_steps
        assert rank.n_bytes >= n_steps * n_weights * 8
        assert rank.communication_seconds > 0 < rank.computation_seconds
    assert (statistics.tries, statistics.faults, statistics.communicator) == (1, (), "xgboost")


def test_regressor(client: Client) -> None:
    """Predictions of a regressor have quantiles and intervals."""
    target = da.from_array(X[:, 0], chunks=100)
    reg = DaskMLPRegressor("quantiles", (5,), max_iter=3, early_stopping=True, client=client)
    reg = reg.fit(DX, target)
    local = reg.to_local()
    np.testing.assert_array_equal(
        reg.predict(DX, quantiles=[0.2, 0.5]).compute(), local.predict(X, quantiles=[0.2, 0.5])
    )
    np.testing.assert_array_equal(reg.predict_interval(DX).compute(), local.predict_interval(X))
    assert reg.score(DX, target) == pytest.approx(local.score(X, X[:, 0]))


class Stops:
    """Raises an error."""

    def __call__(self, report: Report) -> None:
        """Raise it after the second epoch."""
        if report.epoch == 2:
            raise LookupError("the second epoch")


def test_error_in_a_callback(client: Client) -> None:
    """It has the same type and message as locally, and the estimator is not fitted."""
    clf = DaskMLPClassifier((5,), callbacks=Stops(), client=client)
    with pytest.raises(LookupError, match="the second epoch") as raised:
        clf.fit(DX, DY)
    assert "rank 0" in raised.value.__notes__[0]
    assert not hasattr(clf, "coefs_")


def test_a_callback_of_a_module_that_workers_lack(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to do, and the workers go on."""
    (tmp_path / "callbacks_of_user.py").write_text("def log(report):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    log = import_module("callbacks_of_user").log
    before = client.nthreads()
    clf = DaskMLPClassifier((5,), callbacks=[log], client=client)
    with pytest.raises(RuntimeError, match=r"'callbacks_of_user'\. Its callbacks, losses .* must"):
        clf.fit(DX, DY)
    assert client.nthreads() == before
    client.upload_file(str(tmp_path / "callbacks_of_user.py"))
    assert clf.fit(DX, DY).n_iter_ > 1


def test_a_communicator_that_workers_lack(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to do, and the workers go on."""
    (tmp_path / "wires_of_user.py").write_text("def listen():\n    pass\njoin = listen\n")
    monkeypatch.syspath_prepend(tmp_path)
    wires = import_module("wires_of_user")
    before = client.nthreads()
    communicator = Communicator(wires.listen, wires.join)
    with pytest.raises(RuntimeError, match=r"communicator .*'wires_of_user'\. Install on all"):
        DaskMLPClassifier((5,), communicator=communicator, client=client).fit(DX, DY)
    assert client.nthreads() == before


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_divergence(client: Client) -> None:
    """It is the error of a local fit."""
    parameters: dict[str, Any] = {"solver": "sgd", "learning_rate_init": 1e300, "random_state": 0}
    with pytest.raises(ValueError, match="finite") as local:
        MLPClassifier((5,), **parameters).fit(X, Y)
    with pytest.raises(ValueError, match="finite") as caught:
        DaskMLPClassifier((5,), client=client, **parameters).fit(DX, DY)
    assert str(caught.value) == str(local.value)


def test_versions(client: Client, workers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker with another version, or without the plugin, is named."""
    monkeypatch.setattr(versions, "installed_version", lambda name: "9.9")
    clf = DaskMLPClassifier((5,), client=client)
    with pytest.raises(
        RuntimeError, match=r"worker tcp://.* has mlpkit 0.1.0, but the client has 9"
    ):
        clf.fit(DX, DY)
    monkeypatch.setattr(versions, "OWN", ())
    with pytest.raises(RuntimeError, match=r"worker tcp.* since acme is not installed .*acme 9.9"):
        versions.check_versions(client, workers, ["acme"])


def test_inputs(client: Client) -> None:
    """Errors say what to pass."""
    clf = DaskMLPClassifier((5,), client=client)
    with pytest.raises(TypeError, match="X must be a Dask array .* got ndarray"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match="eval_set must be a list of tuples"):
        clf.fit(DX, DY, eval_set=(DX, DY))
    with pytest.raises(ValueError, match="Pass eval_set or X_val"):
        clf.fit(DX, DY, eval_set=[(DX, DY)], X_val=DX, y_val=DY)
    for name, message in (("validation", "must not be 'val"), ("validation_0", "that of a set")):
        with pytest.raises(ValueError, match=message):
            clf.fit(DX, DY, eval_set=[(DX, DY)] * 2, eval_sets={name: (DX, DY)})
    with pytest.raises(ValueError, match="each of the 1 sets of eval_set, but has 2"):
        clf.fit(DX, DY, eval_set=[(DX, DY)], sample_weight_eval_set=[None, None])
    with pytest.raises(ValueError, match="unknown communicator 'smoke'; installed: "):
        DaskMLPClassifier(communicator="smoke", client=client).fit(DX, DY)
    with pytest.raises(ValueError, match="DaskMLPClassifier does not support set_callbacks"):
        clone(clf).set_callbacks(ProgressBar()).fit(DX, DY)
    with pytest.raises(AttributeError) as raised:
        clf.partial_fit(DX, DY)
    assert "DaskMLPClassifier has no partial_fit. Use to_local" in str(raised.value.__cause__)


def test_communicator_name(client: Client) -> None:
    """Encrypted on encrypted clusters, and that of PyTorch for its backend."""

    class Encrypted:
        scheduler = type("Scheduler", (), {"address": "tls://10.0.0.1:8786"})

    encrypted: Any = Encrypted()
    assert communicator_name(encrypted, "auto", "torch") == "dask"
    assert communicator_name(client, "auto", "torch") == "gloo"
    assert communicator_name(client, "auto", "numpy") == "xgboost"
    assert communicator_name(encrypted, "xgboost", None) == "xgboost"


def test_accumulated_batches(client: Client) -> None:
    """Their gradients are added up before one update, as those of a larger batch."""
    options: dict[str, Any] = {"max_iter": 5, "random_state": 0, "client": client}
    alone = DaskMLPClassifier((5,), batch_size=30, **options).fit(DX, DY)
    clf = DaskMLPClassifier((5,), batch_size=30, accumulate=2, **options).fit(DX, DY)
    large = MLPClassifier((5,), batch_size=60, max_iter=5, random_state=0).fit(X, Y)
    np.testing.assert_allclose(clf.coefs_[0], large.coefs_[0], rtol=0, atol=1e-9)
    assert clf.batch_size == clf.to_local().batch_size == 30
    few, many = (fit.fit_statistics_.ranks[0].n_reduces for fit in (clf, alone))
    assert few < 0.6 * many
    with pytest.raises(ValueError, match="accumulate=2 requires batch_size to be .*, got 'auto'"):
        DaskMLPClassifier(accumulate=2, client=client).fit(DX, DY)


def test_grid_search(client: Client) -> None:
    """Searches with plain estimators run on the cluster by joblib's backend."""
    search = GridSearchCV(
        MLPClassifier((5,), max_iter=3, random_state=0), {"alpha": [0.1, 1]}, cv=2
    )
    with joblib.parallel_backend("dask", client=client):
        scores = search.fit(X, Y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores, search.fit(X, Y).cv_results_["mean_test_score"])


def test_incremental(client: Client) -> None:
    """Dask-ML trains a plain estimator partition by partition."""
    clf = MLPClassifier((5,), random_state=0)
    incremental = Incremental(clf, shuffle_blocks=False).fit(DX, DY, classes=[0, 1])
    for i in range(0, 300, 100):
        clf.partial_fit(X[i : i + 100], Y[i : i + 100], classes=[0, 1])
    np.testing.assert_array_equal(incremental.estimator_.coefs_[0], clf.coefs_[0])


@pytest.mark.skipif(find_spec("mlpkit_tabular") is None, reason="needs mlpkit-tabular")
def test_tables(client: Client) -> None:
    """The encoder learns from the columns of all workers."""
    from mlpkit_dask import DaskTabularClassifier
    from mlpkit_tabular import TabularClassifier

    frame = pd.DataFrame(
        {"a": X[:, 0], "b": np.where(X[:, 1] > 0, "up", None), "c": np.arange(300) % 5}
    )
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": (8,),
        "n_members": 2,
        "max_iter": 2,
        "backend": "jax",
        "n_folds": None,
        "random_state": 0,
    }
    dask_frame = dd.from_pandas(frame, npartitions=3)
    fitted = DaskTabularClassifier(client=client, **parameters).fit(
        dask_frame, dd.from_pandas(pd.Series(Y), npartitions=3)
    )
    local = TabularClassifier(**parameters).fit(frame, Y)
    np.testing.assert_allclose(
        fitted.to_local().predict_proba(frame), local.predict_proba(frame), atol=1e-4
    )
    assert fitted.predict(dask_frame).compute().shape == (300,)
    assert type(fitted.to_local()) is TabularClassifier
