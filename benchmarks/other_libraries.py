"""Keras, SciKeras and skorch. Each imports its framework in its own process."""

import os
from typing import Any

from benchmarks.cases import Case
from benchmarks.contender import Timed


class Keras:
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


class Skorch:
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
