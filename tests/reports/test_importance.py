"""Permutation importance: values, tables of every kind, groups of columns and of rows."""

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlpkit import MLPClassifier, MLPRegressor, by_labels, evaluate, feature_importance
from mlpkit.reports.shuffled_columns import shuffled

RNG = np.random.RandomState(0)
X = RNG.standard_normal((400, 4))
Y = X @ [1.0, 3.0, 0.0, 0.5]
pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def test_values_are_those_of_scikit_learn() -> None:
    """Within the noise of the shuffles, weighted too."""
    reg = RandomForestRegressor(10, random_state=0).fit(X[:200], Y[:200])
    w = RNG.random_sample(200)
    for weight in (None, w):
        own = feature_importance(reg, X[200:], Y[200:], n_repeats=30, sample_weight=weight)
        theirs = permutation_importance(
            reg, X[200:], Y[200:], n_repeats=30, sample_weight=weight, random_state=1
        )
        for i, name in enumerate(["x0", "x1", "x2", "x3"]):
            error = 4 * theirs.importances_std[i] / np.sqrt(15) + 1e-12
            assert abs(own[name] - theirs.importances_mean[i]) < error
        deviations = {e.feature: e.deviation for e in own}
        assert deviations["x1"] == pytest.approx(theirs.importances_std[1], rel=0.6)
    assert (
        own.features[0] == "x1"
        and own.baseline == evaluate(reg, X[200:], Y[200:], sample_weight=w)["r2"]
    )


def test_the_importance_of_a_linear_model_is_known() -> None:
    """Shuffling a feature adds twice the variance of its part to the squared error."""
    reg = LinearRegression().fit(X, Y)
    importance = feature_importance(reg, X, Y, metric="mse", n_repeats=50)
    for i, name in enumerate(["x0", "x1", "x2", "x3"]):
        assert importance[name] == pytest.approx(2 * reg.coef_[i] ** 2 * X[:, i].var(), rel=0.1)


def frames() -> list[Any]:
    """The same columns as dataframes of three libraries."""
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {
        "color": np.array(["red", "blue", None, "green"], dtype=object)[np.arange(60) % 4],
        "size": np.arange(60.0),
        "ok": np.arange(60) % 2 == 0,
    }
    pandas = pd.DataFrame(columns, index=np.arange(60) * 2 + 5)
    pandas["color"] = pandas["color"].astype("category")
    polars = pl.DataFrame(
        {"color": columns["color"].tolist(), "size": columns["size"], "ok": columns["ok"]}
    )
    return [pandas, polars]


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["pandas", "polars", "pyarrow"])
def test_dataframes_keep_their_types(kind: int) -> None:
    """Only the values of the shuffled columns move; the original is unchanged."""
    if kind == 2:
        pytest.importorskip("pyarrow")
    X = frames()[1].to_arrow() if kind == 2 else frames()[kind]
    order = np.random.RandomState(0).permutation(60)

    def values(X: Any, i: int) -> list[Any]:
        if kind == 0:
            return [None if v != v else v for v in X.iloc[:, i].tolist()]
        return X[:, i].to_list() if kind == 1 else X.column(i).to_pylist()

    before = [values(X, i) for i in range(3)]
    new = shuffled(X, [0, 1], order)
    assert [values(new, i) for i in (0, 1)] == [[before[i][j] for j in order] for i in (0, 1)]
    assert values(new, 2) == before[2] and [values(X, i) for i in range(3)] == before
    if kind == 0:
        assert (new.dtypes == X.dtypes).all() and new.index.equals(X.index)
    else:
        assert new.schema == X.schema


def test_frames_arrays_and_sparse_matrices_agree() -> None:
    """The same shuffles, so the same numbers; features have the names of columns."""
    pd = pytest.importorskip("pandas")
    reg = LinearRegression().fit(X, Y)
    expected = [e.importance for e in feature_importance(reg, X, Y)]
    sparse = [e.importance for e in feature_importance(reg, csr_matrix(X), Y)]
    np.testing.assert_allclose(sparse, expected)
    frame = pd.DataFrame(X, columns=list("abcd"))
    own = feature_importance(LinearRegression().fit(frame, Y), frame, Y)
    np.testing.assert_allclose([e.importance for e in own], expected)
    assert own.features == ["b", "a", "d", "c"]


def test_groups_of_columns_are_shuffled_together() -> None:
    """A copy of a column hides its importance, unless both are shuffled with the same order."""
    Z = np.column_stack([X[:, 1], X[:, 1], X[:, 0]])
    reg = RandomForestRegressor(20, max_features=1, random_state=0).fit(Z, Y)
    alone = feature_importance(reg, Z, Y, columns=[0, -2])
    assert alone.features == ["x0", "x1"] or alone.features == ["x1", "x0"]
    both = feature_importance(reg, Z, Y, columns={"copies": [0, 1], "other": [2]})
    assert both["copies"] > 1.5 * max(alone["x0"], alone["x1"])


def test_importance_by_group_of_rows() -> None:
    """Groups are those before shuffling; a feature matters only where it is used."""
    group = np.where(X[:, 2] > 0, "high", "low")
    y = np.where(X[:, 2] > 0, X[:, 0], X[:, 1])
    reg = RandomForestRegressor(30, random_state=0).fit(X, y)
    importance = feature_importance(
        reg, X, y, columns=[0, 1], partitions=by_labels(group, name="group"), metric="mae"
    )
    values = {(e.feature, e.partition): e.importance for e in importance}
    assert values["x0", "high"] > 5 * abs(values["x0", "low"])
    assert values["x1", "low"] > 5 * abs(values["x1", "high"])
    sizes = {e.partition: e.n_rows for e in importance}
    assert sizes == {"all": 400, "high": int((group == "high").sum()), "low": sizes["low"]}
    text = str(importance)
    assert "group: high" in text and "change of mae for the worse" in text
    copied = pickle.loads(pickle.dumps(importance))
    assert str(copied) == text and len(copied.to_frame()) == len(importance) == 6
    assert str(importance.to_csv()).startswith("feature,partitioner,partition,importance")


