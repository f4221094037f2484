"""What both estimators share: data in, a trained model kept, outputs back."""

import copy
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlpkit import dense, recipes
from mlpkit.constraints import CONSTRAINTS
from mlpkit.fitting import Data, Fitted, run
from mlpkit.losses import LOSSES
from mlpkit.model import Model
from mlpkit.plugin import Array, Progress, Recipe, Spec
from mlpkit.targets import Labels, Values


class BaseMLP(BaseEstimator):  # type: ignore[misc]
    """Fits, goes on fitting, and evaluates a network; subclasses say what targets mean."""

    _parameter_constraints = CONSTRAINTS
    _names: list[str]
    _y_numeric: bool
    _model: Model
    _progress: Progress
    _targets: Any
    _optimizer_params: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._names = cls._get_param_names()  # once: a stream asks for them at every call

    def _store(self, parameters: dict[str, Any]) -> None:
        """Keep the arguments of ``__init__`` as they are."""
        for name in self._names:
            setattr(self, name, parameters[name])

    def _params(self) -> dict[str, Any]:
        """What `get_params` gives."""
        return {name: getattr(self, name) for name in self._names}

    @abstractmethod
    def _encoder(self, y: Any, incremental: bool) -> Labels | Values:
        """The targets' encoder: fitted to y, or the one from before, checked against y."""

    def _train(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Self:
        """Fit from the start, go on where it was (warm start), or make one pass."""
        with self._restored_on_failure():
            if incremental and self.early_stopping:
                raise ValueError("partial_fit does not support early_stopping=True")
            started = "_model" in self.__dict__ or "coefs_" in self.__dict__
            fresh = not started or not (self.warm_start or incremental)
            data = self._validated(X, y, sample_weight, incremental, fresh)
            params = self._params()
            if incremental and hasattr(self, "_optimizer_params"):
                params |= self._optimizer_params
            rng = np.random.RandomState()  # of its own: NumPy's global state is left alone
            if self.random_state is not None:
                rng = check_random_state(self.random_state)
            if fresh:
                model = self._initial(params, data, rng)
            else:
                model = self._continued(params, data, incremental)

            def progress(recipe: Recipe) -> Progress:
                before = Progress(rate=recipe.learning_rate_init)
                if not fresh and hasattr(self, "_progress"):
                    before = self._progress
                    if not incremental:  # old weights, but a new optimizer
                        before = replace(before, rate=recipe.learning_rate_init, step=0)
                return before

            fitted = run(model, params, data, self._targets, rng, progress, int(incremental))
            self._optimizer_params = {name: params[name] for name in recipes.OPTIMIZER}
            self._commit(fitted, fresh)
        return self

    def _validated(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool, fresh: bool
    ) -> Data:
        """Rows as scikit-learn checks them, targets encoded."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=self._y_numeric,
            dtype=(np.float64, np.float32),
            reset=fresh,
        )
        if self.dtype is not None and self.dtype != X.dtype:
            with np.errstate(over="ignore"):  # told in words
                X = X.astype(self.dtype)
            if not np.isfinite(X.data if issparse(X) else X).all():
                raise ValueError(f"X has values too large for dtype={self.dtype!r}: scale X.")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        w = None
        if sample_weight is not None:
            w = _check_sample_weight(sample_weight, X)
            if (w < 0).any():
                raise ValueError("Negative values in data passed to `sample_weight`")
            if not w.any():
                raise ValueError("Sample weights must contain at least one non-zero number.")
        self._targets = self._encoder(y, incremental)
        return Data(X, self._targets.encode(y), w)

    def _initial(self, params: dict[str, Any], data: Data, rng: np.random.RandomState) -> Model:
        """An untrained model for these data."""
        names = getattr(self, "feature_names_in_", None)
        classes = self._targets.classes
        spec = Spec(
            n_features=data.X.shape[1],
            n_outputs=data.y.shape[1],
            task=self._targets.task,
            loss=LOSSES[self._targets.loss],
            hidden_layer_sizes=dense.sizes(self.hidden_layer_sizes),
            activation=self.activation,
            dtype=data.X.dtype.name,
            backend=recipes.backend_name(params),
            seed=int(copy.deepcopy(rng).randint(2**31)),  # a copy: later draws stay as they are
            feature_names=None if names is None else tuple(names),
            classes=None if classes is None else tuple(classes),
        )
        build, options = recipes.builder_of(params)
        return Model(spec, build(spec, rng, **options))

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
        spec = replace(model.spec, backend=recipes.backend_name(params))
        edited = "coefs_" in self.__dict__
        if incremental and not edited and spec == model.spec:
            return model
        arrays = model.arrays
        if edited:
            arrays = dense.named(self.coefs_, self.intercepts_, spec.dtype)
        return model.edited(spec, arrays, model.slots if incremental else {})

    def _commit(self, fitted: Fitted, fresh: bool) -> None:
        """Make the fitted attributes; nothing here can fail."""
        model, progress, reports = fitted
        for name in ("coefs_", "intercepts_"):
            self.__dict__.pop(name, None)  # made from the model when asked for
        self._model, self._progress = model, progress
        self.n_iter_, self.t_ = progress.epoch, progress.samples
        self.n_layers_, self.n_outputs_ = len(model.spec.layer_units), model.spec.n_outputs
        self.out_activation_ = model.spec.out_activation
        scores = [report.score for report in reports if report.score is not None]
        if fresh or not hasattr(self, "loss_curve_"):
            self.loss_curve_ = []
        self.loss_curve_ += [report.loss for report in reports]
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else np.nan
        kept = None if fresh else getattr(self, "validation_scores_", None)
        self.validation_scores_ = [*(kept or []), *scores] if scores else None
        self.best_validation_score_ = progress.best_score if scores else None
        self.best_loss_ = None if scores else progress.best_loss

    @contextmanager
    def _restored_on_failure(self) -> Iterator[None]:
        """After an exception the estimator is what it was before."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _is_stochastic(self) -> bool:
        if not recipes.has_steps(self._params()):
            reason = f"{self.solver} is not stochastic."
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {reason}"
            )
        return True

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

    def _outputs(self, X: Any) -> Array:
        """Activated outputs, shape (n, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        activation = self.activation
        if "_model" in self.__dict__:
            activation = self._model.spec.activation
            if not self._model.is_dense:
                params = self._params()
                live = self._model.live(recipes.backend_of(params), recipes.recipe_of(params))
                return dense.activated(live.steps.outputs(live.state, X), self.out_activation_)
        if "coefs_" in self.__dict__:
            layers = self.__dict__["coefs_"], self.__dict__["intercepts_"]
        else:
            layers = dense.layers(self._model.arrays)
        return dense.predict(X, *layers, activation, self.out_activation_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
