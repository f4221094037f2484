"""Early stopping on a metric, a group, or a function of the report."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from mlpkit import MLPClassifier, by_labels, by_target, evaluate
from mlpkit.monitoring.criteria import Criterion, criterion_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X = X / 16
TRAIN, HELD = slice(600), slice(600, 1200)
REGION = np.array(["north", "south"])[np.random.RandomState(0).randint(2, size=len(Y))]
BESIDE: dict[str, Any] = {
    "X_val": X[HELD],
    "y_val": Y[HELD],
    "labels": {"region": REGION[TRAIN]},
    "labels_val": {"region": REGION[HELD]},
}


def classifier(goal: Any, **changes: Any) -> MLPClassifier:
    """Few epochs at a high rate: the best is not the last."""
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (8,),
        "learning_rate_init": 0.05,
        "max_iter": 12,
        "tol": 0.0,
        "random_state": 1,
        "partitions": [by_labels("region"), by_target()],
        "early_stopping_on": goal,
    }
    return MLPClassifier(**{**settings, **changes})


@pytest.mark.parametrize(
    "goal",
    [
        "worst(accuracy, by='target')",
        "log_loss",
        "difference(accuracy, by='region')",
        "ratio(accuracy)",
        "worst('log_loss', by='region', min_rows=100)",
        lambda report: report["accuracy"] - report.difference("accuracy", by="region"),
    ],
)
def test_the_best_epoch_is_kept(goal: Any, backend: str) -> None:
    """Its score is the largest, and that of the weights that come back."""
    clf = classifier(goal, metrics=["accuracy", "log_loss"], backend=backend)
    clf.fit(X[TRAIN], Y[TRAIN], **BESIDE)
    scores = clf.validation_scores_
    assert clf.best_validation_score_ == max(scores) and len(scores) == clf.n_iter_
    report = evaluate(
        clf,
        X[HELD],
        Y[HELD],
        metrics=["accuracy", "log_loss"],
        partitions=clf.partitions,
        labels={"region": REGION[HELD]},
    )
    assert criterion_of(goal).score(report) == pytest.approx(max(scores), rel=1e-6)
    assert clf.best_loss_ is None


def test_it_stops_by_it(backend: str) -> None:
    """n_iter_no_change epochs without improvement by tol end the training; no row is held out."""
    clf = classifier("accuracy", tol=1.0, n_iter_no_change=2, backend=backend)
    clf.fit(X[TRAIN], Y[TRAIN], **BESIDE)
    assert clf.n_iter_ == 4 and clf.t_ == 600 * 4


def test_rows_are_held_out_where_none_are_given() -> None:
    """As early_stopping=True does, with their groups."""
    clf = classifier("worst(accuracy, by='region')", validation_fraction=0.25)
    clf.fit(X[TRAIN], Y[TRAIN], labels={"region": REGION[TRAIN]})
    rows = clf.metric_history_.select("accuracy", by="all")
    assert {(r.split, r.n_rows) for r in rows} == {("train", 450), ("validation", 150)}
    plain = classifier(None, early_stopping=True, validation_fraction=0.25, partitions=None)
    plain.fit(X[TRAIN], Y[TRAIN])
    ours = clf.metric_history_.select("accuracy", split="validation", by="all")
    assert ours[0].value == pytest.approx(plain.validation_scores_[0])


def test_validation_rows_serve_plain_early_stopping(backend: str) -> None:
    """early_stopping=True with X_val holds nothing out and scores accuracy on them."""
    clf = classifier(None, early_stopping=True, partitions=None, backend=backend)
    clf.fit(X[TRAIN], Y[TRAIN], X_val=X[HELD], y_val=Y[HELD])
    assert clf.t_ == 600 * clf.n_iter_
    curve = clf.metric_history_.select("accuracy", split="validation", by="all")
    assert [r.value for r in curve] == pytest.approx(clf.validation_scores_)


def test_any_split_may_decide() -> None:
    """An evaluation set or the training rows."""
    for split in ("2025", "train"):
        clf = classifier(f"value(accuracy, split={split!r})", partitions=None)
        clf.fit(X[TRAIN], Y[TRAIN], eval_sets={"2025": (X[HELD], Y[HELD])})
        assert clf.t_ == 600 * clf.n_iter_
        if split == "2025":
            curve = clf.metric_history_.select("accuracy", split=split, by="all")
            assert [r.value for r in curve] == pytest.approx(clf.validation_scores_)


def test_what_has_no_value_decides_nothing() -> None:
    """A function that fails later counts as no improvement, said once; the last weights stay."""
    calls = []

    def fragile(report: Any) -> float:
        calls.append(0)
        if len(calls) > 1:
            raise OverflowError("too much")
        return 0.0

    with pytest.warns(UserWarning, match="early_stopping_on is undefined: too much") as caught:
        clf = classifier(fragile, max_iter=3).fit(X[TRAIN], Y[TRAIN], **BESIDE)
    assert len([w for w in caught if "is undefined" in str(w.message)]) == 1
    assert clf.n_iter_ == 3 and clf.score(X[TRAIN], Y[TRAIN]) > 0.5


@pytest.mark.parametrize(
    ("goal", "message"),
    [
        ("worst(acuracy, by='region')", "unknown metric 'acuracy'"),
        ("worst(accuracy, by='rigion')", "unknown partitioner 'rigion'.*Did you mean 'region'"),
        ("best(accuracy)", 'must be one of "recall", "worst'),
        ("worst(accuracy", "must be one of"),
        ("worst(accuracy, of=3)", "must be one of"),
        (
            "value(accuracy, split='2030')",
            "unknown set of rows '2030'. The sets are: train, validation",
        ),
        ("worst(accuracy, by='region', min_rows=5000)", "each has fewer than min_rows=5000"),
        (lambda report: report.worst("recal"), "The report has no metric 'recal'"),
        (lambda report: "high", "could not convert"),
    ],
)
def test_what_can_not_decide_is_said_before_training(goal: Any, message: str) -> None:
    """A ValueError that names it."""
    clf = classifier(goal)
    with pytest.raises(ValueError, match=message):
        clf.fit(X[TRAIN], Y[TRAIN], **BESIDE)
    assert not hasattr(clf, "loss_curve_")


def test_what_needs_groups_or_a_direction_says_so() -> None:
    """Both before training."""
    with pytest.raises(ValueError, match="requires groups: set partitions="):
        classifier("worst(accuracy)", partitions=None).fit(X, Y)
    two = Y % 2
    with pytest.raises(ValueError, match="nor low values of 'selection_rate' are better"):
        classifier("selection_rate", partitions=None).fit(X, two)
    with pytest.raises(ValueError, match="requires a solver that works in steps"):
        classifier("accuracy", solver="lbfgs").fit(X[TRAIN], Y[TRAIN], **BESIDE)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping_on"):
        classifier("accuracy").partial_fit(X, Y, classes=range(10))


def test_expressions() -> None:
    """What they mean."""
    assert criterion_of("recall") == Criterion("value", "recall")
    assert criterion_of("worst(recall, by='a', split='b', min_rows=3)") == Criterion(
        "worst", "recall", "a", "b", 3
    )


DEEP = [
    "(" * 240 + "accuracy" + ")" * 240,
    "-" * 490 + "1",
    "worst(accuracy, by=" + "[" * 240 + "]" * 240 + ")",
    "worst(accuracy, by=" + "-" * 400 + "1)",
    "not " * 120 + "accuracy",
    "a" + ".b" * 240,
    "worst(accuracy, by=3)",
    "worst(accuracy, min_rows='3')",
    "worst(accuracy, split=None)",
    "worst(accuracy, **{})",
    "accuracy\x00",
]


@pytest.mark.once
@pytest.mark.parametrize("expression", DEEP)
def test_deep_expressions(expression: str) -> None:
    """A short ValueError, whatever Python's parser makes of them."""
    with pytest.raises(ValueError, match="early_stopping_on must be one of") as caught:
        criterion_of(expression)
    assert len(str(caught.value)) < 1200


@pytest.mark.once
@pytest.mark.parametrize("part", ["(", "-", "[", "a.", "x"])
def test_long_expressions(part: str) -> None:
    """Are not parsed at all."""
    message = "early_stopping_on has 1,000,000 characters; an expression has at most 500"
    with pytest.raises(ValueError, match=message) as caught:
        criterion_of((part * 10**6)[: 10**6])
    assert len(str(caught.value)) < 200
