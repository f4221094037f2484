"""Who is measured: for each contender, what to prepare once and what to time.

A contender imports its framework inside its own process. ``fit(case, X, y)`` returns a
function of no argument that trains a new model from its first weights, to the end.
"""

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import Case

Timed = Callable[[], Any]


class Contender:
    """The interface: what a contender can't do raises NotImplementedError."""

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        """A whole fit."""
        raise NotImplementedError

    def stream(self, X: Any, y: Any, sizes: Any) -> Timed:
        """A new model, and one partial_fit for each size."""
        raise NotImplementedError

    def predict(self, X: Any, y: Any, rows: Any) -> Timed:
        """Class probabilities of the rows, by a model that was fitted before."""
        raise NotImplementedError


class Estimators(Contender):
    """scikit-learn's interface: scikit-learn's own and ours."""

    def __init__(self, backend: str | None) -> None:
        warnings.simplefilter("ignore")
        self.backend = backend

    def make(self, **settings: Any) -> Any:
        """A new classifier."""
        if self.backend is None:
            from sklearn.neural_network import MLPClassifier

            return MLPClassifier(**settings, random_state=0)
        import mlpkit

        return mlpkit.MLPClassifier(**settings, random_state=0, backend=self.backend)

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        settings = {
            "hidden_layer_sizes": case.hidden,
            "batch_size": case.batch,
            "max_iter": case.epochs,
            "tol": 0.0,
            "n_iter_no_change": case.epochs + 1,
        }
        return lambda: self.make(**settings).fit(X, y)

    def stream(self, X: Any, y: Any, sizes: Any) -> Timed:
        classes = np.unique(y)

        def run() -> None:
            model = self.make()
            for n in sizes:
                model.partial_fit(X[:n], y[:n], classes=classes)

        return run

    def predict(self, X: Any, y: Any, rows: Any) -> Timed:
        model = self.make(max_iter=2).fit(X, y)
        return lambda: model.predict_proba(rows)


