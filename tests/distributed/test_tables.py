"""Tables that are distributed over processes: encoders, metrics by group and evaluation sets."""

from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.distributed import Shard
from mlpkit.testing import in_group
from tests.helpers.thread_groups import fitted_in_group, shard_of

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
N = 200


@pytest.fixture(scope="module")
def people() -> tuple[Any, Any]:
    """A table and its targets, which are strings."""
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "age": rng.randint(20, 60, N),
            "income": rng.lognormal(size=N),
            "is_new": rng.rand(N) > 0.5,
        }
    )
    frame.loc[::9, "income"] = np.nan
    y = np.where(frame["age"] + 20 * frame["is_new"] > 45, "yes", "no")
    return frame, y


def made(**parameters: Any) -> MLPClassifier:
    """A classifier of tables."""
    return MLPClassifier(
        (6,), encoder="standard", random_state=0, max_iter=4, tol=0.0, **parameters
    )


@pytest.mark.parametrize("train_metrics", ["exact", "running"])
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_metrics_by_group(people: tuple[Any, Any], train_metrics: str) -> None:
    """The history equals that of one process, also of running metrics."""
    X, y = people
    X_val, y_val = X[::4].reset_index(drop=True), y[::4]

    def make() -> MLPClassifier:
        return made(
            metrics=["accuracy", "roc_auc"], partitions=["is_new"], train_metrics=train_metrics
        )

    local = make().fit(X, y, X_val=X_val, y_val=y_val)
    others = fitted_in_group(make, X, y, np.arange(N) % 3, 3, X_val=X_val, y_val=y_val)
    assert list(local.feature_names_in_) == list(others[1].feature_names_in_)
    expected = local.metric_history_
    for history in [other.metric_history_ for other in others]:
        for column in ("epoch", "split", "metric", "partition", "n_rows"):
            assert history[column].tolist() == expected[column].tolist()
        np.testing.assert_allclose(history["value"], expected["value"], rtol=1e-5)
    assert others[2].predict(X).tolist() == local.predict(X).tolist()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_early_stopping_on_the_worst_group(people: tuple[Any, Any]) -> None:
    """Validation rows are held out from the rows of all processes."""
    X, y = people

    def make() -> MLPClassifier:
        return made(
            partitions=["is_new"],
            early_stopping_on="worst(accuracy, by='is_new')",
            dtype="float64",
            validation_fraction=0.4,
        )

    local = make().fit(X, y)
    others = fitted_in_group(make, X, y, np.arange(N) // 150, 2)
    np.testing.assert_allclose(local.coefs_[0], others[1].coefs_[0], rtol=0, atol=1e-9)
    assert local.validation_scores_ == others[0].validation_scores_


def test_different_columns(people: tuple[Any, Any]) -> None:
    """An error that shows both."""
    X, _ = people

    def fit(group: Any) -> Shard:
        frame = X if group.rank else X[["income", "age"]]
        return shard_of(group, frame, np.arange(N) % 2)

    with pytest.raises(ValueError, match=r"different columns: \['income', 'age'\] and \['age'"):
        in_group(2, fit)


def test_columns_of_different_types(people: tuple[Any, Any]) -> None:
    """Integers and floats have a common type; text and numbers have none."""
    X, y = people

    def fit(group: Any, kind: type) -> Any:
        frame = X.assign(age=X["age"].astype(kind)) if group.rank else X
        return made().fit(shard_of(group, frame, np.arange(N) % 2), y)

    with pytest.warns(match="Stochastic Optimizer"):
        first, _ = in_group(2, lambda group: fit(group, float))
        expected = made().fit(X, y)
    np.testing.assert_allclose(first.encoder_.mean_, expected.encoder_.mean_)
    with pytest.raises(ValueError, match="different types in column 'age': int64, .*string"):
        in_group(2, lambda group: fit(group, str))


def test_parts_of_different_types() -> None:
    """Numbers are never rounded to the type of the first part, and the message says what to do."""
    X, y = np.random.RandomState(0).normal(size=(40, 3)), np.arange(40) % 2

    def fit(group: Any, **parameters: Any) -> Any:
        parts = [X[:20].astype(np.float32), X[20:]]
        shard = Shard(parts, np.arange(40), 40, group)
        return MLPClassifier(
            (4,), solver="lbfgs", max_iter=2, random_state=0, max_fun=1, **parameters
        ).fit(shard, y)

    with pytest.raises(ValueError, match=r"float32 and float64\. Set dtype='float64', or"):
        in_group(1, fit)
    with pytest.warns(match="lbfgs failed to converge"):
        (clf,) = in_group(1, lambda group: fit(group, dtype="float64"))
    assert clf.coefs_[0].dtype == np.float64


def test_a_transformer_without_columns(people: tuple[Any, Any]) -> None:
    """It would need all rows in one process."""
    from sklearn.preprocessing import StandardScaler

    X, y = people
    with pytest.raises(ValueError, match="encoder .*cannot be fitted on rows that are distributed"):
        fitted_in_group(
            lambda: MLPClassifier(encoder=StandardScaler()), X.dropna(axis=1), y, np.zeros(N), 1
        )


def test_sparse_parts() -> None:
    """They are not supported."""
    from scipy.sparse import eye_array

    with pytest.raises(ValueError, match="Sparse rows cannot be distributed"):
        in_group(1, lambda group: Shard([eye_array(3).tocsr()], np.arange(3), 3, group))
