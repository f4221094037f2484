"""Where a model comes from: what is kept and pickled in its place, to make it again."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from mlpkit.plugin import Spec
from mlpkit_keras.runtime import active_keras, building, default_seeds

NAMED = ("keras_history", "input_layers", "output_layers")


class Recorded:
    """A Sequential or functional model: its config, and the classes that are not Keras's."""

    def __init__(self, model: Any) -> None:
        self.sequential = isinstance(model, active_keras().Sequential)
        self.config = model.get_config()
        layers = model._flatten_layers(include_self=False)
        self.custom = {
            type(layer).__name__: type(layer) for layer in layers if not _is_keras(type(layer))
        }
        custom = sorted(f"{c.__module__}.{c.__qualname__}" for c in self.custom.values())
        self.key = json.dumps([canonical(self.config), custom], sort_keys=True, default=repr)

    def model(self) -> Any:
        """A new model of this architecture."""
        keras = active_keras()
        cls = keras.Sequential if self.sequential else keras.Model
        with keras.utils.CustomObjectScope(self.custom), default_seeds():
            return cls.from_config(deepcopy(self.config))  # Keras empties what it is given


class Called:
    """Any other model: the builder that makes it, with its options and the spec."""

    def __init__(self, builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec) -> None:
        self.builder, self.options, self.spec = builder, dict(options), spec
        told = replace(spec, seed=0)
        self.key = repr((getattr(builder, "__module__", ""), builder, self.options, told))

    def model(self) -> Any:
        """The builder's model, once more."""
        with default_seeds(self.spec.seed):
            model = self.builder(self.spec, **self.options)
            return built(model, self.spec.n_features)


Source = Recorded | Called


def _is_keras(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "keras"


def source_of(
    model: Any, builder: Callable[..., Any], options: Mapping[str, Any], spec: Spec
) -> Source:
    """How to make this model again."""
    keras = active_keras()
    plain = type(model) is keras.Sequential or (
        type(model).__name__ == "Functional" and _is_keras(type(model))
    )
    nested = [layer for layer in model._flatten_layers(include_self=False) if hasattr(layer, "fit")]
    if plain and all(_is_keras(type(layer)) for layer in nested):
        return Recorded(model)
    return Called(builder, options, spec)


def built(model: Any, n_features: int) -> Any:
    """The model with its weights made, for rows of n_features."""
    if not model.built or (hasattr(model, "inputs") and not model.built):
        with building("float32"):
            model(active_keras().ops.zeros((1, n_features)), training=False)
    return model


def canonical(config: Any) -> Any:
    """A config without what does not change what is computed: names that count up, seeds.

    >>> canonical({"name": "dense_7", "config": {"name": "dense_7", "seed": 3, "units": 2}})
    {'name': '#0', 'config': {'name': '#0', 'seed': None, 'units': 2}}
    """
    names: dict[str, str] = {}

    def renamed(name: Any) -> Any:
        return names.setdefault(name, f"#{len(names)}") if isinstance(name, str) else name

    def walk(value: Any, key: str = "") -> Any:
        if key in NAMED and isinstance(value, (list, tuple)):
            return [walk(v, key) for v in value]
        if key in NAMED or key == "name":
            return renamed(value)
        if key == "seed":
            return None
        if isinstance(value, dict):
            return {k: walk(v, k) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(v) for v in value]
        return value

    return walk(config)
