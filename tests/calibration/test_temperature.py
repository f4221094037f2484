"""Temperature scaling of probabilities, and of estimators."""

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, evaluate
from mlpkit.backend_kit import predicting_network
from mlpkit.calibration.temperature import Temperature
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Task

RNG = np.random.RandomState(0)
TASKS: list[Task] = ["binary", "multiclass", "multilabel"]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def calibrated_rows(task: Task, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of calibrated probabilities, and indicators that are drawn from these."""
    k = 1 if task == "binary" else 3
    z = 1.5 * RNG.standard_normal((n, k))
    if task == "multiclass":
        classes = (softmax(z, axis=1).cumsum(axis=1) < RNG.random_sample((n, 1))).sum(axis=1)
        return z, np.eye(k, dtype=bool)[np.minimum(classes, k - 1)]
    return z, RNG.random_sample((n, k)) < expit(z)


def probabilities(task: Task, z: np.ndarray) -> np.ndarray:
    """Activated scores."""
    return softmax(z, axis=1) if task == "multiclass" else expit(z)


@pytest.mark.once
@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("task", TASKS)
def test_the_temperature_is_recovered(task: Task, true: float) -> None:
    """Probabilities whose log-odds were multiplied by a number are mapped back."""
    z, y = calibrated_rows(task, 4000)
    p = probabilities(task, z * true)
    temperature = Temperature.fitted(task, y, p)
    assert temperature.value == pytest.approx(true, rel=0.12)
    np.testing.assert_allclose(
        Temperature(true, task).scaled(p), probabilities(task, z), rtol=1e-5, atol=1e-9
    )
    p32 = p.astype("float32")
    assert temperature.scaled(p32).dtype == np.float32
    np.testing.assert_allclose(temperature.scaled(p32), temperature.scaled(p), rtol=2e-3, atol=1e-6)


@pytest.mark.once
@pytest.mark.parametrize("task", TASKS)
def test_weights_equal_repeated_rows(task: Task) -> None:
    """Rows of weight 0 do not count."""
    z, y = calibrated_rows(task, 300)
    p, w = probabilities(task, 2 * z), RNG.randint(0, 2, 300).astype(float)
    kept = w > 0
    expected = Temperature.fitted(task, y[kept], p[kept])
    assert Temperature.fitted(task, y, p, w).value == pytest.approx(expected.value, rel=1e-4)
    assert Temperature.fitted(task, y, p, 5 * w).value == pytest.approx(expected.value, rel=1e-4)
    assert Temperature.fitted(task, y, p, 0 * w).value == 1.0


@pytest.mark.once
def test_few_rows_do_not_lead_to_extreme_values() -> None:
    """Rows without errors would be predicted with certainty, calibrated ones with chance gains."""
    y, p = np.ones((15, 1)), np.full((15, 1), 0.9)
    assert 0.3 < Temperature.fitted("binary", y, p).value < 1
    values = []
    for _ in range(100):
        z, y = calibrated_rows("binary", 60)
        values.append(Temperature.fitted("binary", y, expit(z)).value)
    assert np.mean(np.array(values) == 1.0) > 0.7


@pytest.mark.once
def test_saturated_probabilities_are_finite() -> None:
    """Zeros and ones are clipped."""
    for dtype in ("float32", "float64"):
        p = np.array([[0.0], [1.0], [0.5]], dtype)
        assert ((Temperature(3.0).scaled(p) > 0) & (Temperature(3.0).scaled(p) < 1)).all()
        y = np.array([[1], [0], [1]])
        assert np.isfinite(Temperature.fitted("binary", y, p).value)
        rows = np.array([[0.0, 1.0, 0.0]], dtype)
        assert np.isfinite(Temperature(3.0, "multiclass").scaled(rows)).all()


def noisy(n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Data on which a network becomes overconfident."""
    return make_classification(
        1200, n_informative=5, n_classes=n_classes, flip_y=0.3, random_state=0
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scaling_lowers_the_log_loss_of_new_rows(n_classes: int) -> None:
    """On the validation set, held-out rows, or rows that are passed to `calibrate`."""
    X, y = noisy(n_classes)
    options: dict[str, Any] = {"max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}
    raw = MLPClassifier(**options).fit(X[:300], y[:300])
    before = log_loss(y[600:], raw.predict_proba(X[600:]))
    scaled = MLPClassifier(temperature_scaling=True, **options)
    scaled.fit(X[:300], y[:300], X_val=X[300:600], y_val=y[300:600])
    after = log_loss(y[600:], scaled.predict_proba(X[600:]))
    assert scaled.temperature_ > 1.5 and after < 0.8 * before
    np.testing.assert_array_equal(scaled.predict(X), raw.predict(X))
    errors = [
        evaluate(c, X[600:], y[600:], metrics="expected_calibration_error")[
            "expected_calibration_error"
        ]
        for c in (raw, scaled)
    ]
    assert errors[1] < 0.5 * errors[0]
    raw.calibrate(X[300:600], y[300:600])
    assert raw.temperature_ == pytest.approx(scaled.temperature_, rel=1e-3)
    copied = pickle.loads(pickle.dumps(raw))
    np.testing.assert_array_equal(copied.predict_proba(X), raw.predict_proba(X))
    assert not hasattr(clone(raw), "temperature_")
    held = MLPClassifier(temperature_scaling=True, early_stopping=True, **options).fit(X, y)
    assert held.temperature_ >= 1.0


def test_multilabel_targets() -> None:
    """Labels are scaled by the same temperature."""
    X, y = make_multilabel_classification(600, n_classes=3, random_state=0)
    clf = MLPClassifier(max_iter=150, learning_rate_init=0.01, random_state=0)
    clf.fit(X[:150], y[:150])
    before = clf.predict_proba(X[400:])
    clf.calibrate(X[150:400], y[150:400])
    assert clf.temperature_ > 1.2
    np.testing.assert_allclose(
        clf.predict_proba(X[400:]), Temperature(clf.temperature_, "multilabel").scaled(before)
    )


def test_training_removes_the_temperature() -> None:
    """It belongs to the weights that were calibrated."""
    X, y = noisy(2)
    clf = MLPClassifier(max_iter=60, random_state=0).fit(X[:300], y[:300])
    clf.calibrate(X[300:], y[300:], np.ones(900))
    assert clf.temperature_ != 1.0
    clf.partial_fit(X[:300], y[:300])
    assert not hasattr(clf, "temperature_")
    clf.calibrate(X[300:], y[300:])
    assert not hasattr(clf.initialize(20, classes=[0, 1]), "temperature_")
    with pytest.raises(ValueError, match="calibration rows: .*classes not in"):
        clf.calibrate(X[:5], y[:5] + 7)
    with pytest.raises(ValueError, match=r"In a Pipeline, call pipe\[-1\].calibrate\("):
        clf.calibrate(X[:, :2], y)


def test_scaling_without_held_out_rows() -> None:
    """`fit` warns, and `partial_fit` does not."""
    X, y = noisy(2)
    clf = MLPClassifier(max_iter=5, random_state=0, temperature_scaling=True)
    with pytest.warns(UserWarning, match="has no effect, since all rows were trained on. Set"):
        clf.fit(X, y)
    assert not hasattr(clf, "temperature_")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.partial_fit(X, y)


@pytest.mark.parametrize("task", TASKS)
def test_exported_networks_are_calibrated(task: Task) -> None:
    """The last layer contains the temperature; the fitted network is unchanged."""
    X, y = noisy(3 if task == "multiclass" else 2)
    if task == "multilabel":
        X, y = make_multilabel_classification(600, n_classes=3, random_state=0)
    clf = MLPClassifier(max_iter=5, random_state=0).fit(X[:300], y[:300])
    clf.temperature_ = 2.5
    model = clf.export(lambda model: model)
    layers = DenseLayers.of(predicting_network(model).arrays)
    expected = clf.predict_proba(X)[:, -model.spec.n_outputs :]
    outputs = layers.outputs(X, "relu", clf.out_activation_)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    assert not clf._network.is_edited
    built = model._replace(network=model.network._replace(apply=lambda *args, **options: None))
    with pytest.raises(ValueError, match=r"temperature \(2.5\).*Delete the attribute temperature_"):
        predicting_network(built)


class CountingScaler(StandardScaler):
    """Counts its transformations."""

    n_calls = 0

    def transform(self, X: Any, copy: Any = None) -> Any:
        """Count the call."""
        type(self).n_calls += 1
        return super().transform(X, copy)


@pytest.mark.once
def test_calibration_encodes_rows_once() -> None:
    """The validated rows are those that are predicted."""
    X, y = noisy(2)
    clf = MLPClassifier(max_iter=2, random_state=0, encoder=CountingScaler()).fit(X, y)
    before = CountingScaler.n_calls
    clf.calibrate(X, y)
    assert CountingScaler.n_calls == before + 1


@pytest.mark.once
def test_the_reliability_plot_of_scikit_learn() -> None:
    """`CalibrationDisplay` accepts the estimators."""
    plt = pytest.importorskip("matplotlib.pyplot")
    X, y = noisy(2)
    clf = MLPClassifier(max_iter=20, random_state=0).fit(X[:300], y[:300])
    display = CalibrationDisplay.from_estimator(clf, X[300:], y[300:], n_bins=5)
    assert len(display.prob_true) == 5
    plt.close("all")
