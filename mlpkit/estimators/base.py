"""What both estimators share: data in, a trained model kept, outputs back."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from mlpkit.data.evaluation_sets import Beside
from mlpkit.data.targets import Labels, Values
from mlpkit.estimators import versions
from mlpkit.estimators.atomic import WEIGHTS
from mlpkit.estimators.callback_support import CallsHooks
from mlpkit.estimators.changes import Settings
from mlpkit.estimators.constraints import CONSTRAINTS
from mlpkit.estimators.error_hints import advised
from mlpkit.estimators.exporting import Exports
from mlpkit.estimators.html import Documented
from mlpkit.estimators.initialization import Starting
from mlpkit.estimators.loss_curve import Curve
from mlpkit.estimators.parameters import Method, RoutedOptions, parameter_defaults
from mlpkit.estimators.validation import Inputs
from mlpkit.estimators.weights import Layers
from mlpkit.monitoring.history import MetricHistory
from mlpkit.pickling import check_picklable
from mlpkit.plugin import Array, Dataset, Progress, Recipe
from mlpkit.training import recipe as recipes
from mlpkit.training.fit import Fitted, Task, run
from mlpkit.training.model import Model

if TYPE_CHECKING:
    from mlpkit.training.sklearn_callbacks import FitTasks


class BaseMLP(
    CallsHooks,
    Settings,
    Inputs,
    Starting,
    RoutedOptions,
    Exports,
    Layers,
    Documented,
    BaseEstimator,  # type: ignore[misc]
):
    """Fits, goes on fitting, and evaluates a network; subclasses say what targets mean."""

    _parameter_constraints = CONSTRAINTS
    _y_numeric: bool
    _model: Model
    _progress: Progress
    _losses: Curve
    _targets: Any
    _optimizer_params: dict[str, Any]

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

    def _train(
        self, given: Dataset, beside: Beside, incremental: bool, tasks: "FitTasks | None" = None
    ) -> None:
        """Fit from the start, go on where it was (warm start), or make one pass.

        Runs on the copy that `_alter` makes.
        """
        changed = self._changed()
        with config_context(skip_parameter_validation=True):  # of the functions that it calls
            self._trained(given, beside, incremental, changed, tasks)

    def _trained(
        self,
        given: Dataset,
        beside: Beside,
        incremental: bool,
        changed: dict[str, Any],
        tasks: "FitTasks | None",
    ) -> None:
        self._check_streamable(incremental)
        started = "_model" in self.__dict__ or "coefs_" in self.__dict__
        fresh = not started or not (self.warm_start or incremental)
        X, y, w = self._checked(given, reset=fresh)
        self._targets = self._encoder(y, incremental)
        data = Dataset(X, self._targets.encode(y), self._weighted(y, w, incremental))
        params = self._params()
        optimizer = self.__dict__.get("_optimizer_params") if incremental else None
        if optimizer is not None:
            params |= optimizer
        rng = check_random_state(self.random_state)
        if fresh:
            model = self._initial(params, data, rng)
        else:
            model = self._continued(params, data, incremental, changed)

        def progress(recipe: Recipe) -> Progress:
            before = Progress(learning_rate=recipe.learning_rate_init)
            if not fresh and hasattr(self, "_progress"):
                before = self._progress
                if optimizer is None and recipe.solver.has_steps:  # old weights, new optimizer
                    before = replace(before, learning_rate=recipe.learning_rate_init, step=0)
            return before

        measured = {**params, "network_metrics": model.structure.metrics}
        asked, validation = self._asked(
            measured, given, beside, data._replace(sample_weight=w), incremental, fresh, changed
        )
        if tasks is not None:
            tasks.prepare(X, y, w, lambda fitted: self._as_fitted(fitted, fresh))
        task = Task(data, self._targets, rng, progress, int(incremental), validation, asked, tasks)
        fitted = run(model, params, task)
        if fitted.has_steps:
            self._optimizer_params = {name: params[name] for name in recipes.OPTIMIZER}
        elif fresh:
            self.__dict__.pop("_optimizer_params", None)
        else:  # as in scikit-learn, the optimizer waits for the next stream
            fitted.model.carry(self._model.optimizer_state)
        self._keep(fitted, fresh)
        if fitted.monitor is not None:
            fitted.monitor.tell()

    @property
    def _no_improvement_count(self) -> int:
        """Number of the last epochs without improvement, by scikit-learn's name."""
        return self._progress.no_improvement_count

    @_no_improvement_count.setter
    def _no_improvement_count(self, count: int) -> None:
        before = self.__dict__.get("_progress", Progress(learning_rate=0.0))
        self._progress = replace(before, no_improvement_count=count)

    def _check_streamable(self, incremental: bool) -> None:
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if incremental and self.early_stopping_on is not None:
            raise ValueError("partial_fit does not support early_stopping_on: use fit.")

    @advised
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        eval_sets: Mapping[str, Any] | None = None,
        labels: Any = None,
        labels_val: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets: class labels, an indicator matrix of multilabel targets, or real values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative weights of the rows.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features) or None, default=None
            Validation set, on which metrics are measured after each epoch. Early stopping uses
            it instead of `validation_fraction` of the training rows. It must be transformed as
            X is: a `sklearn.pipeline.Pipeline` does that only if it is created with
            ``transform_input=["X_val"]``, as in the example. `fit` warns if the distributions
            of `X_val` and `X` differ strongly.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs) or None, default=None
            Targets of the validation set.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Non-negative weights of the rows of the validation set.
        eval_sets : dict or None, default=None
            Further evaluation sets by name, on which metrics are measured after each epoch. A
            value is a tuple ``(X, y)`` or ``(X, y, sample_weight)``, or a dict with the keys
            "X" and "y" and optionally "sample_weight" and "labels". A Pipeline does not
            transform them.
        labels : dict or dataframe of columns of shape (n_samples,) or None, default=None
            Columns that are not in X, by which ``by_labels("name")`` groups the rows.
        labels_val : dict or dataframe of columns of shape (n_val,) or None, default=None
            The same columns of the validation set.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is invalid, or if training diverges. The estimator is unchanged.

        Examples
        --------
        A validation set in a Pipeline that scales the features:

        >>> import sklearn
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.model_selection import train_test_split
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from mlpkit import MLPClassifier
        >>> X, X_val, y, y_val = train_test_split(*load_wine(return_X_y=True), random_state=0)
        >>> clf = MLPClassifier(
        ...     learning_rate_init=0.01, early_stopping_on="log_loss", random_state=0
        ... )
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     pipe = make_pipeline(
        ...         StandardScaler(),
        ...         clf.set_fit_request(X_val=True, y_val=True),
        ...         transform_input=["X_val"],
        ...     )
        ...     pipe = pipe.fit(X, y, X_val=X_val, y_val=y_val)
        >>> pipe.score(X_val, y_val) > 0.95
        True
        """
        beside = Beside(labels, X_val, y_val, sample_weight_val, labels_val, eval_sets)
        given = Dataset(X, y, sample_weight)
        return self._train_by(lambda draft, tasks: draft._train(given, beside, False, tasks))

    def _initialize(self, n_features: int, n_outputs: int) -> None:
        """Become fitted with the network as its builder makes it."""
        self._changed()
        rng = check_random_state(self.random_state)
        params = self._params()
        self.n_features_in_ = n_features
        model = self._drawn(params, n_features, n_outputs, self.dtype or "float32", rng)
        self._optimizer_params = {name: params[name] for name in recipes.OPTIMIZER}
        learning_rate = recipes.recipe_of(params, model.solver).learning_rate_init
        self._keep(Fitted(model, Progress(learning_rate=learning_rate), []), fresh=True)

    def _keep(self, fitted: Fitted, fresh: bool) -> None:
        """Make the fitted attributes."""
        model, progress, reports, monitor, has_steps = fitted
        for name in WEIGHTS:
            self.__dict__.pop(name, None)  # made from the model when asked for
        self._model, self._progress = model, progress
        self.n_iter_, self.t_ = progress.epoch, progress.samples
        self.n_layers_, self.n_outputs_ = len(model.spec.layer_units), model.spec.n_outputs
        self.out_activation_ = model.spec.loss.out_activation
        if fresh or not hasattr(self, "_losses"):
            self._losses = Curve()
        self._losses = self._losses.extended(report.loss for report in reports)
        if fresh or not hasattr(self, "metric_history_"):
            self.metric_history_ = MetricHistory()
            self._stream = None
        if monitor is not None and reports:
            self.metric_history_ = self.metric_history_ + monitor.history(len(reports))
            self._stream = getattr(monitor, "stream", None)
        self.loss_ = reports[-1].loss if reports else getattr(self, "loss_", np.nan)
        if not has_steps:
            self.loss_ = progress.best_loss
        scores = [report.score for report in reports if report.score is not None]
        kept = None if fresh else getattr(self, "validation_scores_", None)
        self.validation_scores_ = [*(kept or []), *scores] if scores else None
        self.best_validation_score_ = progress.best_score if scores else None
        self.best_loss_ = None if scores else progress.best_loss

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of each epoch."""
        try:
            return self.__dict__["_losses"].values  # type: ignore[no-any-return]
        except KeyError:
            name = type(self).__name__
            raise AttributeError(f"{name!r} object has no attribute 'loss_curve_'") from None

    @loss_curve_.setter
    def loss_curve_(self, values: list[float]) -> None:
        self._losses = Curve(values)

    def _is_stochastic(self) -> bool:
        if not recipes.has_steps(self._params()):
            reason = f"{self.solver} is not stochastic."
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {reason}"
            )
        return True

    def __getstate__(self) -> Any:
        check_picklable(self)
        state = dict(super().__getstate__())
        if "_settings" in state:
            state["_settings"] = self._settings_to_keep()
        state[versions.KEY] = versions.versions_of(state, self._names)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        versions.compare(type(self).__name__, state.pop(versions.KEY, {}))
        if any(name not in state for name in self._names):  # it is newer than the pickle
            state = {**parameter_defaults(type(self)), **state}
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