class Keras(Contender):
    """keras.Model.fit, compiled as Keras compiles it by default."""

    def __init__(self, backend: str) -> None:
        os.environ["KERAS_BACKEND"] = backend
        import keras

        self.keras = keras

    def model(self, hidden: tuple[int, ...], n_features: int, classes: int) -> Any:
        """A compiled Sequential."""
        layers = self.keras.layers
        chain = [layers.Input((n_features,)), *(layers.Dense(n, "relu") for n in hidden)]
        model = self.keras.Sequential([*chain, layers.Dense(classes, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        # the same model each time: its step is compiled at the first fit and warm from then on
        model = self.model(case.hidden, X.shape[1], int(y.max()) + 1)
        return lambda: model.fit(X, y, batch_size=case.batch, epochs=case.epochs, verbose=0)

    def stream(self, X: Any, y: Any, sizes: Any) -> Timed:
        classes = int(y.max()) + 1

        def run() -> None:
            model = self.model((100,), X.shape[1], classes)
            for n in sizes:
                model.train_on_batch(X[:n], y[:n])

        return run

    def predict(self, X: Any, y: Any, rows: Any) -> Timed:
        model = self.model((100,), X.shape[1], int(y.max()) + 1)
        return lambda: model.predict(rows, verbose=0)


class SciKeras(Keras):
    """scikeras.KerasClassifier."""

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        from scikeras.wrappers import KerasClassifier

        def build(meta: dict[str, Any]) -> Any:
            return self.model(case.hidden, X.shape[1], int(y.max()) + 1)

        settings = {"epochs": case.epochs, "batch_size": case.batch, "verbose": 0}
        return lambda: KerasClassifier(build, **settings).fit(X, y)


class Skorch(Contender):
    """skorch.NeuralNetClassifier on PyTorch."""

    def __init__(self) -> None:
        import torch
        from skorch import NeuralNetClassifier

        torch.set_num_threads(1)  # faster here than two on every case
        self.torch, self.classifier = torch, NeuralNetClassifier

    def module(self, hidden: tuple[int, ...], n_features: int, classes: int) -> Any:
        """A Sequential that gives logits."""
        nn = self.torch.nn
        units = (n_features, *hidden)
        chain = [
            layer
            for a, b in zip(units, units[1:], strict=False)
            for layer in (nn.Linear(a, b), nn.ReLU())
        ]
        return nn.Sequential(*chain, nn.Linear(units[-1], classes))

    def make(self, hidden: tuple[int, ...], X: Any, y: Any, **settings: Any) -> Any:
        """A new classifier."""
        return self.classifier(
            self.module(hidden, X.shape[1], int(y.max()) + 1),
            criterion=self.torch.nn.CrossEntropyLoss,
            optimizer=self.torch.optim.Adam,
            lr=1e-3,
            train_split=None,
            verbose=0,
            **settings,
        )

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        settings = {"max_epochs": case.epochs, "batch_size": case.batch}
        return lambda: self.make(case.hidden, X, y, **settings).fit(X, y)

    def stream(self, X: Any, y: Any, sizes: Any) -> Timed:
        def run() -> None:
            model = self.make((100,), X, y, max_epochs=1, batch_size=200)
            for n in sizes:
                model.partial_fit(X[:n], y[:n])

        return run

    def predict(self, X: Any, y: Any, rows: Any) -> Timed:
        model = self.make((100,), X, y, max_epochs=1, batch_size=200).fit(X, y)
        return lambda: model.predict_proba(rows)


class Floor(Contender):
    """The matrix products of the network alone, in one library: no faster fit is possible."""

    def __init__(self, library: str) -> None:
        self.library = library

    def fit(self, case: Case, X: Any, y: Any) -> Timed:
        units = (X.shape[1], *case.hidden, int(y.max()) + 1)
        steps = case.epochs * -(-len(X) // case.batch)
        weights = [np.ones(pair, np.float32) for pair in zip(units, units[1:], strict=False)]
        inputs = [np.ones((case.batch, n), np.float32) for n in units]
        return (
            self._numpy(weights, inputs, steps)
            if self.library == "numpy"
            else self._jax(weights, inputs, steps)
        )

    def _numpy(self, weights: Any, inputs: Any, steps: int) -> Timed:
        outs = [
            np.empty((len(a), w.shape[1]), np.float32)
            for a, w in zip(inputs, weights, strict=False)
        ]
        grads = [np.empty_like(w) for w in weights]
        backs = [np.empty_like(a) for a in inputs]

        def run() -> None:
            for _ in range(steps):
                for i, w in enumerate(weights):
                    np.matmul(inputs[i], w, out=outs[i])
                    np.matmul(inputs[i].T, inputs[i + 1], out=grads[i])
                    if i:
                        np.matmul(inputs[i + 1], w.T, out=backs[i])

        return run

    def _jax(self, weights: Any, inputs: Any, steps: int) -> Timed:
        import jax
        from jax import lax

        def step(_: Any, carry: Any) -> Any:
            found = []
            for i, (a, w) in enumerate(zip(carry[1], carry[0], strict=False)):
                b = carry[1][i + 1]
                found.append(((a @ w).sum(), a.T @ b, (b @ w.T).sum() if i else 0.0))
            shift = sum(f + h for f, _, h in found) * 0.0  # keeps every product in the loop
            return [
                w + 0.0 * g + shift for w, (_, g, _) in zip(carry[0], found, strict=False)
            ], carry[1]

        loop = jax.jit(lambda w, a: lax.fori_loop(0, steps, step, (w, a))[0])
        loop(weights, inputs)
        return lambda: jax.block_until_ready(loop(weights, inputs))


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "floor-numpy": lambda: Floor("numpy"),
    "floor-xla": lambda: Floor("jax"),
    "mlpkit-numpy": lambda: Estimators("numpy"),
    "mlpkit-jax": lambda: Estimators("jax"),
    "mlpkit-tensorflow": lambda: Estimators("tensorflow"),
    "scikit-learn": lambda: Estimators(None),
    "keras-jax": lambda: Keras("jax"),
    "keras-tensorflow": lambda: Keras("tensorflow"),
    "scikeras": lambda: SciKeras("tensorflow"),
    "skorch": lambda: Skorch(),
}
OURS = [name for name in CONTENDERS if name.startswith("mlpkit")]
FLOORS = [name for name in CONTENDERS if name.startswith("floor")]
PEERS = [name for name in CONTENDERS if name not in OURS + FLOORS]
