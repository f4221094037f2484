"""The estimators of scikit-learn and of mlpkit on each backend."""

import os
import subprocess
import sys
import tempfile
import warnings
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.contender import Timed
from benchmarks.questions import AGAIN, IMPORT

PROCESS = """
from sklearn.datasets import load_digits
from {module} import MLPClassifier
MLPClassifier(random_state=0, {settings}).fit(*load_digits(return_X_y=True))
"""


class Estimators:
    """An ``MLPClassifier``.

    Parameters
    ----------
    backend : str, callable or None
        None is scikit-learn.
    """

    def __init__(self, backend: Any) -> None:
        warnings.simplefilter("ignore")
        self.backend = backend
        if isinstance(backend, str):
            from mlpkit.registry.lookup import installed

            installed().find("backend", backend)  # raises ValueError if it is not installed

    def make(self, *args: Any, **settings: Any) -> Any:
        """A new classifier."""
        if self.backend is None:
            from sklearn.neural_network import MLPClassifier

            return MLPClassifier(*args, **settings, random_state=0)
        import mlpkit

        return mlpkit.MLPClassifier(*args, **settings, random_state=0, backend=self.backend)

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

    def start(self, what: str) -> Timed:
        module = "sklearn.neural_network" if self.backend is None else "mlpkit"
        settings = "" if self.backend is None else f"backend={self.backend!r}"
        source = PROCESS.format(module=module, settings=settings)
        # mlpkit imports a module at the first use of its names
        source = f"from {module} import MLPClassifier" if what == IMPORT else source
        kept = tempfile.mkdtemp()

        def run() -> None:
            folder = kept if what == AGAIN else tempfile.mkdtemp()
            command = [sys.executable, "-W", "ignore", "-c", source]
            environment = {**os.environ, "MLPKIT_CACHE_DIR": folder}
            subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)

        return run
