"""Standardized targets and clipped predictions: what users see is in the units of y."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPRegressor, evaluate
from mlpkit.backend_kit import predicting_network
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.testing import close

RNG = np.random.RandomState(0)
X = RNG.standard_normal((120, 3))
SIGNAL = X @ [1.0, -2.0, 0.5]
Y = 5e6 + 2e5 * SIGNAL
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "max_iter": 20,
    "tol": 0.0,
    "n_iter_no_change": 50,
    "random_state": 0,
}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def standardizing(**parameters: Any) -> MLPRegressor:
    """A regressor with standardized targets."""
    return MLPRegressor(standardize_targets=True, **{**QUICK, **parameters})


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("y", [Y, np.column_stack([Y, -SIGNAL])], ids=["one", "two"])
def test_standardized_targets_equal_a_scaler_of_y(y: np.ndarray, solver: str) -> None:
    """The predictions are those of scikit-learn's way to standardize targets."""
    reg = standardizing(solver=solver).fit(X, y)
    plain = MLPRegressor(**{**QUICK, "solver": solver})
    wrapped = TransformedTargetRegressor(plain, transformer=StandardScaler()).fit(X, y)
    np.testing.assert_allclose(reg.predict(X), wrapped.predict(X), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(reg.loss_curve_, wrapped.regressor_.loss_curve_, rtol=1e-6)


def test_defaults_change_nothing() -> None:
    """Without the new parameters the targets are not touched, and float32 stays float32."""
    reg = MLPRegressor(**QUICK).fit(X.astype("float32"), SIGNAL)
    assert reg._targets.scale is None and reg._targets.range is None
    assert reg.predict(X.astype("float32")).dtype == np.float32


def test_metrics_and_scores_are_in_the_units_of_y() -> None:
    """Training, validation and early stopping show what `evaluate` computes after training."""
    reg = standardizing(
        metrics=["mae", "r2"], early_stopping_on="mae", train_metrics="exact", clip_predictions=True
    )
    reg.fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    last = reg.metric_history_
    measured = {(m.split, m.metric): m.value for m in last if m.epoch == reg.n_iter_}
    for rows, split in ((slice(80), "train"), (slice(80, None), "validation")):
        # the kept epoch is the best one, which is the last one here
        assert reg.best_validation_score_ == reg.validation_scores_[-1]
        error = mean_absolute_error(Y[rows], reg.predict(X[rows]))
        np.testing.assert_allclose(measured[split, "mae"], error, rtol=1e-6)
        np.testing.assert_allclose(evaluate(reg, X[rows], Y[rows])["mae"], error, rtol=1e-6)
    np.testing.assert_allclose(reg.validation_scores_[-1], -error, rtol=1e-6)
    early = standardizing(early_stopping=True).fit(X, Y, X_val=X[80:], y_val=Y[80:])
    score = r2_score(Y[80:], early.predict(X[80:]))
    np.testing.assert_allclose(early.best_validation_score_, score, rtol=1e-5)


def test_the_loss_is_that_of_standardized_targets() -> None:
    """Early stopping on the loss compares losses of the network."""
    reg = standardizing(early_stopping_on="loss").fit(X, Y, X_val=X, y_val=Y)
    error = (reg.predict(X) - Y) / Y.std()
    np.testing.assert_allclose(-reg.best_validation_score_, (error**2).mean() / 2, rtol=1e-5)


def test_running_metrics_are_in_the_units_of_y() -> None:
    """Predictions of the forward pass are mapped back before they are measured."""
    reg = standardizing(metrics="mae", train_metrics="running").fit(X, Y)
    values = [m.value for m in reg.metric_history_]
    assert len(values) == reg.n_iter_
    assert mean_absolute_error(Y, reg.predict(X)) < values[-1] < values[0] < 3 * 2e5 * 2


def test_weights_of_rows_determine_the_scale() -> None:
    """Rows of weight 0 are ignored, and integer weights equal repeated rows."""
    w = np.r_[np.full(60, 2.0), np.ones(30), np.zeros(30)]
    repeated = np.repeat(np.arange(120), w.astype(int))
    y = Y.copy()
    y[90:] = 1e12
    reg = standardizing(max_iter=1, clip_predictions=True).fit(X, y, sample_weight=w)
    mean, deviation = reg._targets.scale
    np.testing.assert_allclose(mean, y[repeated].mean())
    np.testing.assert_allclose(deviation, y[repeated].std())
    assert reg._targets.range.high == y[:90].max()


@pytest.mark.parametrize("value", [0.0, 0.1, -3e300, 1e-310])
def test_constant_targets(value: float) -> None:
    """A constant target is predicted exactly after clipping, also if another target varies."""
    reg = standardizing(clip_predictions=True, max_iter=3).fit(X, np.full(120, value))
    np.testing.assert_array_equal(reg.predict(X * 100), np.full(120, value))
    two = standardizing(clip_predictions=True, max_iter=3)
    two.fit(X, np.column_stack([np.full(120, value), SIGNAL]))
    np.testing.assert_array_equal(two.predict(X)[:, 0], np.full(120, value))


def test_large_and_small_targets() -> None:
    """The squares of targets neither overflow nor underflow."""
    for unit in (1e250, 1e-250):
        reg = standardizing(max_iter=3).fit(X, SIGNAL * unit)
        one = standardizing(max_iter=3).fit(X, SIGNAL)
        np.testing.assert_allclose(reg.predict(X) / unit, one.predict(X), rtol=1e-6)


def test_predictions_are_clipped_to_the_range_of_each_output() -> None:
    """Clipping also works without standardization and with the exponential output."""
    far = X * 5000
    y = np.column_stack([SIGNAL, 10 * SIGNAL])
    reg = MLPRegressor(clip_predictions=True, **QUICK).fit(X, y)
    p = reg.predict(far)
    np.testing.assert_array_equal(p.min(axis=0), y.min(axis=0))
    np.testing.assert_array_equal(p.max(axis=0), y.max(axis=0))
    counts = RNG.poisson(3.0, 120).astype(float)
    poisson = MLPRegressor("poisson", clip_predictions=True, **QUICK).fit(X, counts)
    assert poisson.predict(X * 20).max() == counts.max()


def test_further_calls_keep_the_scale_and_extend_the_range() -> None:
    """The weights of the network belong to the first scale."""
    reg = standardizing(clip_predictions=True).partial_fit(X[:60], Y[:60])
    scale = reg._targets.scale
    reg.partial_fit(X[60:], Y[60:] + 1e7)
    assert reg._targets.scale is scale
    assert reg._targets.range == (Y[:60].min(), Y[60:].max() + 1e7)
    warm = standardizing(warm_start=True).fit(X, Y)
    before = warm.predict(X)
    warm.set_params(max_iter=1, learning_rate_init=1e-9).fit(X, Y * 2)
    np.testing.assert_allclose(warm.predict(X), before, rtol=1e-4)
    assert warm.set_params(warm_start=False).fit(X, Y * 2)._targets.scale.mean != scale.mean


def test_streams_measure_in_the_units_of_y() -> None:
    """The first chunk is predicted by the initial weights, around its mean."""
    reg = standardizing(metrics="mae")
    for rows in np.split(np.arange(120), 4):
        reg.partial_fit(X[rows], Y[rows])
    first, *_ = (m.value for m in reg.metric_history_ if m.split == "prequential")
    assert 0.2 * Y[:30].std() < first < 3 * Y[:30].std()


def test_settings_that_cannot_be_changed() -> None:
    """The messages name the parameter; clipping may be switched off."""
    reg = standardizing(warm_start=True, clip_predictions=True).fit(X, Y)
    reg.set_params(standardize_targets=False)
    with pytest.raises(ValueError, match="standardize_targets was changed from True to False"):
        reg.fit(X, Y)
    reg.set_params(standardize_targets=True, clip_predictions=False).fit(X, Y)
    with pytest.raises(ValueError, match="clip_predictions was changed from False to True"):
        reg.set_params(clip_predictions=True).fit(X, Y)
    with pytest.raises(ValueError, match="not supported with loss='poisson'"):
        standardizing(loss="poisson").fit(X, np.abs(SIGNAL))


def test_networks_without_training_predict_standardized_values() -> None:
    """`initialize` learns no scale; the first chunk does."""
    reg = standardizing().initialize(3)
    assert np.abs(reg.predict(X)).max() < 100
    reg.partial_fit(X, Y)
    assert Y.min() / 2 < reg.predict(X).mean() < Y.max() * 2


def test_pickles_and_clones_predict_in_the_units_of_y() -> None:
    """The scale is a part of the fitted state."""
    reg = standardizing(clip_predictions=True).fit(X, Y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reg)).predict(X), reg.predict(X))
    close(clone(reg).fit(X, Y).predict(X), reg.predict(X), 1e-6)


