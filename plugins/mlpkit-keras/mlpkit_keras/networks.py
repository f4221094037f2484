"""Keras models as networks: arrays by name, and a pure function of them."""

from collections.abc import Callable, Mapping
from typing import Any

from mlpkit.plugin import PENALTY, Arrays, Network, OutActivation, Spec
from mlpkit_keras import model_checks, output_activations
from mlpkit_keras.architectures import Architecture, BuilderArchitecture, architecture_of
from mlpkit_keras.losses import loss_of
from mlpkit_keras.metrics import compiled_metrics
from mlpkit_keras.optimizers import solver_of
from mlpkit_keras.output_activations import Removal
from mlpkit_keras.padding import exclude_padding, rows_counted
from mlpkit_keras.runtime import active_keras, keras_for, keras_scope, to_numpy

SEED_VARIABLE = "seed_generator_state"


class KerasApply:
    """The forward pass of a Keras model. Equal objects share compiled code.

    The states of seed generators are not among the arrays: each call sets them from its ``seed``.
    """

    def __init__(
        self, architecture: Architecture, removal: Removal, activation: OutActivation, dtype: str
    ) -> None:
        self.architecture, self.removal = architecture, removal
        self.activation, self.dtype = activation, dtype
        self.key = (architecture.key, removal, activation, dtype)
        self._model: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KerasApply) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_model": None}

    @property
    def model(self) -> Any:
        """The model without its last activation function. Its own weights are not used."""
        if self._model is None:
            with keras_scope(self.dtype):
                model = self.architecture.model()
                if self.removal == "strip":
                    model = output_activations.without_activation(model)
                self._model = exclude_padding(model)
        return self._model

    def __call__(self, arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
        """Compute outputs before activation, (n, n_outputs), and the arrays that change."""
        package = type(x).__module__.partition(".")[0]
        keras = keras_for({"jaxlib": "jax"}.get(package, package))  # x must belong to its backend
        model = self.model
        variables = variables_of(model)
        mapping = [(variable, arrays[name]) for name, variable in variables.items()]
        for i, variable in enumerate(seed_variables(model)):
            pair = [keras.ops.cast(seed, variable.dtype), keras.ops.cast(i, variable.dtype)]
            mapping.append((variable, keras.ops.stack(pair)))
        with (
            rows_counted(w if train else None),
            keras.StatelessScope(mapping, collect_losses=train) as scope,
        ):
            p = model(x, training=train)
            penalties = model.losses if train else []
        changed = {
            name: scope.get_current_value(v) for name, v in variables.items() if not v.trainable
        }
        if penalties:
            changed[PENALTY] = keras.ops.cast(sum(penalties), x.dtype)
        if self.removal == "invert":
            p = output_activations.inverse(self.activation)(p)
        return keras.ops.cast(p, x.dtype), changed


def seed_variables(model: Any) -> list[Any]:
    """The states of the seed generators of a model, in the order of its layers."""
    return [v for v in model.variables if v.name == SEED_VARIABLE]


def variables_of(model: Any) -> dict[str, Any]:
    """The variables of a model by the names of the network's arrays."""
    variables = [v for v in model.variables if v.name != SEED_VARIABLE]
    metrics = {id(v) for v in getattr(model, "metrics_variables", [])}
    variables = [v for v in variables if id(v) not in metrics]
    return {f"{i}.{v.name}": v for i, v in enumerate(variables)}


def arrays_of(model: Any, name: str) -> Arrays:
    """The weights of a builder's model as NumPy arrays."""
    keras = active_keras()
    arrays: Arrays = {}
    for key, variable in variables_of(model).items():
        array = to_numpy(variable)
        if array.dtype.name != keras.backend.standardize_dtype(variable.dtype):
            raise ValueError(
                f"builder {name}: weight {key!r} has dtype {variable.dtype}, but JAX created it"
                f" with {array.dtype}, since it supports float64 only with jax_enable_x64. Set"
                " dtype='float32' on the estimator, or leave dtype= out of your layers."
            )
        arrays[key] = array
    return arrays


def network_of(
    model: Any, spec: Spec, builder: Callable[..., Any], options: Mapping[str, Any]
) -> Network:
    """The network of a model that a builder returned. Error messages name the builder."""
    keras = keras_for(spec.backend)
    name = str(getattr(builder, "__qualname__", repr(builder)))
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"builder {name} returned {type(model).__name__}; expected a keras.Model that maps"
            f" (n, {spec.n_features}) to (n, {spec.n_outputs})."
        )
    keras_trains = spec.backend.rpartition("/")[2] == "keras"
    model_checks.check_training(model, spec, name, keras_trains)
    with keras_scope(spec.dtype):
        model_checks.check_input(model, spec, name)
        model_checks.build(model, spec, name)
        model_checks.check_output(model, spec, name)
        removal = output_activations.removal_of(model, spec, name)
        architecture = (
            BuilderArchitecture(builder, options, spec)
            if keras_trains
            else architecture_of(model, builder, options, spec)
        )
        arrays = arrays_of(model, name)
    variables = variables_of(model)
    trained = [key for key, v in variables.items() if v.trainable]
    dtype = arrays[trained[0]].dtype.name if trained else spec.dtype
    loss = solver = None
    if model.compiled and not keras_trains:
        loss = loss_of(model.loss, spec, f"builder {name}")
        solver = solver_of(model.optimizer)
    metrics = compiled_metrics(model, spec, name) if model.compiled else ()
    regularized = any(getattr(v, "regularizer", None) is not None for v in variables.values())
    kernels = [key for key in trained if key.endswith(".kernel")]
    return Network(
        arrays,
        KerasApply(architecture, removal, spec.loss.out_activation, dtype),
        # a model with its own regularization or loss gets no L2 penalty in addition
        frozenset() if regularized or model.compiled else frozenset(kernels),
        frozenset(variables.keys() - set(trained)),
        loss,
        solver,
        metrics,
    )
