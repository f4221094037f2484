"""A fit that was killed continues from its checkpoint as if it had not stopped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resuming import KillAfter, Killed, assert_same_fit, caught, fit_in_parts

from mlpkit import Cycles, MLPClassifier, MLPRegressor, by_labels, by_quantile
from mlpkit.plugin import Report

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.RandomState(0)
X = rng.normal(size=(150, 4))
LABELS = np.array(["a", "b", "c"])[np.argmax(X[:, :3] + rng.normal(size=(150, 3)) / 2, axis=1)]
VALUES = X[:, 0] * X[:, 1] + rng.normal(size=150) / 9
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (6,),
    "batch_size": 32,
    "max_iter": 9,
    "learning_rate_init": 0.02,
    "random_state": 0,
}
SLOW: dict[str, Any] = {"n_iter_no_change": 2, "tol": 0.5, "max_iter": 30}
CYCLES = Cycles(first_cycle=3, growth=2, max_cycles=3)


def halving(t: Any) -> Any:
    """A schedule."""
    return 0.5**t


def twice_as_fast(report: Report) -> float | None:
    """A callback that changes the learning rate after the second epoch."""
    return 0.04 if report.epoch == 2 else None


FITS: dict[str, tuple[type, dict[str, Any], list[int]]] = {
    "adam": (MLPClassifier, {}, [1, 4]),
    "float32": (MLPClassifier, {"dtype": "float32"}, [5]),
    "no shuffling": (MLPClassifier, {"shuffle": False}, [5]),
    "adamw, clipped, averaged": (
        MLPRegressor,
        {
            "solver": "adamw",
            "solver_options": {"weight_decay": 0.1},
            "max_gradient_norm": 0.1,
            "average_decay": 0.8,
            "weight_decay_schedule": "cosine",
        },
        [3, 6],
    ),
    "adaptive": (
        MLPRegressor,
        {"solver": "sgd", "learning_rate": "adaptive", **SLOW, "learning_rate_init": 0.1},
        [4, 9],
    ),
    "invscaling": (MLPClassifier, {"solver": "sgd", "learning_rate": "invscaling"}, [5]),
    "schedule": (MLPClassifier, {"learning_rate": "warmup_cosine", "dropout": 0.3}, [5]),
    "function": (
        MLPClassifier,
        {"learning_rate": halving, "dropout": 0.3, "dropout_schedule": "linear"},
        [5],
    ),
    "plateau of the loss": (MLPRegressor, SLOW, [2]),
    "early stopping": (MLPClassifier, {"early_stopping": True, **SLOW, "tol": 1e-4}, [2, 4]),
    "early stopping of averages": (
        MLPRegressor,
        {"early_stopping": True, "average_decay": 0.5},
        [6],
    ),
    "loss": (MLPRegressor, {"early_stopping_on": "loss", "standardize_targets": True}, [5]),
    "calibrated": (
        MLPClassifier,
        {"early_stopping_on": "log_loss", "temperature_scaling": True},
        [5],
    ),
    "metric by group": (
        MLPClassifier,
        {
            "metrics": ["accuracy", "log_loss"],
            "partitions": [by_quantile(0, 2)],
            "early_stopping_on": "worst(log_loss, by='column 0', min_rows=3)",
        },
        [2, 5],
    ),
    "cycles": (
        MLPRegressor,
        {
            "trainer": replace(CYCLES, eligible=1.0, min_gain=0.0),
            "early_stopping_on": "loss",
            "max_iter": 30,
            "learning_rate_init": 0.5,
        },
        [1, 3, 8, 14, 19],
    ),
    "cycles without scores": (
        MLPClassifier,
        {"trainer": CYCLES, "max_iter": 30, "average_decay": 0.5, "dropout": 0.2},
        [4, 13],
    ),
    "a cycle without gain": (
        MLPRegressor,
        {
            "trainer": replace(CYCLES, min_gain=0.5),
            "early_stopping_on": "loss",
            "max_iter": 30,
            "metrics": "mae",
        },
        [5, 8],
    ),
    "L-BFGS": (MLPClassifier, {"solver": "lbfgs", "alpha": 0.1}, [1, 5]),
    "L-BFGS that converges": (
        MLPRegressor,
        {"solver": "lbfgs", "tol": 0.02, "metrics": "mae", "max_iter": 300},
        [7, 12],
    ),
    "learning rate of a callback": (MLPClassifier, {"callbacks": [twice_as_fast]}, [2, 3, 6]),
}

EVERY_BACKEND = (
    "adam",
    "cycles",
    "L-BFGS",
    "adamw, clipped, averaged",
    "function",
    "metric by group",
)
PARTS = [
    pytest.param(*fit, id=name, marks=() if name in EVERY_BACKEND else pytest.mark.once)
    for name, fit in FITS.items()
]


@pytest.mark.parametrize(("cls", "params", "ends"), PARTS)
def test_a_fit_in_parts_equals_a_whole_one(
    cls: type, params: dict[str, Any], ends: list[int], backend: str, tmp_path: Path
) -> None:
    """Weights, optimizer state, attributes, random generator and warnings are the same; the file
    is complete then, and gives the same estimator at once.
    """
    y, path = LABELS if cls is MLPClassifier else VALUES, tmp_path / "run.ckpt"
    settings = {**QUICK, **params, "backend": backend}

    def make(checkpoint: Any, more: list[Any]) -> Any:
        callbacks = [*settings.get("callbacks", []), *more]
        return cls(**{**settings, "callbacks": callbacks, "checkpoint": checkpoint})

    whole, expected = caught(lambda: make(None, []).fit(X, y))
    assert whole.n_iter_ > max(ends)
    parts, emitted = caught(lambda: fit_in_parts(make, (X, y), path, ends))
    assert_same_fit(whole, parts)
    assert emitted == expected
    again = make(path, [KillAfter(1)]).fit(X, y)
    assert_same_fit(whole, again)


def classifier(checkpoint: Any, callbacks: Any = None, **params: Any) -> MLPClassifier:
    """A small classifier."""
    callbacks = [] if callbacks is None else callbacks
    return MLPClassifier(**{**QUICK, **params}, checkpoint=checkpoint, callbacks=callbacks)


@pytest.mark.once
@pytest.mark.parametrize("kind", ["global", "instance", "other bit generator"])
def test_random_states(kind: str, tmp_path: Path) -> None:
    """A generator without a seed continues from its state at the start of the killed fit, and that
    of the user ends in the same state as after a whole fit.
    """

    def random_state(seed: int) -> Any:
        np.random.seed(seed)
        if kind == "global":
            return None
        if kind == "instance":
            return np.random.RandomState(seed)
        return np.random.RandomState(np.random.PCG64(seed))

    states = [random_state(3)]
    whole = classifier(None, random_state=states[0], early_stopping=True).fit(X, LABELS)
    for seed, killer in ((3, [KillAfter(4)]), (8, []), (9, [])):
        states.append(random_state(seed))
        before = np.random.get_state(legacy=False)
        clf = classifier(
            tmp_path / "run.ckpt", killer, random_state=states[-1], early_stopping=True
        )
        if killer:
            with pytest.raises(Killed):
                clf.fit(X, LABELS)
            continue
        assert_same_fit(whole, clf.fit(X, LABELS))
        np.testing.assert_equal(np.random.get_state(legacy=False), before)
        if kind != "global":
            expected = states[0].get_state(legacy=False)
            np.testing.assert_equal(states[-1].get_state(legacy=False), expected)


@pytest.mark.once
def test_a_warm_start_continues_from_the_same_weights(tmp_path: Path) -> None:
    """With the losses of earlier calls; other weights are an error, and so is a second call."""

    def first(**params: Any) -> MLPClassifier:
        return classifier(None, warm_start=True, **params).fit(X, LABELS)

    whole = first().set_params(max_iter=6).fit(X, LABELS)
    path = tmp_path / "run.ckpt"
    killed = first().set_params(max_iter=6, checkpoint=path, callbacks=[KillAfter(4)])
    with pytest.raises(Killed):
        killed.fit(X, LABELS)
    assert len(killed.loss_curve_) == 9
    other = first(random_state=1).set_params(random_state=0, max_iter=6, checkpoint=path)
    with pytest.raises(ValueError, match=r"the fitted array 'coef_0' has other values in"):
        other.fit(X, LABELS)
    parts = first().set_params(max_iter=6, checkpoint=path).fit(X, LABELS)
    assert_same_fit(whole, parts)
    with pytest.raises(ValueError, match="the fitted array 'coef_0' has other values"):
        parts.fit(X, LABELS)


@pytest.mark.once
def test_a_resumed_fit_trains_the_missing_epochs_only(tmp_path: Path) -> None:
    """Those after the last multiple of checkpoint_every; a complete file trains none."""
    epochs: list[int] = []

    def record(report: Report) -> None:
        epochs.append(report.epoch)

    def make(*more: Any) -> MLPClassifier:
        path = tmp_path / "run.ckpt"
        return classifier(path, [record, *more], checkpoint_every=3)

    with pytest.raises(Killed):
        make(KillAfter(8)).fit(X, LABELS)
    make().fit(X, LABELS)
    make().fit(X, LABELS)
    assert epochs == [*range(1, 9), 7, 8, 9]


class Interrupt:
    """A callback and a metric that stands for Ctrl-C in its call of this number."""

    def __init__(self, at: int) -> None:
        self.at, self.n_calls = at, 0

    def __call__(self, *args: Any) -> Any:
        """Raise KeyboardInterrupt once."""
        self.n_calls += 1
        if self.n_calls == self.at:
            raise KeyboardInterrupt
        return 0.5 if len(args) == 2 else None


@pytest.mark.once
@pytest.mark.parametrize("where", ["callbacks", "metrics"])
def test_an_interrupted_fit_can_be_continued(where: str, tmp_path: Path) -> None:
    """Ctrl-C keeps the result so far, and the file stays, to be continued."""

    def make(at: int, checkpoint: Any) -> MLPClassifier:
        interrupt: Any = Interrupt(at)
        value = [interrupt] if where == "callbacks" else {"half": interrupt}
        return classifier(checkpoint, **{where: value} if where == "metrics" else {}).set_params(
            **{where: value}
        )

    whole = make(-1, None).fit(X, LABELS)
    with pytest.warns(UserWarning, match="interrupted by user"):
        first = make(4, tmp_path / "run.ckpt").fit(X, LABELS)
    assert first.n_iter_ == (4 if where == "callbacks" else 3)
    assert_same_fit(whole, make(-1, tmp_path / "run.ckpt").fit(X, LABELS))


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("alpha", {"alpha": 0.5}, "alpha is 0.5 instead of 0.0001"),
    ("sizes", {"hidden_layer_sizes": (6, 5)}, r"hidden_layer_sizes is \[6, 5\] instead of \[6\]"),
    ("seed", {"random_state": 1}, "random_state is 1 instead of 0"),
    ("max_iter", {"max_iter": 10}, "max_iter is 10 instead of 9"),
    ("weights", {"class_weight": {"a": 2.0}}, "class_weight is {'a': 2.0} instead of None"),
    ("function", {"learning_rate": halving}, "learning_rate is '.*halving' instead of 'constant'"),
    ("metrics", {"metrics": "accuracy"}, "metrics is 'accuracy' instead of None"),
    ("callback", {"callbacks": [twice_as_fast]}, "callbacks is .*twice_as_fast'"),
    (
        "two",
        {"alpha": 0.5, "tol": 0.1},
        "alpha is 0.5 instead of 0.0001; tol is 0.1 instead of 0.0001",
    ),
]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a killed fit."""
    path = tmp_path_factory.mktemp("killed") / "run.ckpt"
    with pytest.raises(Killed):
        classifier(path, [KillAfter(4)]).fit(X, LABELS, X_val=X[:9], y_val=LABELS[:9])
    return path


