"""A Keras model trained by mlpkit and by ``keras.Model.fit``, on one backend, side by side.

``python -m benchmarks.keras_models jax`` (or tensorflow). Both are warm: Keras fits a model
that it has compiled and fitted before; mlpkit fits a new estimator, builder included, of a
structure that it has compiled before. Rounds alternate, and each ratio is Keras's best time by
ours.
"""

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

EPOCHS, PREDICTIONS = 20, 200


class Case(NamedTuple):
    """The shape of the data, a network builder with its options, and a batch size."""

    rows: int
    columns: int
    builder: str
    options: dict[str, Any]
    batch: int


CASES = {
    "iris-sized, (16), 32": Case(150, 4, "keras.mlp", {"units": (16,)}, 32),
    "569 x 30, (64), 32": Case(569, 30, "keras.mlp", {"units": (64,)}, 32),
    "1797 x 64, (100), 200": Case(1797, 64, "keras.mlp", {"units": (100,)}, 200),
    "1797 x 64, dropout, batch norm": Case(
        1797, 64, "keras.mlp", {"units": (64, 64), "dropout": 0.2, "normalization": "batch"}, 64
    ),
    "2000 x 20, residual": Case(2000, 20, "keras.residual", {"units": 64}, 128),
    "5000 x 20, wide and deep": Case(5000, 20, "keras.wide_and_deep", {"units": (64, 32)}, 128),
}


def data(case: Case) -> tuple[Any, Any]:
    """X (rows, columns) float32, y (rows,) of 3 classes."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((case.rows, case.columns)).astype("float32")
    return X, np.digitize(X[:, 0] + X[:, 1], [-0.6, 0.6])


def contenders(case: Case, backend: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Functions that fit the model with Keras and with mlpkit."""
    import keras

    from mlpkit import MLPClassifier

    X, y = data(case)

    def ours() -> Any:
        return MLPClassifier(
            builder=case.builder,
            builder_options=case.options,
            backend=backend,
            batch_size=case.batch,
            max_iter=EPOCHS,
            n_iter_no_change=EPOCHS,
            alpha=0.0,
            random_state=0,
        ).fit(X, y)

    model = ours().to_keras()
    model.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy")

    def theirs() -> Any:
        return model.fit(X, y, batch_size=case.batch, epochs=EPOCHS, verbose=0)

    return theirs, ours


def seconds(function: Callable[[], Any]) -> float:
    """The seconds of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def one_row(backend: str, rounds: int) -> tuple[float, float]:
    """Milliseconds to predict one row: scikit-learn's MLP, and a Keras model in mlpkit."""
    from sklearn.neural_network import MLPClassifier as Theirs

    from mlpkit import MLPClassifier

    X, y = data(CASES["569 x 30, (64), 32"])
    ours = MLPClassifier(builder="keras.mlp", backend=backend, max_iter=2).fit(X, y)
    theirs = Theirs(max_iter=2).fit(X, y)

    def predictions(model: Any) -> Callable[[], Any]:
        return lambda: [model.predict(X[:1]) for _ in range(PREDICTIONS)]

    pair = predictions(theirs), predictions(ours)
    best = np.min([[seconds(function) for function in pair] for _ in range(rounds)], axis=0)
    milliseconds: list[float] = (best * 1e3 / PREDICTIONS).tolist()
    return milliseconds[0], milliseconds[1]


def main() -> None:
    """Run the comparison and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backend", choices=("jax", "tensorflow"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["KERAS_BACKEND"] = arguments.backend
    os.environ.setdefault("KERAS_HOME", tempfile.mkdtemp())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    ratios = []
    print(f"{arguments.backend}: seconds for {EPOCHS} epochs, best of {arguments.rounds} rounds")
    print(f"{'':34}{'keras':>10}{'mlpkit':>10}{'ratio':>8}")
    for name, case in CASES.items():
        pair = contenders(case, arguments.backend)
        for function in pair:
            function()
        times = [[seconds(function) for function in pair] for _ in range(arguments.rounds)]
        theirs, ours = np.min(times, axis=0)
        ratios.append(theirs / ours)
        print(f"{name:34}{theirs:10.3f}{ours:10.3f}{ratios[-1]:8.2f}")
    print(f"{'geometric mean':54}{np.exp(np.mean(np.log(ratios))):8.2f}")
    theirs, ours = one_row(arguments.backend, arguments.rounds)
    print(f"one row, ms: scikit-learn {theirs:.3f}, a Keras model {ours:.3f}: {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