def test_exported_networks_return_the_units_of_y() -> None:
    """The last layer contains the scale; the fitted network is unchanged."""
    reg = standardizing().fit(X, Y)
    model = reg.export(lambda model: model)
    layers = DenseLayers.of(predicting_network(model).arrays)
    np.testing.assert_allclose(layers.outputs(X, "relu", "identity")[:, 0], reg.predict(X))
    assert not reg._network.is_edited
    built = model._replace(network=model.network._replace(apply=lambda *args, **options: None))
    with pytest.raises(ValueError, match="cannot be exported"):
        predicting_network(built)
    quantiles = MLPRegressor("quantiles", **QUICK).fit(X, Y).export(lambda model: model)
    with pytest.raises(ValueError, match="loss='quantiles' cannot be exported.*loss='quantile'"):
        predicting_network(quantiles)


def test_builders_see_the_targets_that_the_network_is_trained_on() -> None:
    """The sample has standardized targets, one for each output of the network."""
    samples: list[Any] = []

    def build(spec: Any, rng: np.random.RandomState) -> Any:
        samples.append(spec.sample)
        return dense.build(spec, rng)

    standardizing(builder=build, max_iter=1).fit(X, Y)
    MLPRegressor("quantiles", builder=build, max_iter=1).fit(X, Y)
    np.testing.assert_allclose([samples[0].y.mean(), samples[0].y.std()], [0, 1], atol=1e-9)
    assert samples[1].y.shape == (120, 3) and (samples[1].y[:, 1] == Y).all()
