"""The weights of a fitted estimator as attributes, with edits that count, and its outputs."""

from typing import Any

from sklearn.utils.validation import check_is_fitted, validate_data

from mlpkit import dense, recipes
from mlpkit.activations import checked
from mlpkit.advice import of_text
from mlpkit.model import Model
from mlpkit.plain import is_plain
from mlpkit.plugin import Array


class Layers:
    """``coefs_`` and ``intercepts_`` of the dense chain: views of the model, until they are set."""

    _model: Model
    _params: Any
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
        if which not in self.__dict__:
            if "_model" not in self.__dict__ or not self._model.is_dense:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {which!r}")
            coefs, intercepts = dense.layers(self._model.arrays)
            self.__dict__.setdefault("coefs_", coefs)
            self.__dict__.setdefault("intercepts_", intercepts)
        return self.__dict__[which]  # type: ignore[no-any-return]

    def _present_model(self) -> Model:
        """The model with the edits."""
        model = self._model
        if "coefs_" in self.__dict__ and model.is_dense:
            arrays = dense.named(self.coefs_, self.intercepts_, model.spec.dtype)
            model = model.edited(model.spec, arrays, model.slots)
        return model

    def _outputs(self, X: Any) -> Array:
        """Activated outputs, shape (n, n_outputs)."""
        if not is_plain(X, self):
            check_is_fitted(self)
            try:
                X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
            except ValueError as error:
                if text := of_text(error, X):
                    raise ValueError(text) from error
                raise
        if "_model" in self.__dict__ and not self._model.is_dense:
            return self._live_outputs(X)
        if "coefs_" in self.__dict__:
            layers = self.__dict__["coefs_"], self.__dict__["intercepts_"]
        else:
            layers = dense.layers(self._model.arrays)
        activations: tuple[str, ...]
        if "_model" in self.__dict__:
            activations = self._model.spec.activations
        else:  # weights were set by hand
            hidden = len(layers[0]) - 1
            given = checked(self.activation, hidden)
            activations = (given,) * hidden if isinstance(given, str) else given
        return dense.predict(X, *layers, activations, self.out_activation_)

    def _live_outputs(self, X: Any) -> Array:
        """Outputs by the backend: of the live state, if there is one of this backend."""
        given = {"backend": self.backend, "backend_options": self.backend_options}
        backend = recipes.backend_of(given)
        live = self._model.at_hand(backend)
        if live is None:
            recipe = recipes.recipe_of(self._params(), self._model.solver)
            live = self._model.live(backend, recipe)
            self._model.keep(live)
        return dense.activated(live.steps.outputs(live.state, X), self.out_activation_)
