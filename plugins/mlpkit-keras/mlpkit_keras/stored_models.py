"""Keras models in files of estimators: as a member in Keras's own format.

A file contains the model as ``.keras``, which Keras can load. Loading an estimator reads only the
config of the model from it, after a check that it consists of layers of Keras without code; the
weights are those of the estimator.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from mlpkit.plugin import Arrays, OutActivation, Spec, StoredObject
from mlpkit_keras.architectures import ConfigArchitecture
from mlpkit_keras.conversion import TrainedModelBuilder, assign
from mlpkit_keras.networks import KerasApply, variables_of
from mlpkit_keras.output_activations import Removal
from mlpkit_keras.runtime import COMPUTE_BACKENDS, active_keras, keras_for, keras_scope
from mlpkit_keras.stored_configs import checked_config, config_in

SUFFIX = "keras"


def adapt(kind: str, obj: Any, **context: Any) -> Any:
    """Store a forward pass or a builder, or restore it; None for other objects."""
    if kind == "restored":
        return restored(obj, context["arrays"])
    if kind == "stored" and isinstance(obj, KerasApply):
        return _stored_apply(obj, context["arrays"], context["spec"])
    if kind == "stored" and isinstance(obj, TrainedModelBuilder):
        return _stored_builder(obj)
    return None


def _stored_apply(apply: KerasApply, arrays: Arrays, spec: Spec) -> StoredObject | None:
    """The model with the weights of the estimator; None if it is not made of layers of Keras."""
    if not isinstance(apply.architecture, ConfigArchitecture):
        return None
    _keras_of(spec.backend)
    with keras_scope(apply.dtype):
        model = apply.architecture.model()
        assign(model, arrays)
        data = _bytes_of(model)
    if not _is_accepted(data, arrays):
        return None
    settings = {"removal": apply.removal, "activation": apply.activation, "dtype": apply.dtype}
    return StoredObject(SUFFIX, data, {"object": "apply", **settings, "backend": spec.backend})


def _stored_builder(builder: TrainedModelBuilder) -> StoredObject | None:
    with keras_scope(builder.dtype):
        model = builder.architecture.model()
        for variable, value in zip(model.variables, builder.weights, strict=True):
            variable.assign(value)
        data = _bytes_of(model)
    weights = {str(i): weight for i, weight in enumerate(builder.weights)}
    if not _is_accepted(data, weights):
        return None
    settings = {"object": "builder", "name": builder.__qualname__, "weights": weights}
    return StoredObject(SUFFIX, data, settings)


def _is_accepted(data: bytes, arrays: Arrays) -> bool:
    """Whether loading accepts the config of a model."""
    try:
        checked_config(config_in(data), arrays)
    except ValueError:
        return False
    return True


def _keras_of(backend: str) -> Any:
    """Keras, which may run on another backend already."""
    return active_keras() if "keras" in sys.modules else keras_for(backend)


def _bytes_of(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def restored(stored: StoredObject, arrays: Arrays | None) -> KerasApply | TrainedModelBuilder:
    """Return the object of a file; raise ValueError if it is invalid. No code is executed."""
    match stored.settings:
        case {
            "object": "apply",
            "removal": str(removal),
            "activation": str(activation),
            "dtype": "float32" | "float64" as dtype,
            "backend": str(backend),
        } if removal in get_args(Removal) and activation in get_args(OutActivation):
            if arrays is not None and backend.rpartition("/")[2] in (*COMPUTE_BACKENDS, "keras"):
                config, sequential = checked_config(config_in(stored.data), arrays)
                architecture = ConfigArchitecture.of(config, sequential)
                made = KerasApply(architecture, removal, activation, dtype)  # type: ignore[arg-type]
                _keras_of(backend)
                _check_shapes(lambda: variables_of(made.model), arrays, dtype)
                return made
        case {"object": "builder", "name": str(name), "weights": dict(weights)}:
            values = list(weights.values())
            if all(isinstance(w, np.ndarray) and w.dtype.kind in "biuf" for w in values):
                config, sequential = checked_config(config_in(stored.data), weights)
                architecture = ConfigArchitecture.of(config, sequential)
                builder = TrainedModelBuilder.of(architecture, values, name)
                variables = lambda: dict(zip(weights, architecture.model().variables, strict=True))
                _check_shapes(variables, weights, builder.dtype)
                return builder
    raise ValueError("its Keras model has invalid settings")


def _check_shapes(
    variables_of_model: Callable[[], Mapping[str, Any]], arrays: Arrays, dtype: str
) -> None:
    """Build the model, and raise ValueError unless its variables have the shapes of the arrays."""
    try:
        with keras_scope(dtype):
            variables = variables_of_model()
    except Exception as error:
        line = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"its Keras model cannot be built: {type(error).__name__}: {line}"
        ) from error
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    if shapes != {name: array.shape for name, array in arrays.items()}:
        raise ValueError("its Keras model has other variables than the stored weights")
