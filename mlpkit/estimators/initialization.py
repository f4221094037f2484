"""The model that training starts from: drawn anew, or the fitted one with its edits."""

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mlpkit.estimators.building import initial
from mlpkit.estimators.parameters import Method
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.activations import checked_dropout
from mlpkit.objectives.losses import LOSSES
from mlpkit.plugin import Arrays, Dataset, Spec
from mlpkit.training import recipe as recipes
from mlpkit.training.model import Model


class Starting:
    """For estimators: from parameters and data to an untrained or a fitted model."""

    _model: Model
    _targets: Any
    _parameter_constraints: Any
    _activation: Callable[..., Any]
    dropout: Any
    hidden_layer_sizes: Any
    dtype: Any
    coefs_: Any
    intercepts_: Any

    def _initial(self, params: dict[str, Any], data: Dataset, rng: np.random.RandomState) -> Model:
        """An untrained model for these data."""
        return self._drawn(params, data.X.shape[1], data.y.shape[1], data.X.dtype.name, rng)

    def _drawn(
        self,
        params: dict[str, Any],
        n_features: int,
        n_outputs: int,
        dtype: Any,
        rng: np.random.RandomState,
    ) -> Model:
        names = getattr(self, "feature_names_in_", None)
        sizes = dense.sizes(self.hidden_layer_sizes)
        classes = self._targets.classes
        own_build = isinstance(params["builder"], Method)
        spec = Spec(
            n_features=n_features,
            n_outputs=n_outputs,
            task=self._targets.task,
            loss=LOSSES[self._targets.loss],
            hidden_layer_sizes=sizes,
            activation=self._activation(len(sizes)),
            dtype=dtype,
            backend=recipes.backend_name(params),
            seed=int(copy.deepcopy(rng).randint(2**31)),  # a copy: later draws stay as they are
            feature_names=None if names is None else tuple(names),
            classes=None if classes is None else tuple(classes),
            # a class with a `build` of its own reads its own parameter
            dropout=0.0 if own_build else checked_dropout(self.dropout, len(sizes)),
        )
        spec = replace(spec, loss=recipes.loss_of(params["loss"], spec, params["loss_options"]))
        model = initial(*recipes.builder_of(params), spec, rng)
        if not own_build:
            _check_dropout(model, self.dropout)
        return model

    def _continued(
        self,
        params: dict[str, Any],
        data: Dataset,
        incremental: bool,
        changed: Mapping[str, Any],
    ) -> Model:
        """The fitted model, with the weights that the user may have set, and with those of the
        changed parameters that can act on it; ValueError for the others.

        The solver's slots go on in a stream; a warm start begins with new ones.
        """
        if hasattr(self, "_model"):
            model = self._model
        else:  # weights were set by hand, nothing was fitted
            model = self._initial(params, data, np.random.RandomState(0))
        if data.y.shape[1] != model.spec.n_outputs:
            raise ValueError(
                f"y has {data.y.shape[1]} outputs, but {type(self).__name__} was fitted with"
                f" {model.spec.n_outputs}. Fit a new estimator, or set warm_start=False."
            )
        self._check_layers(model.spec)
        n_layers = len(model.spec.hidden_layer_sizes)
        activation = self._activation(n_layers, model.spec.activation)
        if activation != model.spec.activation and not model.is_dense:
            raise self._refused("activation", model.spec.activation)
        spec = replace(
            model.spec,
            backend=recipes.backend_name(params),
            activation=activation,
            dropout=checked_dropout(self.dropout, n_layers),
        )
        _check_dropout(model, self.dropout)
        if changed:
            spec = self._respecified(model, spec, params, changed)
        edited = "coefs_" in self.__dict__
        if incremental and not edited and spec == model.spec:
            return model
        arrays, optimizer_state = model.arrays, model.optimizer_state if incremental else {}
        if edited:
            arrays = dense.named(self.coefs_, self.intercepts_, spec.dtype)
        if spec.dtype != model.spec.dtype:
            arrays, optimizer_state = _cast(arrays, spec.dtype), _cast(optimizer_state, spec.dtype)
        return model.edited(spec, arrays, optimizer_state)

    def _check_layers(self, spec: Spec) -> None:
        """Warn of other sizes of layers, which are ignored as in scikit-learn; ValueError for
        another number of layers.
        """
        given = dense.sizes(self.hidden_layer_sizes)
        if given == spec.hidden_layer_sizes:
            return
        if len(given) != len(spec.hidden_layer_sizes):
            raise self._refused("hidden_layer_sizes", spec.hidden_layer_sizes)
        warnings.warn(
            f"hidden_layer_sizes={self.hidden_layer_sizes} is ignored: training goes on with"
            f" the fitted {spec.hidden_layer_sizes}. Set warm_start=False to build anew."
        )

    def _respecified(
        self, model: Model, spec: Spec, params: Mapping[str, Any], changed: Mapping[str, Any]
    ) -> Spec:
        """The spec after changes that were made since the last call."""
        own = [name for name in changed if name not in self._parameter_constraints]
        for name in ["builder", "builder_options", *(own if hasattr(self, "build") else [])]:
            if name in changed and not _is_default(name, changed[name], params[name]):
                raise self._refused(name, changed[name])
        if "dtype" in changed and self.dtype not in (None, spec.dtype):
            if not model.is_dense:
                raise self._refused("dtype", spec.dtype)
            spec = replace(spec, dtype=self.dtype)
        if "loss" in changed or "loss_options" in changed:
            name = "loss" if "loss" in changed else "loss_options"
            before = replace(spec, loss=LOSSES[self._targets.loss])
            loss = recipes.loss_of(params["loss"], before, params["loss_options"])
            brought = model.structure.loss is not None  # by the network, and it decides
            if brought or loss.out_activation != spec.loss.out_activation:
                raise self._refused(name, changed[name])
            spec = replace(spec, loss=loss)
        return spec

    def _refused(self, name: str, old: Any) -> ValueError:
        return ValueError(
            f"{name} was changed from {old!r} to {getattr(self, name)!r} after"
            f" {type(self).__name__} was fitted, and the fitted network cannot be trained on with"
            f" it. Set {name} back, or fit a new network: fit with warm_start=False."
        )


def _is_default(name: str, old: Any, new: Any) -> bool:
    """Whether both values of a parameter stand for its default."""
    default: list[Any] = [None, "dense"] if name == "builder" else [None, {}]
    return old in default and new in default


def _cast(arrays: Arrays, dtype: str) -> Arrays:
    """The arrays with floating-point numbers of this dtype."""
    return {
        name: array.astype(dtype) if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }


def _check_dropout(model: Model, dropout: Any) -> None:
    """ValueError where dropout would be left out: other networks than the dense one."""
    if np.any(dropout) and not model.is_dense:
        raise ValueError(
            f"dropout={dropout!r} is for the dense network, and this builder makes another one."
            " Set dropout=0.0, and the option of the builder if it has one, as with"
            f" builder_options={{'dropout': {dropout!r}}}."
        )
