"""Bad input, divergence, interruption: a clear error, and nothing lost."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 4))
Y = (X @ [1.0, -1.0, 0.5, 0.0] > 0).astype(int)
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (5,),
    "max_iter": 3,
    "tol": 10.0,
    "n_iter_no_change": 1,
    "random_state": 0,
}
NAN = np.where(np.arange(240).reshape(60, 4) == 7, np.nan, X)

BAD: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "NaN": (lambda e: e.fit(NAN, Y), ValueError, "NaN"),
    "infinity": (lambda e: e.fit(np.where(np.isnan(NAN), np.inf, X), Y), ValueError, "infinity"),
    "sparse NaN": (lambda e: e.fit(csr_array(NAN), Y), ValueError, "NaN"),
    "1-d X": (lambda e: e.fit(X[:, 0], Y), ValueError, "Expected 2D array, got 1D array"),
    "3-d X": (lambda e: e.fit(X[:, :, None], Y), ValueError, "dim 3"),
    "no rows": (lambda e: e.fit(X[:0], Y[:0]), ValueError, r"Found array with 0 sample\(s\)"),
    "no columns": (lambda e: e.fit(X[:, :0], Y), ValueError, r"0 feature\(s\)"),
    "lengths": (lambda e: e.fit(X, Y[:-1]), ValueError, "inconsistent numbers of samples"),
    "words in X": (lambda e: e.fit(np.full((60, 4), "a"), Y), ValueError, "could not convert"),
    "complex X": (lambda e: e.fit(X + 1j, Y), ValueError, "Complex data not supported"),
    "no y": (lambda e: e.fit(X, None), ValueError, "requires y to be passed"),
    "NaN in y": (lambda e: e.fit(X, np.where(Y, np.nan, 0.0)), ValueError, "NaN"),
    "mis-sized weights": (lambda e: e.fit(X, Y, Y[:9] + 1.0), ValueError, r"sample_weight"),
    "2-d weights": (lambda e: e.fit(X, Y, X), ValueError, "1D array or scalar"),
    "negative weights": (lambda e: e.fit(X, Y, Y - 0.5), ValueError, "Negative values"),
    "no weight at all": (lambda e: e.fit(X, Y, Y * 0.0), ValueError, "at least one non-zero"),
    "NaN weights": (lambda e: e.fit(X, Y, NAN[:, 3]), ValueError, "NaN"),
    "features": (lambda e: e.partial_fit(X[:, :3], Y), ValueError, "X has 3 features, but"),
    "activation": (lambda e: e.set_params(activation="swish").fit(X, Y), ValueError, "activation"),
    "solver": (lambda e: e.set_params(solver="adm").fit(X, Y), ValueError, "Did you mean 'adam'"),
    "solver type": (
        lambda e: e.set_params(solver=3).fit(X, Y),
        ValueError,
        "solver must be the name",
    ),
    "backend": (lambda e: e.set_params(backend="nunpy").fit(X, Y), ValueError, "'numpy'"),
    "builder": (lambda e: e.set_params(builder="dens").fit(X, Y), ValueError, "'dense'"),
    "trainer": (lambda e: e.set_params(trainer="epoch").fit(X, Y), ValueError, "'epochs'"),
    "callback": (lambda e: e.set_params(callbacks=["prin"]).fit(X, Y), ValueError, "'print'"),
    "dtype": (lambda e: e.set_params(dtype="float16").fit(X, Y), ValueError, "'dtype'"),
    "solver option": (
        lambda e: e.set_params(solver_options={"bta": 1}).fit(X, Y),
        ValueError,
        "no option 'bta'",
    ),
    "layers": (lambda e: e.set_params(hidden_layer_sizes=(5, 0)).fit(X, Y), ValueError, "> 0"),
    "alpha": (lambda e: e.set_params(alpha=-1).fit(X, Y), ValueError, "'alpha'"),
    "held out": (
        lambda e: e.set_params(early_stopping=True, validation_fraction=0.01).fit(X, Y),
        ValueError,
        "validation set is too small|rows cannot be divided",
    ),
    "stream with early stopping": (
        lambda e: e.set_params(early_stopping=True).partial_fit(X, Y),
        ValueError,
        "partial_fit does not support early_stopping=True",
    ),
    "a callback's own error": (
        lambda e: e.set_params(callbacks=lambda report: 1 / 0).fit(X, Y),
        ZeroDivisionError,
        "division by zero",
    ),
    "float32 overflow": (
        lambda e: e.set_params(dtype="float32").fit(X * 1e300, Y),
        ValueError,
        "too large for dtype='float32'",
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_bad_input_changes_nothing(case: str, Estimator: Any, backend: str) -> None:
    """scikit-learn's type of error, a telling message, and the fitted estimator as it was."""
    call, kind, message = BAD[case]
    estimator = Estimator(**QUICK, backend=backend).fit(X, Y)
    before, attributes = estimator.predict(X), set(vars(estimator))
    losses = list(estimator.loss_curve_)
    parameters = estimator.get_params()
    with pytest.raises(kind, match=message):
        call(estimator)
    assert set(vars(estimator)) == attributes
    estimator.set_params(**parameters)
    np.testing.assert_array_equal(before, estimator.predict(X))
    assert estimator.loss_curve_ == losses
    estimator.partial_fit(X, Y)