def test_classifiers_and_their_metrics() -> None:
    """The default is the log-loss, or accuracy without probabilities."""
    y = np.where(Y > 0, "yes", "no")
    clf = LogisticRegression().fit(X, y)
    assert feature_importance(clf, X, y).metric == "log_loss"
    importance = feature_importance(clf, X, y, metric="accuracy", random_state=1)
    assert importance.features[0] == "x1" and importance["x1"] > 0.2
    again = feature_importance(clf, X, y, metric="accuracy", random_state=1)
    assert [*again] == [*importance]


def test_reports_show_it() -> None:
    """By the first metric with a direction, in the groups of the report."""
    y = (Y > 0).astype(int)
    clf = MLPClassifier(solver="lbfgs", max_iter=30, alpha=1.0, random_state=0)
    clf = clf.set_params(max_iter=200, tol=1e-3).fit(X, y)
    report = evaluate(
        clf, X, y, metrics=["selection_rate", "f1"], partitions="target", importance=True
    )
    assert report.importance is not None and report.importance.metric == "f1"
    assert {e.partition for e in report.importance} == {"all", "0", "1"}
    assert str(report.importance) in str(report) and "x1" in str(report)
    assert evaluate(clf, X, y).importance is None
    with pytest.raises(ValueError, match="importance=True requires an estimator, X and y"):
        evaluate(None, None, y, y_pred=y, importance=True)


def test_reports_pass_their_arguments_on() -> None:
    """The task, the classes, the coverage, balanced weights, and arrays of weights."""
    y, w = (X[:, 0] > 0.5).astype(int), np.repeat([1.0, 3.0], 200)
    report = evaluate(Threshold(), X, y, task="binary", metrics="accuracy", importance=True)
    assert report.importance is not None and report.importance.features[0] == "x0"
    clf = LogisticRegression().fit(X, y)
    for weight in ("balanced", w):
        report = evaluate(clf, X, y, sample_weight=weight, metrics="log_loss", importance=True)
        assert report.importance is not None
        assert report.importance.baseline == report["log_loss"]
    reg = MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    reg.fit(X, Y, X_val=X, y_val=Y)
    report = evaluate(reg, X, Y, metrics="interval_coverage", coverage=0.5, importance=True)
    assert report.importance is not None
    assert report.importance.baseline == report["interval_coverage"] < 0.6


class Threshold:
    """A model without the attributes of scikit-learn, which counts its predictions."""

    n_calls = 0

    def predict(self, X: Any) -> np.ndarray:
        """Whether the first column is above 0.5."""
        self.n_calls += 1
        return (X[:, 0] > 0.5).astype(int)


def test_each_table_is_predicted_once() -> None:
    """The rows as they are, and each repetition of each feature."""
    model = Threshold()
    n_repeats: Any = np.int64(3)
    feature_importance(model, X, (X[:, 0] > 0.5).astype(float), n_repeats=n_repeats)
    assert model.n_calls == 1 + 3 * 4


def test_columns_of_any_name() -> None:
    """A pandas frame may have names that are attributes of other frames."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["column_names", "with_columns", "isetitem", "d"])
    importance = feature_importance(LinearRegression().fit(frame, Y), frame, Y)
    assert importance.features == ["with_columns", "column_names", "d", "isetitem"]
    repeated = pd.DataFrame(X, columns=["a", "b", "a", "c"])
    with pytest.raises(ValueError, match="several columns of the same name: 'a'. Rename"):
        feature_importance(LinearRegression().fit(X, Y), repeated, Y)


def test_plot() -> None:
    """A bar for each feature, the most important at the top."""
    plt = pytest.importorskip("matplotlib.pyplot")
    importance = feature_importance(LinearRegression().fit(X, Y), X, Y)
    ax = importance.plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == importance.features
    np.testing.assert_allclose(
        [bar.get_width() for bar in ax.patches], [e.importance for e in importance]
    )
    assert importance.plot(ax=ax) is ax
    plt.close("all")


def test_what_is_not_accepted() -> None:
    """The messages name the column or the metric."""
    reg = LinearRegression().fit(X, Y)
    with pytest.raises(ValueError, match="X has no column 'x9'. Its columns are: x0, x1"):
        feature_importance(reg, X, Y, columns=["x9"])
    with pytest.raises(ValueError, match="at least one column for the group 'none'"):
        feature_importance(reg, X, Y, columns={"none": []})
    with pytest.raises(ValueError, match="Neither high nor low values of 'mean_bias'"):
        feature_importance(reg, X, Y, metric="mean_bias")
    with pytest.raises(ValueError, match="n_repeats must be a positive integer, got 0"):
        feature_importance(reg, X, Y, n_repeats=0)
    with pytest.raises(ValueError, match="got True. For a mask, pass numpy.flatnonzero"):
        feature_importance(reg, X, Y, columns=[True, False, True, False])
    with pytest.raises(ValueError, match=r"names or indices, got slice\(None, 2, None\)"):
        feature_importance(reg, X, Y, columns=slice(2))
    assert feature_importance(reg, X, Y, columns=np.int64(1)).features == ["x1"]
    with pytest.raises(KeyError, match="Unknown feature 'y'. The features are: x1, x0, x"):
        feature_importance(reg, X, Y)["y"]
