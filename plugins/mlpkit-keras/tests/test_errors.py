"""What a builder may return wrongly: each error before training, in words."""

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
    """relu where a softmax is expected."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])


def wrong_output(spec: Any) -> Any:
    """Two outputs for three classes."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])


def wrong_input(spec: Any) -> Any:
    """Nine features where there are four."""
    return keras.Sequential([keras.Input((9,)), keras.layers.Dense(3)])


def wrong_loss(spec: Any) -> Any:
    """A loss for two classes where there are three."""
    model = custom.my_model(spec)
    model.compile("adam", "binary_crossentropy")
    return model


def nothing(spec: Any) -> Any:
    """No return."""
    custom.my_model(spec)


def a_layer(spec: Any) -> Any:
    """Not a model."""
    return keras.layers.Dense(3)


def two_outputs(spec: Any) -> Any:
    """Where one is expected."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, [keras.layers.Dense(3)(inputs), keras.layers.Dense(3)(inputs)])


def in_a_dict(spec: Any) -> Any:
    """An output with a name."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, {"a": keras.layers.Dense(3)(inputs)})


def no_spec() -> Any:
    """Takes nothing."""


def unfit_loss(spec: Any) -> Any:
    """A loss that wants sequences."""
    model = custom.my_model(spec)
    model.compile("adam", "ctc")
    return model


def weighted_loss(spec: Any) -> Any:
    """Something of `compile` that we do not do."""
    model = custom.my_model(spec)
    model.compile("adam", "mse", loss_weights=[2.0])
    return model


class OwnBatch(custom.Net):
    """Trains by a method that only Keras calls."""

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As it was."""
        return super().train_on_batch(*args, **kwargs)


class OwnLoss(custom.Net):
    """Another one."""

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """As it was."""
        return super().compute_loss(*args, **kwargs)


def own_batch(spec: Any) -> Any:
    """A builder."""
    return OwnBatch(4, spec.n_outputs, None)


def own_loss(spec: Any) -> Any:
    """Another one."""
    return OwnLoss(4, spec.n_outputs, None)


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        (wrong_end, r"wrong_end.*ends in activation='relu'; expected activation='softmax'"),
        (
            wrong_output,
            r"wrong_output.*output is of shape \('n', 2\).*expected one of shape \('n', 3\)",
        ),
        (wrong_input, r"wrong_input.*input is \(None, 9\); expected one of shape \(None, 4\)"),
        (wrong_loss, r"wrong_loss.*'binary_crossentropy' does not fit the task 'multiclass'"),
        (nothing, r"nothing returned None.*return model"),
        (a_layer, r"a_layer returned Dense; expected a keras.Model"),
        (two_outputs, r"two_outputs.*a list of 2: of shape \('n', 3\), .*one of shape \('n', 3\)"),
        (in_a_dict, r"in_a_dict.*is a dict with 'a' of shape .*expected one of shape \('n', 3\)"),
        (no_spec, r"builder no_spec takes no argument; expected one for the spec"),
        (unfit_loss, r"unfit_loss: the loss 'ctc' can't be computed .* of shape \(n, 3\)"),
        (weighted_loss, r"weighted_loss.*compiled with loss_weights=.*Leave them out"),
        (own_batch, r"own_batch: OwnBatch has a train_on_batch of its own.*backend='keras'"),
        (own_loss, r"own_loss: OwnLoss has a compute_loss of its own.*backend='keras'"),
        (custom.own_step, r"own_step.*train_step of its own.*backend='keras'"),
    ],
)
def test_errors_before_training(builder: Any, said: str) -> None:
    """Builder's name, what was expected, what came."""
    with pytest.raises(ValueError, match=said):
        MLPClassifier(builder=builder, **QUICK).fit(X, Y)


def broken(spec: Any, kind: str = "x") -> Any:
    """Raises."""
    raise KeyError(kind)


def test_an_error_within_a_builder_names_it() -> None:
    """In a note."""
    with pytest.raises(KeyError) as error:
        MLPClassifier(builder=broken, builder_options={"kind": "y"}, **QUICK).fit(X, Y)
    assert "builder broken, called with {'kind': 'y'}" in error.value.__notes__[0]


def test_options_are_checked() -> None:
    """An option that the builder does not take."""
    clf = MLPClassifier(builder=custom.my_model, builder_options={"hidden": 3}, **QUICK)
    with pytest.raises(ValueError, match="my_model has no option 'hidden'; it takes: hidden_units"):
        clf.fit(X, Y)


@pytest.mark.parametrize("solver", ["lion", "keras.lion", "keras.sgd"])
def test_a_solver_on_numpy(solver: str) -> None:
    """The message is about the solver, and says which backends it runs on; not about models."""
    with pytest.raises(PluginError, match="is an optimizer of Keras, .*backend='numpy'") as told:
        MLPClassifier(solver=solver, backend="numpy").fit(X, Y)
    said = str(told.value)
    typed = solver if solver.endswith("sgd") else "lion"
    assert f"solver={typed!r}, backend='jax'" in said
    assert "model" not in said