@pytest.mark.once
@pytest.mark.parametrize(
    ("params", "message"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_other_parameters_are_an_error(killed: Path, params: dict[str, Any], message: str) -> None:
    """The message has the name, the new value and the old one; the file stays as it is."""
    before = killed.read_bytes()
    clf = classifier(killed).set_params(**params)
    with pytest.raises(ValueError, match=f"belongs to another fit: {message}.*Restore the param"):
        clf.fit(X, LABELS, X_val=X[:9], y_val=LABELS[:9])
    assert killed.read_bytes() == before and not hasattr(clf, "n_iter_")


@pytest.mark.once
def test_other_parameters_of_a_complete_fit_are_an_error(tmp_path: Path) -> None:
    """Its result is that of the parameters with which it was saved, callbacks included."""
    path = tmp_path / "run.ckpt"
    classifier(path).fit(X, LABELS)
    for params in ({"alpha": 0.5}, {"callbacks": twice_as_fast}, {"metrics": "accuracy"}):
        with pytest.raises(ValueError, match="belongs to another fit: (alpha|callbacks|metrics)"):
            classifier(path).set_params(**params).fit(X, LABELS)
    classifier(path, ["print", "progress"]).fit(X, LABELS)


@pytest.mark.once
def test_another_class_is_an_error(killed: Path) -> None:
    """An estimator of another class never continues."""
    with pytest.raises(ValueError, match=r"the class is 'mlpkit.*MLPRegressor' instead of '"):
        MLPRegressor(**QUICK, checkpoint=killed).fit(X, VALUES)


@pytest.mark.once
def test_other_data_are_an_error(killed: Path) -> None:
    """The message says what differs, and where."""
    changed, other = X.copy(), LABELS.copy()
    changed[70] += 1
    other[[5, 149]] = "a"
    other[[5, 149]] = np.where(LABELS[[5, 149]] == "a", "b", "a")
    sets: dict[str, Any] = {"X_val": X[:9], "y_val": LABELS[:9]}
    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (X[:100], LABELS[:100], {}, r"X has the shape \(100, 4\) instead of \(150, 4\); y has the"),
        (X.astype("f4"), LABELS, {}, "X has the dtype float32 instead of float64"),
        (
            changed,
            LABELS,
            {},
            "X has other values in the rows 70 to 74$|X has other values in the ",
        ),
        (X, other, {}, "y has other values in the rows 5 to 9, and in others"),
        (X, LABELS, {"sample_weight": np.ones(150)}, "sample_weight is new"),
        (X, LABELS, {"X_val": X[1:10]}, "X_val has other values in the rows 0 to 0, and in others"),
        (X, LABELS, {"y_val": LABELS[1:10]}, "y_val has other values"),
        (X, LABELS, {"eval_sets": {"late": (X, LABELS)}}, r"X of eval_sets\['late'\] is new"),
        (X, LABELS, {"X_val": None, "y_val": None}, "X_val is missing; y_val is missing"),
    ]
    for X_fit, y_fit, more, message in cases:
        with pytest.raises(ValueError, match=f"belongs to another fit: {message}"):
            classifier(killed).fit(X_fit, y_fit, **{**sets, **more})


@pytest.mark.once
def test_parameters_that_do_not_change_the_result_may_differ(tmp_path: Path) -> None:
    """How often the file is written, what is printed, and how long the fit may take."""
    path = tmp_path / "run.ckpt"
    with pytest.raises(Killed):
        classifier(path, [KillAfter(4)], verbose=True).fit(X, LABELS)
    clf = classifier(path, ["print"], checkpoint_every=2, time_limit=1e6, verbose=False)
    assert_same_fit(classifier(None).fit(X, LABELS), clf.fit(X, LABELS))


@pytest.mark.once
def test_groups_are_compared(tmp_path: Path) -> None:
    """Rows in other groups have other metrics."""
    region = np.where(np.arange(150) % 2, "north", "south")

    def fit(labels: Any, *callbacks: Any) -> Any:
        clf = classifier(tmp_path / "run.ckpt", list(callbacks), partitions=by_labels("region"))
        return clf.fit(X, LABELS, labels={"region": labels})

    with pytest.raises(Killed):
        fit(region, KillAfter(3))
    with pytest.raises(ValueError, match="the partition 'region' of the train rows has other"):
        fit(region[::-1])
    with pytest.raises(ValueError, match="the groups of the partition 'region' of the train rows"):
        fit(np.char.upper(region))
    fit(region)


@pytest.mark.once
def test_partial_fit_has_no_checkpoint() -> None:
    """The message says how a stream is saved."""
    for params in ({"checkpoint": "run.ckpt"}, {"time_limit": 1.0}):
        with pytest.raises(ValueError, match="partial_fit does not support (checkpoint|time_lim)"):
            MLPClassifier(**params).partial_fit(X, LABELS, classes=["a", "b", "c"])
