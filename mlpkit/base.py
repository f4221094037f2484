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
from sklearn.utils.validation import _check_sample_weight, validate_data

from mlpkit import dense, recipes
from mlpkit.building import check_picklable, initial
from mlpkit.constraints import CONSTRAINTS
from mlpkit.exporting import Exports
from mlpkit.layers import Layers
from mlpkit.losses import LOSSES
from mlpkit.model import Model
from mlpkit.options import Method, RoutedOptions, parameter_names
from mlpkit.plugin import Array, Progress, Recipe, Spec
from mlpkit.targets import Labels, Values
from mlpkit.training.fitting import Data, Fitted, run


class BaseMLP(RoutedOptions, Exports, Layers, BaseEstimator):  # type: ignore[misc]
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
        cls._names = parameter_names(cls)  # once: a stream asks for them at every call

    def _store(self, parameters: dict[str, Any]) -> None:
        """Keep the arguments of ``__init__`` as they are."""
        for name, value in parameters.items():
            if name in self._names:
                setattr(self, name, value)

    def _params(self) -> dict[str, Any]:
        """Every parameter, also one that the ``__init__`` of a subclass does not take."""
        params = {name: getattr(self, name) for name in self._names}
        if params["builder"] is None and hasattr(self, "build"):
            params["builder"] = Method(type(self), self.get_params(deep=False))
        return params

    @abstractmethod
    def _encoder(self, y: Any, incremental: bool) -> Labels | Values:
        """The targets' encoder: fitted to y, or the one from before, checked against y."""

    def _weighted(self, y: Any, w: Array | None, incremental: bool) -> Array | None:
        """The weights of rows with what the targets say about them."""
        return w

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
        return Data(X, self._targets.encode(y), self._weighted(y, w, incremental))

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
        classes = self._targets.classes
        spec = Spec(
            n_features=n_features,
            n_outputs=n_outputs,
            task=self._targets.task,
            loss=LOSSES[self._targets.loss],
            hidden_layer_sizes=dense.sizes(self.hidden_layer_sizes),
            activation=self.activation,
            dtype=dtype,
            backend=recipes.backend_name(params),
            seed=int(copy.deepcopy(rng).randint(2**31)),  # a copy: later draws stay as they are
            feature_names=None if names is None else tuple(names),
            classes=None if classes is None else tuple(classes),
        )
        return initial(*recipes.builder_of(params), spec, rng)

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

    def _initialize(self, n_features: int, n_outputs: int) -> Self:
        """Become fitted with the network as its builder makes it."""
        rng = np.random.RandomState(np.random.SeedSequence().generate_state(1))
        if self.random_state is not None:
            rng = check_random_state(self.random_state)
        params = self._params()
        self.n_features_in_ = n_features
        model = self._drawn(params, n_features, n_outputs, self.dtype or "float32", rng)
        self._optimizer_params = {name: params[name] for name in recipes.OPTIMIZER}
        rate = recipes.recipe_of(params, model.solver).learning_rate_init
        self._commit(Fitted(model, Progress(rate=rate), []), fresh=True)
        return self

    def _commit(self, fitted: Fitted, fresh: bool) -> None:
        """Make the fitted attributes; nothing here can fail."""
        model, progress, reports = fitted
        for name in ("coefs_", "intercepts_"):
            self.__dict__.pop(name, None)  # made from the model when asked for
        self._model, self._progress = model, progress
        self.n_iter_, self.t_ = progress.epoch, progress.samples
        self.n_layers_, self.n_outputs_ = len(model.spec.layer_units), model.spec.n_outputs
        self.out_activation_ = model.spec.loss.out_activation
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

    def __getstate__(self) -> Any:
        check_picklable(self.__dict__.get("builder"))
        return super().__getstate__()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
