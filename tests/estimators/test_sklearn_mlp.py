"""scikit-learn's own tests of its MLP, with our classes put in their place.

They come out of the installed wheel. Left out are those that reach into private parts.
"""

from importlib.util import find_spec, module_from_spec
from types import ModuleType
from unittest import mock

import pytest
import sklearn.neural_network

import mlpkit

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:overflow:RuntimeWarning",
)  # what scikit-learn's own configuration lets pass

PRIVATE = {
    "test_gradient": "calls _loss_grad_lbfgs; the conformance tests compare gradients instead",
    "test_learning_rate_warmstart": "reads _optimizer.learning_rate; see test_schedules",
    "test_adaptive_learning_rate": "reads _optimizer.learning_rate; see test_schedules",
    "test_n_iter_no_change": "reads _no_improvement_count; see test_schedules",
    "test_n_iter_no_change_inf": "reads _no_improvement_count; see test_schedules",
}


def _theirs() -> ModuleType:
    spec = find_spec("sklearn.neural_network.tests.test_mlp")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    ours = {name: getattr(mlpkit, name) for name in ("MLPClassifier", "MLPRegressor")}
    with mock.patch.multiple(sklearn.neural_network, **ours):
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def global_random_seed() -> int:
    """The seed that scikit-learn's conftest would give."""
    return 42


_module = _theirs()
globals().update(
    {k: v for k, v in vars(_module).items() if k.startswith("test_") and k not in PRIVATE}
)


def test_the_classes_under_test_are_ours() -> None:
    """The tests above really ran on mlpkit, and the list of those left out is current."""
    assert _module.MLPClassifier is mlpkit.MLPClassifier
    assert set(PRIVATE) <= set(vars(_module))
