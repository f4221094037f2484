"""Architectures: what is kept and pickled in place of a model, and builds it again."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from mlpkit.plugin import Spec
from mlpkit_keras.runtime import active_keras, default_seeds, keras_scope

HISTORY_KEYS = ("keras_history", "input_layers", "output_layers")  # they contain layer names


class ConfigArchitecture:
    """The architecture of a Sequential or functional model: its config and its custom classes."""

    def __init__(self, model: Any) -> None:
        self.sequential = isinstance(model, active_keras().Sequential)
        self.config = model.get_config()
        layers = model._flatten_layers(include_self=False)
        self.custom = {
            type(layer).__name__: type(layer) for layer in layers if not _is_keras(type(layer))
        }
        custom = sorted(f"{c.__module__}.{c.__qualname__}" for c in self.custom.values())
        self.key = json.dumps([canonical(self.config), custom], sort_keys=True, default=repr)

    @classmethod
    def of(cls, config: Mapping[str, Any], sequential: bool) -> "ConfigArchitecture":
        """The architecture of a config without custom classes."""
        architecture = cls.__new__(cls)
        architecture.sequential, architecture.config = sequential, dict(config)
        architecture.custom = {}
        architecture.key = json.dumps([canonical(config), []], sort_keys=True, default=repr)
        return architecture

    def model(self) -> Any:
        """Build a new model of this architecture."""
        keras = active_keras()
        cls = keras.Sequential if self.sequential else keras.Model
        with keras.utils.CustomObjectScope(self.custom), default_seeds():
            return cls.from_config(deepcopy(self.config))  # Keras changes the config


class BuilderArchitecture:
    """The architecture of any other model: its builder, the options and the spec."""

    def __init__(self, builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec) -> None:
        self.builder, self.options, self.spec = builder, dict(options), spec
        unseeded = replace(spec, seed=0)
        self.key = repr((getattr(builder, "__module__", ""), builder, self.options, unseeded))

    def model(self) -> Any:
        """Call the builder again."""
        with default_seeds(self.spec.seed):
            model = self.builder(self.spec, **self.options)
            return built(model, self.spec.n_features)


Architecture = ConfigArchitecture | BuilderArchitecture


def _is_keras(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "keras"


def architecture_of(
    model: Any, builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec
) -> Architecture:
    """The architecture of a builder's model."""
    keras = active_keras()
    configurable = type(model) is keras.Sequential or (
        type(model).__name__ == "Functional" and _is_keras(type(model))
    )
    nested = [layer for layer in model._flatten_layers(include_self=False) if hasattr(layer, "fit")]
    if configurable and all(_is_keras(type(layer)) for layer in nested):
        return ConfigArchitecture(model)
    return BuilderArchitecture(builder, options, spec)


def built(model: Any, n_features: int) -> Any:
    """The model, with its weights created for rows of `n_features` columns."""
    if not model.built:
        with keras_scope("float32"):
            model(active_keras().ops.zeros((1, n_features)), training=False)
    return model


def canonical(config: Any) -> Any:
    """A config without names and seeds, which do not change the computation.

    Examples
    --------
    >>> canonical({"name": "dense_7", "config": {"name": "dense_7", "seed": 3, "units": 2}})
    {'name': '#0', 'config': {'name': '#0', 'seed': None, 'units': 2}}
    """
    numbers: dict[str, str] = {}

    def renamed(name: Any) -> Any:
        return numbers.setdefault(name, f"#{len(numbers)}") if isinstance(name, str) else name

    def walk(value: Any, key: str = "") -> Any:
        if key in HISTORY_KEYS and isinstance(value, (list, tuple)):
            return [walk(v, key) for v in value]
        if key in HISTORY_KEYS or key == "name":
            return renamed(value)
        if key == "seed":
            return None
        if isinstance(value, dict):
            return {k: walk(v, k) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(v) for v in value]
        return value

    return walk(config)
