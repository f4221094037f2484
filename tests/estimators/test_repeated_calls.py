"""What the calls of a stream do once: lookups, validation of parameters, and new functions."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.estimators import fitted, training_inputs
from mlpkit.numpy_backend.steps import backend as numpy_steps
from mlpkit.plugin import Steps
from mlpkit.registry.lookup import Registry
from mlpkit.training import selection
from mlpkit.training.fitted_network import FittedNetwork

X = np.random.RandomState(0).standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)


def counted(patch: pytest.MonkeyPatch, calls: Counter[str], owner: Any, name: str) -> None:
    """Count the calls of a function or method."""
    original: Callable[..., Any] = getattr(owner, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        return original(*args, **kwargs)

    patch.setattr(owner, name, counting)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_a_stream_looks_nothing_up(cls: Any, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After two calls, the components, the parameters and the functions are those of before."""
    model, calls = cls(hidden_layer_sizes=(4,), random_state=0, backend=backend), Counter[str]()
    first: dict[str, Any] = {"classes": [0, 1]} if cls is MLPClassifier else {}
    model.partial_fit(X, Y, **first)
    model.partial_fit(X[:5], Y[:5])
    for owner, name in (
        (Registry, "find"),
        (Registry, "resolve"),
        (cls, "_validate_params"),
        (fitted.Parameters, "of"),
        (FittedNetwork, "started"),
        (selection, "recipe_of"),
        (training_inputs, "initialized"),
        (cls, "_parameters_of"),
    ):
        counted(monkeypatch, calls, owner, name)
    for size in (1, 3, 8):
        model.partial_fit(X[:size], Y[:size])
    assert calls == Counter()
    model.set_params(alpha=0.5).partial_fit(X, Y)  # the functions depend on alpha
    assert calls["started"] == calls["recipe_of"] == calls["_validate_params"] == 1


@pytest.mark.once
def test_options_that_are_changed_in_place() -> None:
    """A dict that the user changes counts in the next call, although it is the same object."""
    received: list[dict[str, Any]] = []

    def recording(network: Any, spec: Any, recipe: Any, **options: Any) -> Steps:
        received.append(options)
        return numpy_steps(network, spec, recipe)

    options = {"speed": 1}
    reg = MLPRegressor(hidden_layer_sizes=(4,), backend=recording, backend_options=options)
    for _ in range(3):
        reg.partial_fit(X, Y)
    assert received == [{"speed": 1}]
    options["speed"] = 2
    reg.partial_fit(X, Y)
    assert received == [{"speed": 1}, {"speed": 2}]


@pytest.mark.once
@pytest.mark.parametrize(
    "change",
    [
        lambda options: options["devices"].append(2),
        lambda options: options["limits"]["rows"].__setitem__(0, 9),
        lambda options: options["grid"].__setitem__(0, 9.0),
        lambda options: options.update(grid=np.arange(4.0)),
        lambda options: options.pop("limits"),
    ],
)
def test_values_within_options_that_are_changed_in_place(change: Any) -> None:
    """Lists, dicts and arrays at any depth count as the options themselves do."""
    received: list[str] = []

    def recording(network: Any, spec: Any, recipe: Any, **options: Any) -> Steps:
        received.append(repr(options))
        return numpy_steps(network, spec, recipe)

    options: dict[str, Any] = {"devices": [1], "limits": {"rows": [3]}, "grid": np.arange(3.0)}
    options["other"] = object()
    reg = MLPRegressor(hidden_layer_sizes=(4,), backend=recording, backend_options=options)
    expected = [repr(options)]
    for _ in range(3):
        reg.partial_fit(X, Y)
    assert received == expected
    assert reg.predict(X).shape == (40,)
    change(options)
    expected.append(repr(options))
    for _ in range(2):
        reg.partial_fit(X, Y)
    assert received == expected
    reg.set_params(backend_options={**options, "devices": list(options["devices"])})
    assert reg.partial_fit(X, Y).predict(X).shape == (40,)
    assert received == expected


@pytest.mark.once
def test_sizes_that_are_changed_in_place() -> None:
    """They are ignored with a warning in every call, as other sizes are."""
    sizes = [4]
    reg = (
        MLPRegressor(hidden_layer_sizes=sizes, backend="numpy").partial_fit(X, Y).partial_fit(X, Y)
    )
    sizes[0] = 5
    for _ in range(2):
        with pytest.warns(UserWarning, match="is ignored"):
            reg.partial_fit(X, Y)


@pytest.mark.once
def test_the_default_backend_is_read_in_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed environment variable counts in the next call."""
    monkeypatch.setenv("MLPKIT_BACKEND", "numpy")
    reg = MLPRegressor(hidden_layer_sizes=(4,)).partial_fit(X, Y).partial_fit(X, Y)
    monkeypatch.setenv("MLPKIT_BACKEND", "unknown")
    with pytest.raises(ValueError, match="unknown backend 'unknown'.*MLPKIT_BACKEND"):
        reg.partial_fit(X, Y)
    monkeypatch.setenv("MLPKIT_BACKEND", "numpy")
    reg.partial_fit(X, Y)


@pytest.mark.once
def test_weights_that_are_changed_between_calls() -> None:
    """A stream continues from weights that the user sets or writes into."""
    streams = [
        MLPRegressor(hidden_layer_sizes=(4,), backend="numpy", random_state=0) for _ in range(3)
    ]
    for reg in streams:
        reg.partial_fit(X, Y).partial_fit(X, Y)
    streams[1].coefs_[0][:] = 0.0
    streams[2].coefs_ = [np.zeros((3, 4)), streams[2].coefs_[1]]
    plain, written, replaced = (reg.partial_fit(X, Y).coefs_[0] for reg in streams)
    np.testing.assert_array_equal(written, replaced)
    assert not np.array_equal(plain, written)
