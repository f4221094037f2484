"""The model that training starts from: drawn anew, or the fitted one with its edits."""

import copy
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from mlpkit import dense, recipes
from mlpkit.activations import checked, checked_dropout
from mlpkit.building import initial
from mlpkit.losses import LOSSES
from mlpkit.model import Model
from mlpkit.plugin import Spec
from mlpkit.training.fitting import Data


class Starting:
    """For estimators: from parameters and data to an untrained or a fitted model."""

    _model: Model
    _targets: Any
    activation: Any
    dropout: Any
    hidden_layer_sizes: Any
    coefs_: Any
    intercepts_: Any

    def _initial(self, params: dict[str, Any], data: Data, rng: np.random.RandomState) -> Model:
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
        spec = Spec(
            n_features=n_features,
            n_outputs=n_outputs,
            task=self._targets.task,
            loss=LOSSES[self._targets.loss],
            hidden_layer_sizes=sizes,
            activation=checked(self.activation, len(sizes)),
            dtype=dtype,
            backend=recipes.backend_name(params),
            seed=int(copy.deepcopy(rng).randint(2**31)),  # a copy: later draws stay as they are
            feature_names=None if names is None else tuple(names),
            classes=None if classes is None else tuple(classes),
            dropout=checked_dropout(self.dropout, len(sizes)),
        )
        spec = replace(spec, loss=recipes.loss_of(params["loss"], spec, params["loss_options"]))
        model = initial(*recipes.builder_of(params), spec, rng)
        _check_dropout(model, self.dropout)
        return model

    def _continued(self, params: dict[str, Any], data: Data, incremental: bool) -> Model:
        """The model as it is, with the weights that the user may have put in.

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
        if dense.sizes(self.hidden_layer_sizes) != model.spec.hidden_layer_sizes:
            warnings.warn(
                f"hidden_layer_sizes={self.hidden_layer_sizes} is ignored: training goes on with"
                f" the fitted {model.spec.hidden_layer_sizes}. Set warm_start=False to build anew."
            )
        n_layers = len(model.spec.hidden_layer_sizes)
        spec = replace(
            model.spec,
            backend=recipes.backend_name(params),
            dropout=checked_dropout(self.dropout, n_layers),
        )
        _check_dropout(model, self.dropout)
        edited = "coefs_" in self.__dict__
        if incremental and not edited and spec == model.spec:
            return model
        arrays = model.arrays
        if edited:
            arrays = dense.named(self.coefs_, self.intercepts_, spec.dtype)
        return model.edited(spec, arrays, model.slots if incremental else {})


def _check_dropout(model: Model, dropout: Any) -> None:
    """ValueError where dropout would be left out: other networks than the dense one."""
    if np.any(dropout) and not model.is_dense:
        raise ValueError(
            f"dropout={dropout!r} is for the dense network, and this builder makes another one."
            " Set dropout=0.0, and the option of the builder if it has one, as with"
            f" builder_options={{'dropout': {dropout!r}}}."
        )
