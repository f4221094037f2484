"""The process has one Keras: the choice of its backend, and modules that are not imported."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from conftest import BACKEND
from custom import X, Y, my_model

from mlpkit import MLPClassifier
from mlpkit.plugin import PluginError
from mlpkit_keras.architectures import canonical


def printed(code: str) -> str:
    """The output of a new process."""
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout.strip()


def test_the_plugin_imports_no_keras() -> None:
    """Importing the plugin and listing its components does not import Keras."""
    code = (
        "import sys, mlpkit_keras; from mlpkit.registry.lookup import installed\n"
        "[installed().names(k) for k in ('builder', 'solver', 'exporter')]\n"
        "print([m for m in ('keras', 'jax', 'tensorflow', 'torch') if m in sys.modules])"
    )
    assert printed(code) == "[]"


def test_keras_runs_on_the_backend_of_the_estimator() -> None:
    """The estimator chooses the backend of Keras without an environment variable.

    With JAX, nothing imports TensorFlow: neither fitting, pickling, a Keras optimizer nor
    `to_keras`.
    """
    code = (
        "import sys, pickle, warnings, numpy as np; warnings.simplefilter('ignore')\n"
        "from mlpkit import MLPClassifier\n"
        "X = np.random.RandomState(0).standard_normal((40, 3)); y = np.arange(40) % 2\n"
        f"clf = MLPClassifier(builder='keras.mlp', backend={BACKEND!r}, max_iter=2,\n"
        "    solver='adamw', builder_options={'dropout': 0.1, 'normalization': 'batch'})\n"
        "clf.fit(X, y); pickle.loads(pickle.dumps(clf)).partial_fit(X, y); clf.to_keras()\n"
        "import keras; print(keras.backend.backend(), 'tensorflow' in sys.modules)"
    )
    assert printed(code).splitlines()[-1] == f"{BACKEND} {BACKEND == 'tensorflow'}"


def test_a_second_backend_raises_an_error() -> None:
    """The message names the active backend, possible causes and the solution."""
    other = {"jax": "tensorflow", "tensorflow": "jax"}[BACKEND]
    clf = MLPClassifier(builder="keras.mlp", backend=other)
    with pytest.raises(PluginError) as error:
        clf.fit(X, Y)
    for part in (f"runs on {BACKEND!r}", "import tensorflow", "KERAS_BACKEND", "new process"):
        assert part in str(error.value)


def test_numpy_cannot_train_a_keras_model() -> None:
    """The message names the backends that can."""
    for builder in ("keras.mlp", my_model):
        with pytest.raises(PluginError, match="choose backend='jax' or backend='tensorflow'"):
            MLPClassifier(builder=builder, backend="numpy").fit(X, Y)


def test_global_random_states_are_unchanged() -> None:
    """A fit changes the state of neither Python's nor NumPy's global generator."""
    before = random.getstate(), np.random.get_state(legacy=False)
    MLPClassifier(builder=my_model, backend=BACKEND, max_iter=2, random_state=0).fit(X, Y)
    assert random.getstate() == before[0]
    np.testing.assert_equal(np.random.get_state(legacy=False), before[1])


def test_canonical_configs_ignore_names_and_seeds() -> None:
    """Two models of one builder share compiled code."""
    one = {"name": "dense_1", "keras_history": ["dense_1", 0, 0], "activation": "dense_1"}
    two = {"name": "dense_9", "keras_history": ["dense_9", 0, 0], "activation": "dense_1"}
    assert canonical(one) == canonical(two) != canonical({**two, "activation": "relu"})
