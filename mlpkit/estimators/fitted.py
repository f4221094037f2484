"""The fitted state of an estimator: predictions, attributes, exports and pickles."""

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from mlpkit.data.row_sources import RowSource
from mlpkit.estimators.atomic import snapshot
from mlpkit.estimators.build_method import BuildMethod
from mlpkit.estimators.constraints import CONSTRAINTS
from mlpkit.estimators.html import HTMLDescriptions
from mlpkit.estimators.loss_curve import LossCurve
from mlpkit.estimators.network_initialization import activation_of
from mlpkit.estimators.passes_over_parts import outputs_of_parts
from mlpkit.estimators.routing import RoutedOptions, parameter_defaults, parameter_names
from mlpkit.estimators.validation import validated_X
from mlpkit.monitoring.history import MetricHistory
from mlpkit.monitoring.protocol import NoMonitor
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Array, PluginError, Progress
from mlpkit.registry.lookup import installed, resolve
from mlpkit.training.components import backend_of
from mlpkit.training.fit_records import FitResult
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.parameters import Parameters
from mlpkit.training.recipe import recipe_of
from mlpkit.training.support import check_network

EXPORT = "to_"  # the prefix of the methods that exporters add


class FittedMLP(RoutedOptions, HTMLDescriptions, BaseEstimator):
    """The fitted state of an estimator, which `_commit` sets and all other methods read.

    The base classes extend methods of scikit-learn's protocols and have no state.
    """

    _parameter_constraints = CONSTRAINTS
    _parameter_names: list[str]
    # values of parameters that a subclass does not have; if a subclass defines it, the parameters
    # of its bases that are not its own get their defaults
    _fixed_parameters: Mapping[str, Any] = {}
    _sklearn_class: str  # the name of the class of scikit-learn, not inherited by subclasses
    _network: FittedNetwork
    _preset_layers: DenseLayers  # weights that were set before the first fit
    _targets: Any
    _progress: Progress
    _losses: LossCurve
    _training: dict[str, Any]  # the report of the last call, for files

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names = parameter_names(cls)  # computed once, since every call needs them
        if "_fixed_parameters" in vars(cls):
            defaults = parameter_defaults(cls)
            own = set(cls._get_param_names())
            fixed = {name: defaults[name] for name in names if name not in own}
            cls._fixed_parameters = {**fixed, **cls._fixed_parameters}
        cls._parameter_names = [name for name in names if name not in cls._fixed_parameters]

    def _store(self, arguments: dict[str, Any]) -> None:
        """Store the arguments of ``__init__`` without changes."""
        for name, value in arguments.items():
            if name in self._parameter_names:
                setattr(self, name, value)

    def _is_set(self, name: str) -> bool:
        """Whether a parameter differs from its default, which a subclass may choose."""
        return bool(getattr(self, name) != parameter_defaults(type(self)).get(name))

    def _parameters_of(self, values: dict[str, Any]) -> Parameters:
        """The parameters with these values; a method `build` is the default builder."""
        parameters = Parameters.of({**self._fixed_parameters, **values})
        if parameters.builder is None and hasattr(self, "build"):
            builder = BuildMethod(type(self), self.get_params(deep=False))
            return replace(parameters, builder=builder)
        return parameters

    def _present_parameters(self) -> Parameters:
        """The parameters with their present values, without validation."""
        return self._parameters_of(self._parameter_values())

    def _parameter_values(self) -> dict[str, Any]:
        """The present values of the parameters by name."""
        names = self._parameter_names
        return dict(zip(names, map(getattr, repeat(self), names), strict=True))

    def _commit(self, result: FitResult) -> None:
        """Set the fitted attributes."""
        network, progress, reports, monitor, solver_has_steps = result[:5]
        self.__dict__.pop("_preset_layers", None)
        self._network, self._progress = network, progress
        self.n_iter_, self.t_ = progress.epoch, progress.samples
        self.n_layers_, self.n_outputs_ = len(network.spec.layer_units), network.spec.n_outputs
        self.out_activation_ = network.spec.loss.out_activation
        losses = vars(self).get("_losses", LossCurve())
        self._losses = losses.extended(report.loss for report in reports)
        if "metric_history_" not in vars(self):
            self.metric_history_ = MetricHistory()
        if reports and not isinstance(monitor, NoMonitor):
            self.metric_history_ = self.metric_history_ + monitor.history(len(reports))
            self._stream = monitor.stream
        else:
            self._stream = vars(self).get("_stream")
        self.loss_ = reports[-1].loss if reports else vars(self).get("loss_", np.nan)
        if not solver_has_steps:
            self.loss_ = progress.best_loss
        scores = [report.score for report in reports if report.score is not None]
        earlier = vars(self).get("validation_scores_")
        self.validation_scores_ = [*(earlier or []), *scores] if scores else None
        self.best_validation_score_ = progress.best_score if scores else None
        self.best_loss_ = None if scores else progress.best_loss
        self._training = {
            "epochs": len(reports),
            "seconds": sum(report.seconds for report in reports),
            "note": reports[-1].note if reports else None,
        }

    def _outputs(self, X: Any) -> Array:
        """Activated outputs, (n_samples, n_outputs); to be called on a snapshot."""
        if isinstance(X, RowSource):
            check_is_fitted(self)
            return outputs_of_parts(X, self._outputs)
        return self._outputs_of(validated_X(self, X))

    def _outputs_of(self, X: Any) -> Array:
        """Activated outputs of validated and encoded rows."""
        network = vars(self).get("_network")
        if network is None:
            layers = self._preset_layers
            activation = activation_of(self.activation, len(layers.coefs) - 1, type(self).__name__)
            return layers.outputs(X, activation, self.out_activation_)
        spec = network.spec
        if network.is_dense:
            n_hidden = len(spec.hidden_layer_sizes)
            name = type(self).__name__
            activation = activation_of(self.activation, n_hidden, name, spec.activation)
            return network.dense_outputs(X, activation, self.out_activation_)
        if network.is_portable:
            return network.portable_outputs(X, self.out_activation_)
        parameters = self._present_parameters()
        backend = backend_of(parameters)
        live = network.live_of(backend)
        if live is None:
            recipe = recipe_of(parameters, network.solver)
            check_network(parameters, network.structure, spec, recipe)
            live = network.started(backend, recipe)
        return network.live_outputs(X, live, self.out_activation_)

    def _layers(self, name: str) -> DenseLayers:
        """The dense layers; raises AttributeError for the attribute ``name`` if there are none."""
        state = vars(self)
        if "_network" in state and state["_network"].is_dense:
            return state["_network"].layers
        if "_network" not in state and "_preset_layers" in state:
            return state["_preset_layers"]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _set_layers(self, **layers: Any) -> None:
        """Set the weights or biases of the network, or of the layers for the first fit."""
        state = vars(self)
        if "_network" in state:
            self._network = state["_network"].with_layers(**layers)
        else:
            preset = state.get("_preset_layers", DenseLayers([], []))
            self._preset_layers = preset._replace(**layers)

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (fan_in, fan_out); training continues from changed values."""
        return self._layers("coefs_").coefs  # type: ignore[return-value]

    @coefs_.setter
    def coefs_(self, value: list[Array]) -> None:
        self._set_layers(coefs=value)

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer, (fan_out,)."""
        return self._layers("intercepts_").intercepts  # type: ignore[return-value]

    @intercepts_.setter
    def intercepts_(self, value: list[Array]) -> None:
        self._set_layers(intercepts=value)

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of each epoch."""
        try:
            return vars(self)["_losses"].values
        except KeyError:
            name = type(self).__name__
            raise AttributeError(f"{name!r} object has no attribute 'loss_curve_'") from None

    @loss_curve_.setter
    def loss_curve_(self, values: list[float]) -> None:
        self._losses = LossCurve(values)

    @property
    def _no_improvement_count(self) -> int:
        """Number of consecutive epochs without improvement, by scikit-learn's name."""
        return self._progress.no_improvement_count

    @_no_improvement_count.setter
    def _no_improvement_count(self, count: int) -> None:
        progress = vars(self).get("_progress", Progress(learning_rate=0.0))
        self._progress = progress._replace(no_improvement_count=count)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimator to a file, which contains no code.

        `mlpkit.load` returns the same estimator: it predicts the same numbers, and training
        continues from it as from this one. A file that exists is replaced, and stays as it is if
        writing fails.

        Parameters
        ----------
        path : str or path-like
            Where to write it.

        Raises
        ------
        TypeError
            If a parameter cannot be stored without code, such as a function, or if the class is not
            registered by the hook ``mlpkit_estimators``. The message names it.
        ValueError
            If a parameter is invalid.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import mlpkit
        >>> clf = mlpkit.MLPClassifier((5,), max_iter=3, tol=1.0, n_iter_no_change=1)
        >>> clf = clf.fit([[0.0], [1.0]], ["no", "yes"])
        >>> path = os.path.join(tempfile.mkdtemp(), "model.mlpkit")
        >>> clf.save(path)
        >>> mlpkit.load(path).classes_.tolist()
        ['no', 'yes']
        """
        from mlpkit.estimators.saving import save

        save(snapshot(self), path)

    def export(self, form: Any, *args: Any, **options: Any) -> Any:
        """Convert the fitted estimator to a form that a plugin offers.

        ``estimator.to_form(...)`` is the same as ``estimator.export("form", ...)``.

        Parameters
        ----------
        form : str or callable
            Name of the exporter, or a function of an `mlpkit.plugin.FittedModel`.
        *args
            Further arguments of the exporter.
        **options : dict
            Options of the exporter.

        Returns
        -------
        object
            What the exporter returns.

        Raises
        ------
        ValueError
            If the exporter does not support the estimator or an option.
        """
        from mlpkit.estimators.fitted_model import fitted_model

        check_is_fitted(self)
        make, options = resolve("exporter", form, options)
        estimator = snapshot(self)
        if "_network" not in vars(estimator):
            raise ValueError(
                "coefs_ and intercepts_ were set before the estimator was fitted. Call `initialize`"
                " first, and set them afterwards."
            )
        spec = estimator._network.spec
        n_hidden = len(spec.hidden_layer_sizes)
        activation = activation_of(self.activation, n_hidden, type(self).__name__, spec.activation)
        current = estimator._network.current(activation)
        model = fitted_model(current.network, current.spec, estimator._targets, vars(estimator))
        return make(model, *args, **options)

    def to_sklearn(self, *, predictions_only: bool = False) -> Any:
        """Convert the estimator to one of `sklearn.neural_network`.

        The result has the same parameters, and if this estimator is fitted, the same attributes
        and predictions. Training continues from it with the same numbers. Parameters that
        scikit-learn does not have and that change neither are left out: `backend`, `dtype`,
        `metrics`, `partitions`, `callbacks`, `checkpoint`, `time_limit` and their options. Without
        the `dtype`, the dtype of X decides, so pass X in the dtype of the weights.

        Parameters
        ----------
        predictions_only : bool, default=False
            Whether to accept parameters that only change the training, such as `dropout` or
            `class_weight`. The result has no optimizer state then, and scikit-learn's defaults in
            place of values that it does not support. The scale of `standardize_targets` and the
            temperature of calibrated probabilities become a part of the weights of the last layer,
            so predictions are equal to these up to rounding errors.

        Returns
        -------
        converted : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
            The estimator of scikit-learn, which shares no data with this one.

        Raises
        ------
        ValueError
            If scikit-learn does not support a parameter on which the predictions or the training
            depend.
        TypeError
            If the estimator is an instance of a subclass.

        See Also
        --------
        mlpkit.from_sklearn : The conversion in the other direction.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from mlpkit import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier((20,), learning_rate_init=0.01, tol=1e-3, random_state=0)
        >>> theirs = clf.fit(X, y).to_sklearn()
        >>> type(theirs).__module__.partition(".")[0]
        'sklearn'
        >>> bool((theirs.predict_proba(X) == clf.predict_proba(X)).all())
        True
        """
        from mlpkit.estimators.sklearn_export import as_sklearn

        cls = type(self)
        name = vars(cls).get("_sklearn_class")
        if name is None:
            raise TypeError(
                "to_sklearn supports the classes MLPClassifier and MLPRegressor of mlpkit, got"
                f" {cls.__module__}.{cls.__qualname__}. The methods of a subclass are not"
                " converted: fit an estimator of one of these classes."
            )
        return as_sklearn(snapshot(self), name, predictions_only)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(EXPORT):
            form = name.removeprefix(EXPORT)
            try:
                installed().find("exporter", form)
            except (ValueError, PluginError) as error:
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}: {error}"
                ) from error
            return partial(self.export, form)
        if not name.startswith("_"):
            method = installed().method("exporter", name)
            if method is not None:
                return partial(method, self)
        return super().__getattribute__(name)  # raises the same AttributeError again

    def __getstate__(self) -> Any:
        from mlpkit.estimators.pickled_state import pickled_state
        from mlpkit.pickling import check_picklable

        check_picklable(self)
        return pickled_state(self._parameter_names, dict(super().__getstate__()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        from mlpkit.estimators.fitted_state import with_requests
        from mlpkit.estimators.pickled_state import unpickled_state

        attributes, requests = unpickled_state(type(self), self._parameter_names, state)
        super().__setstate__(attributes)
        with_requests(self, requests)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inputs = tags.input_tags
        if self.encoder is None:
            inputs.sparse = True
        elif hasattr(self.encoder, "__sklearn_tags__"):
            accepted = get_tags(self.encoder).input_tags
            for name in ("sparse", "categorical", "string"):  # a scaler passes NaN on
                setattr(inputs, name, getattr(accepted, name))
        else:
            inputs.allow_nan = inputs.categorical = inputs.string = True
        return tags