def test_a_failed_first_fit_leaves_no_trace(backend: str) -> None:
    """Nothing is fitted, not even a number of features."""
    clf = MLPClassifier(**QUICK, backend=backend)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match="NaN"):
        clf.fit(NAN, Y)
    with pytest.raises(ValueError, match="classes must be passed"):
        clf.partial_fit(X, Y)
    with pytest.raises(ValueError, match="not in `self.classes_`"):
        clf.partial_fit(X, Y, classes=[1, 2])
    assert vars(clf) == before


def test_unseen_classes_in_a_stream(backend: str) -> None:
    """A label that was not announced is rejected, and the stream can be continued."""
    clf = MLPClassifier(**QUICK, backend=backend).partial_fit(X, Y, classes=[0, 1])
    before = clf.predict_proba(X)
    with pytest.raises(ValueError, match="classes not in `self.classes_`"):
        clf.partial_fit(X, Y + 1)
    with pytest.raises(ValueError, match="not the same as on last call"):
        clf.partial_fit(X, Y, classes=[0, 1, 2])
    np.testing.assert_array_equal(before, clf.predict_proba(X))
    clf.partial_fit(X[:1], Y[:1])


def test_more_outputs_in_a_stream(backend: str) -> None:
    """Another number of targets is an error that names both numbers."""
    reg = MLPRegressor(**QUICK, backend=backend).partial_fit(X, Y)
    with pytest.raises(ValueError, match="y has 2 outputs, but MLPRegressor was fitted with 1"):
        reg.partial_fit(X, np.stack([Y, Y], axis=1))


def test_negative_counts(backend: str) -> None:
    """The error names the values that the Poisson loss supports."""
    with pytest.raises(ValueError, match="y >= 0"):
        MLPRegressor("poisson", **QUICK, backend=backend).fit(X, Y - 1)


def test_other_layers_in_a_warm_start_warn(backend: str) -> None:
    """scikit-learn ignores them without a warning."""
    clf = MLPClassifier(**QUICK, backend=backend, warm_start=True).fit(X, Y)
    with pytest.warns(UserWarning, match=r"hidden_layer_sizes=\(7,\) is ignored"):
        clf.set_params(hidden_layer_sizes=(7,)).fit(X, Y)
    assert clf.coefs_[0].shape == (4, 5)


