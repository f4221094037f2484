"""The callback "mlflow", and models of mlpkit in MLflow, with a file store."""

import pickle
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fits import Failure, X, classifier, fail_in_third_epoch, fitted, y
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpkit
from mlpkit.testing import CallbackTests
from mlpkit_loggers import MLflowLogger
from mlpkit_loggers.runs import clean

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::DeprecationWarning",  # of the libraries that MLflow imports
    "ignore::FutureWarning:mlflow.*",
    "ignore:.*Any type hint is inferred",  # of `predict`, where X may be any table
)


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an empty file store."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    import mlflow

    mlflow.set_tracking_uri(f"file://{tmp_path}/runs")
    yield mlflow.MlflowClient()
    while mlflow.active_run() is not None:
        mlflow.end_run()


class TestConformance(CallbackTests):
    callback = "mlflow"


def runs(client: Any, name: str = "Default") -> list[Any]:
    """The runs of an experiment, the newest first."""
    return list(client.search_runs([client.get_experiment_by_name(name).experiment_id]))


def history(client: Any, run: Any, metric: str) -> list[tuple[int, float]]:
    """The values of a metric by step."""
    return [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, metric)]


def test_parameters_and_values(client: Any) -> None:
    """A fit has a run with its parameters and with the values of all epochs and groups."""
    clf = fitted(classifier(callbacks="mlflow", alpha=0.01, solver="sgd"))
    (run,) = runs(client)
    assert run.info.status == "FINISHED"
    expected = {
        "alpha": "0.01",
        "backend": clf._network.spec.backend,
        "batch_size": "200",
        "hidden_layer_sizes": "(4,)",
        "learning_rate": "constant",
        "learning_rate_init": "0.001",
        "loss": "binary_log_loss",
        "max_iter": "4",
        "n_features": "3",
        "n_rows": "60",
        "solver": "sgd",
        "solver.momentum": "0.9",
        "task": "binary",
    }
    assert expected.items() <= run.data.params.items()
    assert run.data.tags["mlpkit.version"] == mlpkit.__version__
    assert history(client, run, "loss") == list(enumerate(clf.loss_curve_, 1))
    for split in ("train", "validation"):
        for group in ("0", "1"):
            rows = clf.metric_history_.select(
                "log_loss", split=split, by="size <= 1/2", partition=group
            )
            name = f"{split}/log_loss by size __ 1_2/{group}"
            assert history(client, run, name) == [(row.epoch, row.value) for row in rows]
            assert len(rows) == 4


def test_an_active_run_is_used(client: Any) -> None:
    """Two fits in one run keep the parameters of the first, and the run stays active."""
    import mlflow

    with mlflow.start_run() as run:
        fitted(classifier(callbacks=MLflowLogger(tags={"stage": "test"})))
        fitted(classifier(callbacks="mlflow", alpha=0.5))
        assert mlflow.active_run().info.run_id == run.info.run_id
    (logged,) = runs(client)
    assert logged.data.params["alpha"] == "0.0001"
    assert logged.data.tags["stage"] == "test"
    assert [step for step, _ in history(client, logged, "loss")] == [1, 2, 3, 4, 1, 2, 3, 4]


def test_nested_runs(client: Any) -> None:
    """With nested=True, each fit of a search has a run of its own within the active one."""
    import mlflow

    logger = MLflowLogger(nested=True, run_name="candidate")
    search = GridSearchCV(classifier(callbacks=logger, max_iter=1), {"alpha": [0.1, 0.2]}, cv=2)
    with mlflow.start_run() as parent:
        search.fit(X, y)
    children = [run for run in runs(client) if run.info.run_id != parent.info.run_id]
    counts = Counter(run.data.params["alpha"] for run in children)
    assert counts.keys() == {"0.1", "0.2"}
    assert sorted(counts.values()) == [2, 3]  # the best one is fitted again to all rows
    for run in children:
        assert run.info.run_name == "candidate"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_experiment_and_name(client: Any) -> None:
    """A new experiment is created, and a known one is used."""
    for name in ("first", "second"):
        fitted(classifier(callbacks=MLflowLogger("income", name), max_iter=1))
    assert [run.info.run_name for run in runs(client, "income")] == ["second", "first"]
    assert runs(client) == []


