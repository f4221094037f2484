"""The libraries that are measured.

A contender imports its framework inside its own process. ``fit(case, X, y)`` returns a
function without arguments that trains a new model.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import counters
from benchmarks.cases import Case
from benchmarks.contender import Contender, Timed
from benchmarks.floors import Floor, in_numpy, in_xla

PROCESS = """
from sklearn.datasets import load_digits
from {library} import MLPClassifier
MLPClassifier(random_state=0, {settings}).fit(*load_digits(return_X_y=True))
"""


class Estimators(Contender):
    """The estimators of scikit-learn and mlpkit."""

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

    def process(self, again: bool) -> Timed:
        kept = tempfile.mkdtemp()

        def run() -> None:
            folder = kept if again else tempfile.mkdtemp()
            settings = {**os.environ, "MLPKIT_CACHE_DIR": folder}
            if self.backend is None:
                source = PROCESS.format(library="sklearn.neural_network", settings="")
            else:
                source = PROCESS.format(library="mlpkit", settings=f"backend={self.backend!r}")
            subprocess.run([sys.executable, "-W", "ignore", "-c", source], check=True, env=settings)

        return run

    def counts(self, case: Case, X: Any, y: Any) -> dict[str, int | None]:
        if self.backend is None:
            raise NotImplementedError
        return counters.counts(self.backend, case, X, y)


class Keras(Contender):
    """keras.Model.fit with the default compilation."""

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

        torch.set_num_threads(1)  # faster than two threads in every case
        self.torch, self.classifier = torch, NeuralNetClassifier

    def module(self, hidden: tuple[int, ...], n_features: int, classes: int) -> Any:
        """A Sequential that returns logits."""
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


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "floor-numpy": lambda: Floor(in_numpy),
    "floor-xla": lambda: Floor(in_xla),
    "mlpkit-numpy": lambda: Estimators("numpy"),
    "mlpkit-jax": lambda: Estimators("jax"),
    "mlpkit-tensorflow": lambda: Estimators("tensorflow"),
    "mlpkit-torch": lambda: Estimators("torch"),
    "scikit-learn": lambda: Estimators(None),
    "keras-jax": lambda: Keras("jax"),
    "keras-tensorflow": lambda: Keras("tensorflow"),
    "scikeras": lambda: SciKeras("tensorflow"),
    "skorch": lambda: Skorch(),
}