def test_a_batch_larger_than_the_data_warns(backend: str) -> None:
    """The batch size is clipped, as in scikit-learn."""
    with pytest.warns(UserWarning, match="batch_size"):
        MLPClassifier(**QUICK, batch_size=61, backend=backend).fit(X, Y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_is_an_error_in_the_epoch_where_it_happens(backend: str) -> None:
    """The error names the epoch and what to try; a fitted estimator is unchanged."""
    data, target = make_regression(100, 4, random_state=0)
    reg = MLPRegressor(**QUICK, backend=backend).fit(X, Y)
    before = reg.predict(X)
    reg.set_params(solver="sgd", learning_rate_init=1.0, activation="identity", max_iter=500)
    reg.set_params(tol=0.0, n_iter_no_change=500)
    epochs: list[int] = []
    reg.set_params(callbacks=lambda report: epochs.append(report.epoch))
    with pytest.raises(
        ValueError, match=r"non-finite parameter weights.*in epoch \d+\. Scale X"
    ) as e:
        reg.fit(data * 100, target * 100)
    match = re.search(r"epoch (\d+)", str(e.value))
    assert match is not None and len(epochs) <= int(match[1]) < 60
    reg.set_params(activation="relu")
    np.testing.assert_array_equal(before, reg.predict(X))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_with_early_stopping_keeps_the_best(backend: str) -> None:
    """The weights of the best epoch are kept, and a warning explains why training ended."""
    data, target = make_regression(100, 4, random_state=0)
    reg = MLPRegressor(
        hidden_layer_sizes=(5,),
        activation="identity",
        solver="sgd",
        learning_rate_init=1.0,
        early_stopping=True,
        max_iter=500,
        random_state=0,
        n_iter_no_change=400,
        backend=backend,
    )
    with pytest.warns(ConvergenceWarning, match="The weights of the best epoch are kept"):
        reg.fit(data * 100, target * 100)
    assert all(np.isfinite(coef).all() for coef in reg.coefs_)
    assert np.isnan(reg.validation_scores_[-1])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_in_a_stream_keeps_the_weights(backend: str) -> None:
    """A chunk with which the weights become infinite is rejected, and the weights are unchanged."""
    reg = MLPRegressor(**QUICK, solver="sgd", activation="identity", backend=backend)
    reg.partial_fit(X, Y)
    before = reg.predict(X)
    with pytest.raises(ValueError, match="non-finite"):
        reg.partial_fit(X * 1e200, Y * 1e200)
    np.testing.assert_array_equal(before, reg.predict(X))
    reg.partial_fit(X, Y)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_interruption_keeps_what_was_learned(early_stopping: bool, backend: str) -> None:
    """Ctrl-C in the fourth epoch: a warning, three epochs of training, a usable estimator."""

    def interrupt(report: Any) -> None:
        if report.epoch == 3:
            raise KeyboardInterrupt

    settings = {**QUICK, "max_iter": 50, "tol": 0.0, "n_iter_no_change": 50}
    clf = MLPClassifier(**settings, early_stopping=early_stopping, backend=backend)
    clf.set_params(callbacks=interrupt)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(X, Y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 3
    assert clf.score(X, Y) > 0.3


def test_a_callback_stops(backend: str) -> None:
    """Returning True ends the fit, without a warning; every callback is called."""
    seen: list[Any] = []
    stop = [lambda report: report.epoch == 2, seen.append]
    clf = MLPClassifier(**{**QUICK, "max_iter": 9}, backend=backend, callbacks=stop).fit(X, Y)
    assert clf.n_iter_ == len(seen) == 2
    assert seen[0].loss == clf.loss_curve_[0] and seen[0].seconds > 0


def test_a_callback_stops_lbfgs(backend: str) -> None:
    """It is called after each iteration."""
    seen: list[Any] = []
    clf = MLPClassifier((5,), solver="lbfgs", random_state=0, backend=backend)
    clf.set_params(callbacks=lambda report: seen.append(report.loss) or len(seen) == 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, Y)
    assert clf.n_iter_ == 4 and clf.loss_curve_ == seen and seen[-1] < seen[0]


def test_readonly_memory_mapped_input(tmp_path: Any, backend: str) -> None:
    """Input is never written to, whatever its memory layout is."""
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = MLPClassifier(**QUICK, backend=backend).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(
        expected, MLPClassifier(**QUICK, backend=backend).fit(mapped, Y).predict_proba(mapped)
    )