def test_a_fit_that_fails(client: Any) -> None:
    """The run is ended as failed, and the estimator is unchanged."""
    clf = classifier(callbacks=["mlflow", fail_in_third_epoch])
    with pytest.raises(Failure):
        fitted(clf)
    (run,) = runs(client)
    assert run.info.status == "FAILED"
    assert len(history(client, run, "loss")) == 3
    assert not hasattr(clf, "coefs_")
    try:
        raise Failure
    except Failure:  # this exception is not that of the fit
        fitted(classifier(callbacks="mlflow"))
    assert runs(client)[0].info.status == "FINISHED"


def test_a_resumed_fit_continues_the_run(client: Any, tmp_path: Path) -> None:
    """An interrupted fit and its continuation are one run."""
    clf = classifier(checkpoint=tmp_path / "checkpoint")
    with pytest.raises(Failure):
        fitted(clf.set_params(callbacks=["mlflow", fail_in_third_epoch]))
    (run,) = runs(client)
    assert run.info.status == "FAILED"
    fitted(clf.set_params(callbacks="mlflow"))
    (run,) = runs(client)
    assert run.info.status == "FINISHED"
    assert [step for step, _ in history(client, run, "loss")] == [1, 2, 3, 3, 4]
    assert dict(history(client, run, "loss")) == dict(enumerate(clf.loss_curve_, 1))


def test_names_are_valid_in_mlflow() -> None:
    """Any text becomes a name that MLflow accepts."""
    from mlflow.utils.validation import _validate_metric_name

    for text in (
        "a/b",
        "..",
        ".",
        "",
        " x ",
        "50% < y",
        "naïve",
        "\n",
        "x" * 300,
        "a\\b",
        "[1, 2)",
    ):
        _validate_metric_name(f"train/{clean(text)[:80] or '_'}")


def test_the_object_is_a_parameter_like_any_other() -> None:
    """It is pickled, cloned, compared and shown."""
    logger = MLflowLogger("income", tags={"data": "2024"})
    clf = fitted(classifier(callbacks=logger))
    assert pickle.loads(pickle.dumps(clf)).callbacks == logger == clone(clf).callbacks
    assert repr(logger).startswith("MLflowLogger(experiment='income'")


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("serialization_format", ["cloudpickle", "skops"])
def test_models(serialization_format: str, in_pipeline: bool, client: Any) -> None:
    """A model in the run of its fit is loaded with equal predictions."""
    import mlflow

    model: Any = classifier(callbacks="mlflow", metrics=None, partitions=None, max_iter=2)
    if in_pipeline:
        model = make_pipeline(StandardScaler(), model)
    trusted = None
    if serialization_format == "skops":
        trusted = mlpkit.SKOPS_TRUSTED_TYPES
    with mlflow.start_run() as run:
        model.fit(X, y)
        logged = mlflow.sklearn.log_model(
            model,
            name="model",
            serialization_format=serialization_format,
            skops_trusted_types=trusted,
            pip_requirements=[],  # otherwise another process finds them out
        )
    assert logged.run_id == run.info.run_id
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    assert type(loaded) is type(model)
    assert (loaded.predict_proba(X) == model.predict_proba(X)).all()


def test_autologging_of_pipelines(client: Any) -> None:
    """MLflow's autologging records a Pipeline, and the callback logs to the same run."""
    import mlflow

    mlflow.sklearn.autolog(log_datasets=False, log_models=False, silent=True)
    try:
        model = make_pipeline(StandardScaler(), classifier(callbacks="mlflow", partitions=None))
        model.fit(X, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    (run,) = runs(client)
    assert run.data.params["mlpclassifier__alpha"] == "0.0001"
    assert run.data.metrics["training_score"] == model.score(X, y)
    assert history(client, run, "loss") == list(enumerate(model[-1].loss_curve_, 1))
    assert {"train/accuracy", "train/log_loss"} <= run.data.metrics.keys()
