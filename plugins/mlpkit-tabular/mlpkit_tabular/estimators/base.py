"""What both estimators of tables share: the values that replace "auto"."""

import math
import os
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from mlpkit import Cycles, MLPClassifier, schedules
from mlpkit_tabular.estimators.defaults import MANY_ROWS, Preset, batch_size, preset

AUTO = "auto"
_AUTO = StrOptions({AUTO})
_COUNT = Interval(Integral, 1, None, closed="left")
_OF_MLP = MLPClassifier._parameter_constraints

#: Constraints of the parameters that other estimators do not have, or that accept other values.
CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": [*_OF_MLP["hidden_layer_sizes"], _AUTO],
    "n_members": [_COUNT, _AUTO],
    "n_folds": [*_OF_MLP["n_folds"], _AUTO],
    "dropout": [*_OF_MLP["dropout"], _AUTO],
    "weight_decay": [Interval(Real, 0, None, closed="left"), _AUTO],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    # the schedules of scikit-learn do not depend on the length of a cycle
    "learning_rate": [
        StrOptions(_OF_MLP["learning_rate"][0].options - {"invscaling", "adaptive"}),
        callable,
    ],
}

#: The component of a parameter that is one of its options, and the name that it requires.
OWNERS = {"n_members": ("builder", "tabm"), "weight_decay": ("solver", "adamw")}


class TabularMLP:
    """Mixin for subclasses of `mlpkit.MLPClassifier` and `mlpkit.MLPRegressor`."""

    n_members: int | str
    weight_decay: float | str
    _network: Any
    _is_classification: ClassVar[bool]

    def _parameters_of(self, values: dict[str, Any]) -> Any:
        """The parameters with a backend that can train the networks, if none is chosen."""
        parameters = super()._parameters_of(values)  # type: ignore[misc]
        if parameters.backend is None and not os.environ.get("MLPKIT_BACKEND"):
            return replace(parameters, backend="jax")
        return parameters

    def _parameters_for(self, parameters: Any, call: Any) -> Any:
        """The parameters with values in place of "auto", for the rows and the network of a call."""
        self._check(parameters, call)
        values = self._automatic(parameters, call)
        n_folds = _n_folds(parameters, call, values)
        batch = parameters.batch_size
        if batch == AUTO and not call.incremental:
            batch = min(batch_size(call.n_rows), _n_kept(parameters, call, n_folds))
        schedule = parameters.learning_rate
        is_default = parameters.trainer == "cycles"
        return replace(
            parameters,
            hidden_layer_sizes=_chosen(parameters.hidden_layer_sizes, values.hidden_layer_sizes),
            dropout=_chosen(parameters.dropout, values.dropout),
            n_folds=n_folds,
            loss=_chosen(parameters.loss, values.loss),
            trainer=Cycles(max_cycles=values.max_cycles) if is_default else parameters.trainer,
            # by this name, the default of `MLPClassifier`, cycles have a schedule of their own
            learning_rate=schedules.constant if schedule == "constant" else schedule,
            batch_size=batch,
            builder_options=self._options_of("n_members", parameters, values),
            solver_options=self._options_of("weight_decay", parameters, values),
            early_stopping_on=None if call.incremental else parameters.early_stopping_on,
        )

    def _automatic(self, parameters: Any, call: Any) -> Preset:
        """The values of "auto"; those of a fitted network are kept."""
        values = preset(call.n_rows, self._is_classification)
        if parameters.builder != "tabm":  # strong ones were measured with an ensemble of members
            usual = preset(MANY_ROWS, self._is_classification)
            values = values._replace(dropout=usual.dropout, weight_decay=usual.weight_decay)
        if call.spec is not None:
            sizes, dropout, loss = call.spec.hidden_layer_sizes, call.spec.dropout, call.spec.loss
            return values._replace(hidden_layer_sizes=sizes, dropout=dropout, loss=loss)
        if not getattr(self, "standardize_targets", True):  # other losses depend on their units
            return values._replace(loss="squared_error")
        return values

    def _options_of(self, name: str, parameters: Any, values: Preset) -> Any:
        """The options of the component that has this parameter, with its value."""
        component, owner = OWNERS[name]
        options = getattr(parameters, f"{component}_options") or {}
        if getattr(parameters, component) != owner:
            return options
        return {name: _chosen(getattr(self, name), getattr(values, name)), **options}

    def _check(self, parameters: Any, call: Any) -> None:
        """Raise ValueError for parameters that conflict with each other or the fitted network."""
        for name, (component, _) in OWNERS.items():
            value, options = getattr(self, name), getattr(parameters, f"{component}_options") or {}
            if value != AUTO and name in options:
                raise ValueError(
                    f"{name}={value!r} conflicts with {component}_options={options!r}. Remove one"
                    " of them."
                )
        if call.spec is None:
            return
        if parameters.builder == "tabm":
            n_members = self._network.structure.n_members
            _check_fitted("n_members", self.n_members, n_members)
        if not call.incremental:
            _check_fitted("n_folds", parameters.n_folds, call.spec.n_models or None)


def _check_fitted(name: str, value: Any, fitted: int | None) -> None:
    """Raise ValueError if the fitted network was created with another value."""
    if value not in (AUTO, fitted):
        raise ValueError(
            f"{name} was changed from {fitted} to {value}, which requires a new network. Set"
            f" {name}={fitted}, or warm_start=False to fit a new network."
        )


def _chosen(value: Any, automatic: Any) -> Any:
    return automatic if isinstance(value, str) and value == AUTO else value


def _n_folds(parameters: Any, call: Any, values: Preset) -> Any:
    """The number of models that are trained side by side; None for one network."""
    if call.spec is not None:
        return call.spec.n_models or None
    if call.incremental:
        return None
    if parameters.n_folds != AUTO:
        return parameters.n_folds
    if call.has_validation or values.n_folds is None:
        return None
    return min(values.n_folds, max(2, call.n_rows))


def _n_kept(parameters: Any, call: Any, n_folds: int | None) -> int:
    """The smallest number of rows that a model is trained on, at least 1."""
    fraction = 1 / n_folds if n_folds else parameters.validation_fraction
    held = 0 if call.has_validation and not n_folds else math.ceil(call.n_rows * fraction)
    return max(1, int(call.n_rows) - held)
