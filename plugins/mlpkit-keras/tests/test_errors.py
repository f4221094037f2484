"""Errors of builders and of their models are raised before training."""

from typing import Any

import custom
import keras
import pytest
from conftest import BACKEND
from custom import X, Y

from mlpkit import MLPClassifier
from mlpkit.plugin import PluginError

QUICK: dict[str, Any] = {"backend": BACKEND, "max_iter": 2, "random_state": 0}


def wrong_end(spec: Any) -> Any:
    """relu in place of softmax."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])


def wrong_output(spec: Any) -> Any:
    """Two outputs for three classes."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])


def wrong_input(spec: Any) -> Any:
    """Nine input features in place of four."""
    return keras.Sequential([keras.Input((9,)), keras.layers.Dense(3)])


def wrong_loss(spec: Any) -> Any:
    """A loss for two classes, used with three."""
    model = custom.my_model(spec)
    model.compile("adam", "binary_crossentropy")
    return model


def nothing(spec: Any) -> Any:
    """A builder without a return statement."""
    custom.my_model(spec)


def a_layer(spec: Any) -> Any:
    """A layer in place of a model."""
    return keras.layers.Dense(3)


def two_outputs(spec: Any) -> Any:
    """A model with two outputs."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, [keras.layers.Dense(3)(inputs), keras.layers.Dense(3)(inputs)])


def in_a_dict(spec: Any) -> Any:
    """A model with an output in a dict."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, {"a": keras.layers.Dense(3)(inputs)})


def no_spec() -> Any:
    """A builder without parameters."""


def unfit_loss(spec: Any) -> Any:
    """A loss for sequences."""
    model = custom.my_model(spec)
    model.compile("adam", "ctc")
    return model


def weighted_loss(spec: Any) -> Any:
    """A model compiled with loss_weights."""
    model = custom.my_model(spec)
    model.compile("adam", "mse", loss_weights=[2.0])
    return model


class OwnBatch(custom.Net):
    """A model with a method that only Keras calls."""

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Do what Keras does."""
        return super().train_on_batch(*args, **kwargs)


class OwnLoss(custom.Net):
    """A model with its own compute_loss."""

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """Do what Keras does."""
        return super().compute_loss(*args, **kwargs)


def own_batch(spec: Any) -> Any:
    """A builder of a model with its own train_on_batch."""
    return OwnBatch(4, spec.n_outputs, None)


def own_loss(spec: Any) -> Any:
    """A builder of a model with its own compute_loss."""
    return OwnLoss(4, spec.n_outputs, None)


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (wrong_end, r"wrong_end.*ends with activation='relu'; expected activation='softmax'"),
        (
            wrong_output,
            r"wrong_output.*array of shape \('n', 2\).*expected an array of shape \('n', 3\)",
        ),
        (wrong_input, r"wrong_input.*shape \(None, 9\); expected one input of shape \(None, 4\)"),
        (wrong_loss, r"wrong_loss.*'binary_crossentropy' does not support the task 'multiclass'"),
        (nothing, r"nothing returned None"),
        (a_layer, r"a_layer returned Dense; expected a keras.Model"),
        (
            two_outputs,
            r"two_outputs.*a list of 2: an array of shape \('n', 3\), .*expected",
        ),
        (in_a_dict, r"in_a_dict.*a dict with 'a': an array of shape .*expected an array"),
        (no_spec, r"builder no_spec accepts no arguments. It must accept the spec"),
        (unfit_loss, r"unfit_loss: the loss 'ctc' cannot be computed .* of shape \(n, 3\)"),
        (weighted_loss, r"weighted_loss.*compiled with loss_weights=.*Remove loss_weights"),
        (own_batch, r"own_batch: OwnBatch has its own train_on_batch.*backend='keras'"),
        (own_loss, r"own_loss: OwnLoss has its own compute_loss.*backend='keras'"),
        (custom.own_step, r"own_step.*has its own train_step.*backend='keras'"),
    ],
)
def test_errors_before_training(builder: Any, message: str) -> None:
    """The message contains the name of the builder, what it returned and what was expected."""
    with pytest.raises(ValueError, match=message):
        MLPClassifier(builder=builder, **QUICK).fit(X, Y)


def failing(spec: Any, kind: str = "x") -> Any:
    """A builder that raises an error."""
    raise KeyError(kind)


def test_an_error_within_a_builder_names_it() -> None:
    """The note of the error names the builder and its options."""
    with pytest.raises(KeyError) as error:
        MLPClassifier(builder=failing, builder_options={"kind": "y"}, **QUICK).fit(X, Y)
    assert "builder failing, called with {'kind': 'y'}" in error.value.__notes__[0]


def test_options_are_checked() -> None:
    """An option that the builder does not have is an error."""
    clf = MLPClassifier(builder=custom.my_model, builder_options={"hidden": 3}, **QUICK)
    with pytest.raises(ValueError, match="my_model has no option 'hidden'; its options"):
        clf.fit(X, Y)


@pytest.mark.parametrize("solver", ["lion", "keras.lion", "keras.sgd"])
def test_a_solver_on_numpy(solver: str) -> None:
    """The message names the solver and the backends on which it runs."""
    with pytest.raises(PluginError, match="is an optimizer of Keras, .*backend='numpy'") as error:
        MLPClassifier(solver=solver, backend="numpy").fit(X, Y)
    name = solver if solver.endswith("sgd") else "lion"
    assert f"solver={name!r} with backend='jax'" in str(error.value)
    assert "model" not in str(error.value)
