"""A Keras model as a `Network`: arrays by name, and a pure function over them."""

from collections.abc import Callable, Mapping
from typing import Any

from mlpkit.plugin import PENALTY, Arrays, Network, OutActivation, Spec
from mlpkit_keras import checks, heads
from mlpkit_keras.losses import loss_of
from mlpkit_keras.metrics import compiled_metrics
from mlpkit_keras.optimizers import solver_of
from mlpkit_keras.padding import counting, guarded
from mlpkit_keras.runtime import active_keras, building, keras_for, to_numpy
from mlpkit_keras.sources import Called, Source, source_of

SEED_STATE = "seed_generator_state"


class KerasApply:
    """`Apply` over a Keras model of this source; equal ones share compiled code.

    Seed generators are no arrays: each call sets them from its ``seed``.
    """

    def __init__(self, source: Source, head: str, activation: OutActivation, dtype: str) -> None:
        self.source, self.head, self.activation, self.dtype = source, head, activation, dtype
        self.key = (source.key, head, activation, dtype)
        self._model: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KerasApply) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_model": None}

    @property
    def model(self) -> Any:
        """The model without its last activation; its own weights mean nothing."""
        if self._model is None:
            with building(self.dtype):
                model = self.source.model()
                self._model = guarded(heads.stripped(model) if self.head == "strip" else model)
        return self._model

    def __call__(self, arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
        """Outputs before activation, (n, n_outputs); statistics and penalties."""
        # the name of x's package: no other Keras could make anything of it
        keras = keras_for({"jaxlib": "jax"}.get(top := type(x).__module__.partition(".")[0], top))
        model = self.model
        names = named(model)
        mapping = [(variable, arrays[name]) for name, variable in names.items()]
        for i, variable in enumerate(seed_states(model)):
            pair = [keras.ops.cast(seed, variable.dtype), keras.ops.cast(i, variable.dtype)]
            mapping.append((variable, keras.ops.stack(pair)))
        with (
            counting(w if train else None),
            keras.StatelessScope(mapping, collect_losses=train) as scope,
        ):
            p = model(x, training=train)
            penalties = model.losses if train else []
        after = {name: scope.get_current_value(v) for name, v in names.items() if not v.trainable}
        if penalties:
            after[PENALTY] = keras.ops.cast(sum(penalties), x.dtype)
        if self.head == "invert":
            p = heads.inverse(self.activation)(p)
        return keras.ops.cast(p, x.dtype), after


def seed_states(model: Any) -> list[Any]:
    """The variables of the seed generators, in the order of the layers."""
    return [v for v in model.variables if v.name == SEED_STATE]


def named(model: Any) -> dict[str, Any]:
    """The variables that a network's arrays stand for."""
    variables = [v for v in model.variables if v.name != SEED_STATE]
    metrics = {id(v) for v in getattr(model, "metrics_variables", [])}
    variables = [v for v in variables if id(v) not in metrics]
    return {f"{i}.{v.name}": v for i, v in enumerate(variables)}


def values(model: Any, name: str) -> Arrays:
    """The weights as NumPy arrays."""
    keras, found = active_keras(), {}
    for key, variable in named(model).items():
        array = to_numpy(variable)
        if array.dtype.name != keras.backend.standardize_dtype(variable.dtype):
            raise ValueError(
                f"builder {name}: weight {key!r} was asked for in {variable.dtype}, and JAX made"
                f" it in {array.dtype}: it makes float64 only with jax_enable_x64. Set"
                " dtype='float32' on the estimator, or leave dtype= out of your layers."
            )
        found[key] = array
    return found


def network_of(
    model: Any, spec: Spec, builder: Callable[..., Any], options: Mapping[str, Any]
) -> Network:
    """The network of a model that a builder returned. Errors name the builder."""
    keras = keras_for(spec.backend)
    name = str(getattr(builder, "__qualname__", repr(builder)))
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"builder {name} returned {type(model).__name__}; expected a keras.Model that maps"
            f" (n, {spec.n_features}) to (n, {spec.n_outputs})."
        )
    by_itself = spec.backend.rpartition("/")[2] == "keras"
    checks.check_training(model, spec, name, by_itself)
    with building(spec.dtype):
        checks.check_input(model, spec, name)
        checks.make(model, spec, name)
        checks.check_output(model, spec, name)
        head = heads.head_of(model, spec, name)
        source = (
            Called(builder, options, spec)
            if by_itself
            else source_of(model, builder, options, spec)
        )
        arrays = values(model, name)
    variables = named(model)
    trained = [key for key, v in variables.items() if v.trainable]
    dtype = arrays[trained[0]].dtype.name if trained else spec.dtype
    loss = solver = None
    if model.compiled and not by_itself:
        loss = loss_of(model.loss, spec, f"builder {name}")
        solver = solver_of(model.optimizer)
    metrics = compiled_metrics(model, spec, name) if model.compiled else ()
    regularised = any(getattr(v, "regularizer", None) is not None for v in variables.values())
    kernels = [k for k in trained if k.endswith(".kernel")]
    return Network(
        arrays,
        KerasApply(source, head, spec.loss.out_activation, dtype),
        # a model that says how it is to be penalised is taken at its word
        frozenset() if regularised or model.compiled else frozenset(kernels),
        frozenset(variables.keys() - set(trained)),
        loss,
        solver,
        metrics,
    )
