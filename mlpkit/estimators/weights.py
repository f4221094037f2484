"""The weights of a fitted estimator as attributes, with edits that count, and its outputs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted, validate_data

from mlpkit.data.plain_arrays import is_plain
from mlpkit.estimators.error_hints import of_text
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend.activations import checked
from mlpkit.plugin import Array
from mlpkit.training import recipe as recipes
from mlpkit.training.model import Model
from mlpkit.training.support import check_network


class Layers:
    """``coefs_`` and ``intercepts_`` of the dense chain: views of the model, until they are set."""

    _model: Model
    _params: Any
    _parameter_constraints: Any
    activation: Any
    backend: Any
    backend_options: dict[str, Any] | None
    out_activation_: str

    @property
    def coefs_(self) -> list[Array]:
        """The weight matrix of each layer, (fan_in, fan_out); training goes on from edits."""
        return self._layers("coefs_")

    @coefs_.setter
    def coefs_(self, value: list[Array]) -> None:
        self.__dict__["coefs_"] = value

    @property
    def intercepts_(self) -> list[Array]:
        """The bias vector of each layer, (fan_out,)."""
        return self._layers("intercepts_")

    @intercepts_.setter
    def intercepts_(self, value: list[Array]) -> None:
        self.__dict__["intercepts_"] = value

    def _layers(self, which: str) -> list[Array]:
        state = self.__dict__  # one and the same, if a fit ends in another thread
        if which not in state:
            model = state.get("_model")
            if model is None or not model.is_dense:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {which!r}")
            coefs, intercepts = dense.layers(model.arrays)
            state.setdefault("coefs_", coefs)
            state.setdefault("intercepts_", intercepts)
        return state[which]  # type: ignore[no-any-return]

    def _present_model(self) -> Model:
        """The model with the edits."""
        model = self._model
        if not model.is_dense:
            return model
        spec = model.spec
        activation = self._activation(len(spec.hidden_layer_sizes), spec.activation)
        spec = replace(spec, activation=activation)
        if "coefs_" in self.__dict__:
            arrays = dense.named(self.coefs_, self.intercepts_, spec.dtype)
            return model.edited(spec, arrays, model.optimizer_state)
        return (
            model if spec == model.spec else model.edited(spec, model.arrays, model.optimizer_state)
        )

    def _activation(self, n_layers: int, last: Any = None) -> Any:
        """The activation of the hidden layers as it is set now, one or a tuple of one for each;
        scikit-learn also reads it at each call. Raises ValueError unless it is valid.
        """
        given = self.activation
        if given is last or (isinstance(given, str) and given == last):
            return given
        constraints = {"activation": self._parameter_constraints["activation"]}
        validate_parameter_constraints(
            constraints, {"activation": given}, caller_name=type(self).__name__
        )
        return checked(given, n_layers)

    def _outputs(self, X: Any) -> Array:
        """Activated outputs, shape (n, n_outputs); to be called on a snapshot."""
        if not is_plain(X, self):
            check_is_fitted(self)
            try:
                X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
            except ValueError as error:
                if text := of_text(error, X):
                    raise ValueError(text) from error
                raise
        model = self.__dict__.get("_model")
        if model is not None and not model.is_dense:
            return self._live_outputs(X)
        if "coefs_" in self.__dict__ or "intercepts_" in self.__dict__:
            layers: tuple[Sequence[Array], Sequence[Array]] = self.coefs_, self.intercepts_
        else:
            assert model is not None
            layers = model.layers
        hidden = len(layers[0]) - 1
        last = None if model is None else model.spec.activation
        activation = self._activation(hidden, last)
        activations = (activation,) * hidden if isinstance(activation, str) else activation
        return dense.predict(X, *layers, activations, self.out_activation_)

    def _live_outputs(self, X: Any) -> Array:
        """Outputs by the backend: of the live state, if there is one of this backend."""
        given = {"backend": self.backend, "backend_options": self.backend_options}
        backend = recipes.backend_of(given)
        live = self._model.at_hand(backend)
        if live is None:
            params = self._params()
            recipe = recipes.recipe_of(params, self._model.solver)
            check_network(params, self._model.structure, self._model.spec, recipe)
            live = self._model.live(backend, recipe)
            self._model.keep(live)
        return dense.activated(live.steps.outputs(live.state, X), self.out_activation_)
