"""A model: arrays and live state, each made from the other."""

import pickle
from typing import Any

import numpy as np

from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.steps import backend
from mlpkit.testing import recipe, spec
from mlpkit.training.fitted_network import FittedNetwork

CHOICE: tuple[Any, dict[str, Any]] = (backend, {})


def fresh() -> FittedNetwork:
    """An untrained model."""
    return FittedNetwork(spec(), dense.build(spec(), np.random.RandomState(0)))


def test_a_live_state_is_kept_for_the_same_recipe_alone() -> None:
    """Another alpha makes new functions from the arrays."""
    model = fresh()
    trained = model.trained(model.started(CHOICE, recipe()))
    live = trained.live_for(CHOICE, recipe())
    assert live is not None and live is trained.live_for(CHOICE, recipe())
    assert trained.live_for(CHOICE, recipe(alpha=1.0)) is None
    other = trained.started(CHOICE, recipe(alpha=1.0))
    np.testing.assert_array_equal(other.steps.arrays(other.state)["coef_0"], model.arrays["coef_0"])


def test_a_pickle_has_arrays_and_no_state() -> None:
    """Weights and slots come along, functions do not."""
    model = fresh()
    trained = model.trained(model.started(CHOICE, recipe()))
    again = pickle.loads(pickle.dumps(trained))
    assert again._live is None
    assert again.optimizer_state.keys() == trained.optimizer_state.keys() != set()
    for name, array in trained.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])


def test_arrays_are_the_same_objects_at_every_call() -> None:
    """What a user edits in place is what the model holds."""
    model = fresh()
    trained = model.trained(model.started(CHOICE, recipe()))
    assert trained.arrays["coef_0"] is trained.arrays["coef_0"]
