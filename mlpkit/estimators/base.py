"""The base class of both estimators, with `fit` and the steps that it consists of."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn import config_context, get_config
from sklearn.utils import check_random_state

from mlpkit.data.evaluation_sets import dataset_of, evaluation_sets
from mlpkit.data.targets import Targets
from mlpkit.estimators.calibration_rows import OF_HELD_OUT_ROWS
from mlpkit.estimators.call import Call
from mlpkit.estimators.callback_support import CALLBACK_ATTRIBUTES, SklearnCallbackSupport
from mlpkit.estimators.changes import LastParameters
from mlpkit.estimators.checked_checkpoint import check_groups, checked_checkpoint
from mlpkit.estimators.error_hints import with_hints
from mlpkit.estimators.fit_monitor import EarlierCalls, MeasuredRows, monitor_of
from mlpkit.estimators.fitted import FittedMLP
from mlpkit.estimators.network_initialization import (
    DataShape,
    continued,
    initialized,
)
from mlpkit.estimators.table_validation import validated_table_rows
from mlpkit.estimators.validation import as_dtype, validated_rows, validated_set
from mlpkit.monitoring.history import MetricHistory
from mlpkit.monitoring.protocol import NoMonitor
from mlpkit.plugin import Array, Dataset, Progress, Recipe
from mlpkit.training.fit import fit
from mlpkit.training.fit_records import FitInputs, FitResult, HeldOut
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.parameters import Parameters
from mlpkit.training.recipe import has_steps, recipe_of
from mlpkit.training.tasks import Tasks
from mlpkit.training.time_limit import TimeLimit

if TYPE_CHECKING:
    from mlpkit.estimators.encoding import Encoding

# attributes of earlier calls that a new network does not keep
FORGOTTEN = ("_progress", "_losses", "_stream", "validation_scores_", "loss_")


class BaseMLP(SklearnCallbackSupport, FittedMLP):
    """Base class that adds training to `FittedMLP`; subclasses define the targets."""

    _y_numeric: bool
    _encoding: "Encoding"  # with an encoder
    _optimizer: dict[str, Any]  # of the last call with a solver that works in steps
    _last_parameters: LastParameters

    @abstractmethod
    def _fitted_targets(self, y: Any, w: Array | None, incremental: bool) -> Targets:
        """Return the encoder of the targets: a new one, or the fitted one after checking y.

        ``w`` are the weights of the rows, or None.
        """

    def _class_weighted(self, y: Any, w: Array | None, incremental: bool) -> Array | None:
        """The sample weights multiplied by class weights."""
        return w

    def _parameters_for(self, parameters: Parameters, call: Call) -> Parameters:
        """The parameters of a call; a subclass may choose values that depend on it."""
        return parameters

    @abstractmethod
    def _presented(self, outputs: Array) -> Array:
        """Activated outputs in the form of `predict_proba`, or of `predict` for a regressor."""

    def _uses_held_out(self, parameters: Parameters) -> bool:
        """Whether a fit needs the predictions of the rows that training is scored by."""
        return parameters.n_folds is not None

    def _keep_held_out(self, held_out: HeldOut | None, incremental: bool) -> None:
        """Set the attributes that are computed from rows that were not trained on, or None."""
        if held_out is not None and held_out.out_of_fold:
            self.oof_predictions_ = self._presented(held_out.outputs)

    @with_hints
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
            Training rows. With an `encoder`, also a dataframe or an array of objects, as in all
            other methods.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets: class labels, an indicator matrix of multilabel targets, or real values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative weights of the rows.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features) or None, default=None
            Validation set, on which metrics are measured after each epoch. Early stopping uses
            it instead of `validation_fraction` of the training rows. It must be transformed as
            X is, which an `encoder` does: a `sklearn.pipeline.Pipeline` does that only if it is
            created with ``transform_input=["X_val"]``, as in the example. Without an encoder,
            `fit` warns if the distributions of `X_val` and `X` differ strongly.
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
        rows = dataset_of(X, y, sample_weight, labels)
        sets = evaluation_sets(X_val, y_val, sample_weight_val, labels_val, eval_sets)
        return self._fit_atomically(lambda draft, tasks: draft._fit(rows, sets, tasks))

    def _fit(
        self, rows: Dataset, sets: Mapping[str, Dataset], tasks: Tasks, incremental: bool = False
    ) -> None:
        """Fit from the start, continue (warm start), or make one pass (`partial_fit`).

        Runs on a copy of the estimator, see `alter`.
        """
        parameters, changes = self._resolved_parameters()
        time_limit = TimeLimit(parameters.time_limit)
        self._remove(OF_HELD_OUT_ROWS)
        with config_context(skip_parameter_validation=True):  # in functions of scikit-learn
            fresh = not self._has_weights() or not (parameters.warm_start or incremental)
            valid, data = self._training_rows(parameters, rows, fresh, incremental)
            spec = None if fresh or "_network" not in vars(self) else self._network.spec
            call = Call(len(data.y), incremental, "validation" in sets, spec)
            parameters = self._call_parameters(parameters, call)
            encoded = self._validated_sets(parameters, sets)
            checkpoint = checked_checkpoint(self, parameters, data, encoded, fresh)
            rng = checkpoint.generator(parameters.random_state)
            if fresh:
                self._forget()
                network = initialized(parameters, self._shape_of(data), rng)
            else:
                network = self._continued_network(parameters, changes, data, incremental)
            self._targets.check_loss(network.spec.loss)
            recipe = recipe_of(parameters, network.solver)

            both = {name: (sets[name], encoded[name]) for name in sets}
            train = data._replace(sample_weight=valid.sample_weight)
            measured = MeasuredRows(rows, train, both, "_encoding" in vars(self))
            earlier = EarlierCalls(len(vars(self).get("_losses", ())), vars(self).get("_stream"))
            monitor = monitor_of(
                parameters, changes, network, self._targets, measured, earlier, incremental
            )
            check_groups(checkpoint, monitor)
            inputs = FitInputs(
                rows=valid,
                data=data,
                targets=self._targets,
                recipe=recipe,
                rng=rng,
                progress=self._starting_progress(recipe, incremental),
                monitor=monitor,
                tasks=tasks,
                validation=encoded.get("validation"),
                passes=int(incremental),
                predicts_held_out=self._uses_held_out(parameters),
                attributes_of=partial(self._attributes_of, parameters),
                checkpoint=checkpoint,
                time_limit=time_limit,
            )
            result = fit(network, parameters, inputs)
        self._keep_optimizer(parameters, result)
        self._commit(result)
        self._keep_held_out(result.held_out, incremental)
        result.monitor.warn()

    def _call_parameters(self, parameters: Parameters, call: Call) -> Parameters:
        """The parameters of a call, checked, with the optimizer that `partial_fit` continues."""
        parameters = self._parameters_for(parameters, call)
        call.check(parameters)
        if call.incremental and "_optimizer" in vars(self):
            parameters = parameters.with_optimizer(self._optimizer)
        return parameters

    def _training_rows(
        self, parameters: Parameters, rows: Dataset, fresh: bool, incremental: bool
    ) -> tuple[Dataset, Dataset]:
        """The rows after validation, and with encoded X and y and with class weights.

        Sets the encoders of the rows and of the targets, new ones for a ``fresh`` network.
        """
        encoding: Encoding | None = None if fresh else vars(self).get("_encoding")
        is_table = encoding is not None or parameters.encoder is not None
        if is_table:
            valid = validated_table_rows(self, rows, reset=encoding is None)
        else:
            valid = validated_rows(self, rows, parameters.dtype, reset=fresh)
        self._targets = self._fitted_targets(valid.y, valid.sample_weight, incremental)
        weighted = self._class_weighted(valid.y, valid.sample_weight, incremental)
        data = Dataset(valid.X, self._targets.encode(valid.y), weighted)
        if not is_table:
            self._set_encoding(None)
            return valid, data
        if encoding is not None:
            X = encoding.rows(valid.X)
        else:
            from mlpkit.estimators.encoding import fitted_encoding

            encoding, X = fitted_encoding(parameters, valid, data, incremental)
            self._set_encoding(encoding)
        return valid, data._replace(X=as_dtype(X, parameters.dtype))

    def _validated_sets(
        self, parameters: Parameters, sets: Mapping[str, Dataset]
    ) -> dict[str, Dataset]:
        """The evaluation sets with encoded rows and targets."""
        kinds = {name: "validation" if name == "validation" else "eval_sets" for name in sets}
        return {
            name: validated_set(self, name, rows, parameters.dtype, self._targets, kinds[name])
            for name, rows in sets.items()
        }

    def _set_encoding(self, encoding: "Encoding | None") -> None:
        """Set the fitted encoder, or remove that of an earlier call."""
        if encoding is not None:
            self._encoding, self.encoder_ = encoding, encoding.encoder
        elif "_encoding" in vars(self):
            del self._encoding, self.encoder_

    def _resolved_parameters(self) -> tuple[Parameters, dict[str, Any]]:
        """Return the parameters, and the old values of those that changed since the last call.

        The parameters are validated as in scikit-learn, unless they are the same objects as in
        the last call, because validation takes longer than a small training step.
        """
        values = {name: getattr(self, name) for name in self._parameter_names}
        last = vars(self).get("_last_parameters")
        if last is not None and last.parameters is not None and last.has(values):
            return last.parameters, {}
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        parameters = self._parameters_of(values)
        self._last_parameters = LastParameters(values, parameters)
        return parameters, {} if last is None else last.changes(values)

    def _has_weights(self) -> bool:
        """Whether there are weights to continue from."""
        return "_network" in vars(self) or "_preset_layers" in vars(self)

    def _forget(self) -> None:
        """Remove the state of earlier calls."""
        self._remove(FORGOTTEN)
        self.metric_history_ = MetricHistory()

    def _remove(self, names: Iterable[str]) -> None:
        """Remove the attributes that are defined."""
        for name in names:
            self.__dict__.pop(name, None)

    def _shape_of(self, data: Dataset) -> DataShape:
        """The properties of the data that the network depends on."""
        names: Any = getattr(self, "feature_names_in_", None)
        encoding: Encoding | None = vars(self).get("_encoding")
        columns = None if encoding is None else encoding.columns
        if columns is not None:
            names = [column.name for column in columns]
        n_features, n_outputs = data.X.shape[1], self._targets.n_network_outputs(data.y)
        name, dtype = type(self).__name__, data.X.dtype.name
        return DataShape(name, n_features, n_outputs, dtype, self._targets, names, columns, data)

    def _continued_network(
        self, parameters: Parameters, changes: dict[str, Any], data: Dataset, incremental: bool
    ) -> FittedNetwork:
        """The fitted network with the changed parameters."""
        shape = self._shape_of(data)
        if "_network" in vars(self):
            network = self._network
        else:
            network = initialized(parameters, shape, np.random.RandomState(0))
            network = network.with_layers(*self._preset_layers)
        return continued(network, parameters, changes, shape, incremental)

    def _starting_progress(self, recipe: Recipe, incremental: bool) -> Progress:
        """The progress that training continues from."""
        progress: Progress | None = vars(self).get("_progress")
        if progress is None:
            return Progress(learning_rate=recipe.learning_rate_init)
        continues = incremental and "_optimizer" in vars(self)
        if not continues and recipe.solver.has_steps:  # fitted weights with a new optimizer
            return replace(progress, learning_rate=recipe.learning_rate_init, step=0)
        return progress

    def _keep_optimizer(self, parameters: Parameters, result: FitResult) -> None:
        """Keep the optimizer for the next `partial_fit`, as scikit-learn does."""
        if result.has_steps:
            self._optimizer = parameters.optimizer
        elif "_progress" not in vars(self):  # L-BFGS in a first fit
            self.__dict__.pop("_optimizer", None)
        else:  # keep the optimizer state for the next `partial_fit`
            result.network.keep_optimizer_state(self._network.optimizer_state)

    def _initialize(self, n_features: int, n_outputs: int) -> None:
        """Initialize a new network without training, and set the fitted attributes."""
        parameters, _ = self._resolved_parameters()
        if parameters.encoder is not None:
            raise ValueError(
                "initialize requires encoder=None, since an encoder learns its columns from rows."
                " Call partial_fit instead: its first rows fit the encoder."
            )
        self._remove(OF_HELD_OUT_ROWS)
        self._forget()
        self._set_encoding(None)
        self.n_features_in_ = n_features
        name, dtype = type(self).__name__, parameters.dtype or "float32"
        names = getattr(self, "feature_names_in_", None)
        shape = DataShape(name, n_features, n_outputs, dtype, self._targets, names)
        network = initialized(parameters, shape, check_random_state(parameters.random_state))
        progress = Progress(recipe_of(parameters, network.solver).learning_rate_init)
        result = FitResult(network, progress, [], NoMonitor(), has_steps=True)
        self._keep_optimizer(parameters, result)
        self._commit(result)

    def _attributes_of(self, parameters: Parameters, result: FitResult) -> dict[str, Any]:
        """The attributes of the estimator if the fit ended with this result."""
        estimator = object.__new__(type(self))
        attributes = {n: value for n, value in vars(self).items() if n not in CALLBACK_ATTRIBUTES}
        object.__setattr__(estimator, "__dict__", attributes)
        estimator._keep_optimizer(parameters, result)
        estimator._commit(result)
        return attributes

    def _is_stochastic(self) -> bool:
        """Return True, or raise the AttributeError of scikit-learn for `partial_fit`."""
        if not has_steps(self._present_parameters()):
            reason = f"{self.solver} is not stochastic."
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {reason}"
            )
        return True
