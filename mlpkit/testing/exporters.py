"""Conformance tests of exporters."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from mlpkit.estimators.classifier import MLPClassifier
from mlpkit.estimators.regressor import MLPRegressor
from mlpkit.plugin import FittedModel, Network
from mlpkit.registry.lookup import installed, resolve
from mlpkit.testing.cases import TASKS
from mlpkit.testing.conformance import ConformanceTests

EACH_TASK = pytest.mark.parametrize("task", TASKS)
N_FEATURES = 3


class Unknown:
    """An encoder that no exporter supports."""

    def transform(self, X: Any) -> Any:
        """Encode rows."""
        return np.asarray(X, dtype=float)


def unknown(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> Any:
    """The forward pass of a network that no exporter supports."""
    return x, {}


class ExporterTests(ConformanceTests):
    """Tests of an exporter on the dense networks of all tasks.

    A subclass sets ``exporter``, the name, and optionally ``options``.
    """

    exporter: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def converted(self, model: FittedModel) -> Any:
        """What the exporter returns for a model."""
        convert, options = resolve("exporter", self.exporter, self.options)
        return convert(model, **options)

    def model(self, task: str = "regression") -> FittedModel:
        """A model with a dense network, which may be overridden."""
        if task == "regression":
            estimator: Any = MLPRegressor(random_state=0)
            estimator.initialize(N_FEATURES, n_outputs=2)
        else:
            classes = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"]}.get(task)
            estimator = MLPClassifier(random_state=0)
            estimator.initialize(N_FEATURES, classes=classes, n_outputs=3)
        return estimator.export(lambda model: model)

    @EACH_TASK
    def test_dense_networks_are_converted(self, task: str) -> None:
        """An exporter returns something for the dense network of each task."""
        assert self.converted(self.model(task)) is not None, (
            "the exporter returned None; it must return the converted model"
        )

    @EACH_TASK
    def test_the_model_is_not_modified(self, task: str) -> None:
        """The weights may be read-only, and they are the same afterwards."""
        model = self.model(task)
        before = {name: array.copy() for name, array in model.network.arrays.items()}
        for array in model.network.arrays.values():
            array.flags.writeable = False
        self.converted(model)
        assert model.network.arrays.keys() == before.keys()
        for name, array in before.items():
            np.testing.assert_array_equal(model.network.arrays[name], array)

    def test_encoders_are_not_left_out(self) -> None:
        """A model with an encoder that the exporter does not support raises ValueError."""
        model = self.model()._replace(encoder=Unknown(), feature_names=("a", "b", "c"))
        self.check_rejected(model, "an encoder")

    def test_other_networks_are_rejected(self) -> None:
        """A network with a forward pass that the exporter does not support raises ValueError."""
        network = Network({"w": np.zeros((N_FEATURES, 2))}, apply=unknown)
        self.check_rejected(self.model()._replace(network=network), "a network")

    def test_options_are_parameters(self) -> None:
        """All options that the component declares are parameters of the exporter."""
        convert, _ = resolve("exporter", self.exporter, {})
        if not isinstance(self.exporter, str):
            declared = tuple(self.options)
        else:
            declared = installed().find("exporter", self.exporter)[1].options
        parameters = inspect.signature(convert).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            unknown_options = [name for name in declared if name not in parameters]
            assert not unknown_options, f"the exporter has no parameters {unknown_options}"

    def check_rejected(self, model: FittedModel, what: str) -> None:
        """Assert that a model raises ValueError with a message."""
        message = None
        try:
            self.converted(model)
        except ValueError as error:
            message = str(error)
        assert message is not None, f"expected a ValueError for {what} that the exporter ignores"
        assert message, "the ValueError has no message"
