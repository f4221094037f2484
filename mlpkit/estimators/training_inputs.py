"""The inputs of a fit, assembled from parameters, rows and what an estimator knows already."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import get_config

from mlpkit.data.row_sources import StoredTable
from mlpkit.data.targets import Targets
from mlpkit.distributed.groups import group_of, shared_random_state
from mlpkit.estimators.calibration_rows import OF_HELD_OUT_ROWS
from mlpkit.estimators.call import Call
from mlpkit.estimators.changes import LastParameters
from mlpkit.estimators.checked_checkpoint import check_groups, checked_checkpoint
from mlpkit.estimators.fit_monitor import EarlierCalls, MeasuredRows, measures, monitor_of
from mlpkit.estimators.fitted import FittedMLP
from mlpkit.estimators.network_initialization import DataShape, continued, initialized
from mlpkit.estimators.table_validation import validated_table_rows
from mlpkit.estimators.validation import validated_rows, validated_set
from mlpkit.monitoring.history import MetricHistory
from mlpkit.monitoring.protocol import Monitor, NoMonitor
from mlpkit.plugin import Array, Dataset, Progress, Recipe
from mlpkit.training.fit_records import FitInputs, FitResult
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.parameters import Parameters
from mlpkit.training.tasks import Tasks
from mlpkit.training.time_limit import TimeLimit

if TYPE_CHECKING:
    from mlpkit.estimators.encoding import Encoding

# attributes of earlier calls that a new network does not keep
FORGOTTEN = ("_progress", "_losses", "_stream", "validation_scores_", "loss_")


class TrainingInputs(FittedMLP):
    """The part of an estimator that prepares a fit; subclasses define the targets."""

    _y_numeric: bool
    _encoding: "Encoding"  # with an encoder
    _optimizer: dict[str, Any]  # of the last call with a solver that works in steps
    _last_parameters: LastParameters

    @abstractmethod
    def _fitted_targets(self, y: Any, w: Array | None, incremental: bool) -> tuple[Targets, Array]:
        """Return the encoder of the targets, a new or the fitted one, and encoded y.

        ``w`` are the weights of the rows, or None. Raises ValueError if the fitted encoder does not
        support y.
        """

    def _class_weighted(self, y: Any, w: Array | None, incremental: bool) -> Array | None:
        """The sample weights multiplied by class weights."""
        return w

    def _parameters_for(self, parameters: Parameters, call: Call) -> Parameters:
        """The parameters of a call; a subclass may choose values that depend on it."""
        return parameters

    def _uses_held_out(self, parameters: Parameters) -> bool:
        """Whether a fit needs the predictions of the rows that training is scored by."""
        return parameters.n_folds is not None

    def _fit_inputs(
        self, rows: Dataset, sets: Mapping[str, Dataset], tasks: Tasks, incremental: bool
    ) -> tuple[FittedNetwork, Parameters, FitInputs]:
        """The network that training begins with, the parameters of the call, and its inputs.

        Sets the attributes that depend on the rows alone, and removes those of earlier calls.
        """
        parameters, changes = self._resolved_parameters()
        time_limit = TimeLimit(parameters.time_limit)
        self._remove(OF_HELD_OUT_ROWS)
        fresh = not self._has_weights() or not (parameters.warm_start or incremental)
        valid, data = self._training_rows(parameters, rows, fresh, incremental)
        parameters = self._call_parameters(parameters, len(data.y), sets, fresh, incremental)
        encoded = self._validated_sets(parameters, sets)
        checkpoint = checked_checkpoint(self, parameters, data, encoded, fresh)
        random_state = shared_random_state(group_of(data.X), parameters.random_state)
        rng = checkpoint.generator(random_state)
        if fresh:
            self._forget()
            network = initialized(parameters, self._shape_of(data), rng)
        else:
            network = self._continued_network(parameters, changes, data, incremental)
        self._targets.check_loss(network.spec.loss)
        selection = network.selection(parameters)

        monitor: Monitor = NoMonitor()
        if measures(parameters, network, sets):
            measured = self._measured_rows(rows, valid, data, sets, encoded)
            earlier = EarlierCalls(len(vars(self).get("_losses", ())), vars(self).get("_stream"))
            monitor = monitor_of(
                parameters, changes, network, self._targets, measured, earlier, incremental
            )
        check_groups(checkpoint, monitor)
        inputs = FitInputs(
            rows=valid,
            data=data,
            targets=self._targets,
            selection=selection,
            rng=rng,
            progress=self._starting_progress(selection.recipe, incremental),
            monitor=monitor,
            tasks=tasks,
            validation=encoded.get("validation"),
            passes=int(incremental),
            predicts_held_out=self._uses_held_out(parameters),
            checkpoint=checkpoint,
            time_limit=time_limit,
            attributes_of=partial(self._attributes_of, parameters),
        )
        return network, parameters, inputs

    def _resolved_parameters(self) -> tuple[Parameters, dict[str, Any]]:
        """Return the parameters, and the old values of those that changed since the last call.

        The parameters are validated as in scikit-learn, unless they are the same objects as in
        the last call, because validation takes longer than a small training step.
        """
        last: LastParameters | None = vars(self).get("_last_parameters")
        if last is not None and last.parameters is not None and last.are_those_of(self):
            return last.parameters, {}
        values = self._parameter_values()
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        parameters = self._parameters_of(values)
        self._last_parameters = LastParameters(values, parameters)
        return parameters, {} if last is None else last.changes(values)

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
        self._targets, y = self._fitted_targets(valid.y, valid.sample_weight, incremental)
        weighted = self._class_weighted(valid.y, valid.sample_weight, incremental)
        data = Dataset(valid.X, y, weighted)
        if not is_table:
            self._set_encoding(None)
            return valid, data
        if encoding is not None:
            X = encoding.rows(valid.X, parameters.dtype)
        else:
            encoding, X = self._new_encoding(parameters, valid, data, incremental)
            self._set_encoding(encoding)
        return valid, data._replace(X=X)

    def _new_encoding(
        self, parameters: Parameters, valid: Dataset, data: Dataset, incremental: bool
    ) -> "tuple[Encoding, Array]":
        """A fitted encoder and the encoded rows."""
        if isinstance(valid.X, StoredTable):
            from mlpkit.estimators.stored_encoding import encoding_of_files

            return encoding_of_files(parameters, valid, data)
        from mlpkit.estimators.encoder_fitting import fitted_encoding

        return fitted_encoding(parameters, valid, data, incremental)

    def _set_encoding(self, encoding: "Encoding | None") -> None:
        """Set the fitted encoder, or remove that of an earlier call."""
        if encoding is not None:
            self._encoding, self.encoder_ = encoding, encoding.encoder
        elif "_encoding" in vars(self):
            del self._encoding, self.encoder_

    def _call_parameters(
        self,
        parameters: Parameters,
        n_rows: int,
        sets: Mapping[str, Dataset],
        fresh: bool,
        incremental: bool,
    ) -> Parameters:
        """The parameters of a call, checked, with the optimizer that `partial_fit` continues."""
        spec = None if fresh or "_network" not in vars(self) else self._network.spec
        call = Call(n_rows, incremental, "validation" in sets, spec)
        parameters = self._parameters_for(parameters, call)
        call.check(parameters)
        if call.incremental and "_optimizer" in vars(self):
            parameters = parameters.with_optimizer(self._optimizer)
        return parameters

    def _validated_sets(
        self, parameters: Parameters, sets: Mapping[str, Dataset]
    ) -> dict[str, Dataset]:
        """The evaluation sets with encoded rows and targets."""
        kinds = {name: "validation" if name == "validation" else "eval_sets" for name in sets}
        return {
            name: validated_set(self, name, rows, parameters.dtype, self._targets, kinds[name])
            for name, rows in sets.items()
        }

    def _measured_rows(
        self,
        rows: Dataset,
        valid: Dataset,
        data: Dataset,
        sets: Mapping[str, Dataset],
        encoded: Mapping[str, Dataset],
    ) -> MeasuredRows:
        """The rows of a call on which the metrics are computed."""
        train = Dataset(data.X, data.y, valid.sample_weight)
        both = {name: (sets[name], encoded[name]) for name in sets}
        return MeasuredRows(rows, train, both, "_encoding" in vars(self))

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
        names, columns = vars(self).get("feature_names_in_"), None
        encoding: Encoding | None = vars(self).get("_encoding")
        if encoding is not None:
            columns = encoding.columns
            names = [column.name for column in columns]
        X, targets = data.X, self._targets
        n_outputs = targets.n_network_outputs(data.y)
        name = type(self).__name__
        return DataShape(name, X.shape[1], n_outputs, X.dtype, targets, names, columns, data)

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
            return progress._replace(learning_rate=recipe.learning_rate_init, step=0)
        return progress

    @abstractmethod
    def _attributes_of(self, parameters: Parameters, result: FitResult) -> dict[str, Any]:
        """The attributes of the estimator if the fit ended with this result."""
