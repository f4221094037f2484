"""One Keras a process: who chooses its backend, and what is not imported."""

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
from mlpkit_keras.sources import canonical


def printed(code: str) -> str:
    """What a fresh process prints."""
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout.strip()


def test_the_plugin_imports_no_keras() -> None:
    """Nor does listing what it offers."""
    code = (
        "import sys, mlpkit_keras; from mlpkit.registry.lookup import installed\n"
        "[installed().names(k) for k in ('builder', 'solver', 'exporter')]\n"
        "print([m for m in ('keras', 'jax', 'tensorflow', 'torch') if m in sys.modules])"
    )
    assert printed(code) == "[]"


def test_keras_runs_on_the_backend_that_was_asked_for() -> None:
    """Without any variable; and with JAX chosen, TensorFlow is not imported: not by fitting,
    pickling, a Keras optimizer, to_keras or another fit.
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


def test_another_backend_later_is_an_error_that_helps() -> None:
    """Which is active, who could have imported it, what to do."""
    other = {"jax": "tensorflow", "tensorflow": "jax"}[BACKEND]
    clf = MLPClassifier(builder="keras.mlp", backend=other)
    with pytest.raises(PluginError) as error:
        clf.fit(X, Y)
    for part in (f"runs on {BACKEND!r}", "import tensorflow", "KERAS_BACKEND", "fresh process"):
        assert part in str(error.value) or "needs" in str(error.value)


def test_numpy_can_not_train_a_keras_model() -> None:
    """And says what can."""
    for builder in ("keras.mlp", my_model):
        with pytest.raises(PluginError, match="choose backend='jax' or backend='tensorflow'"):
            MLPClassifier(builder=builder, backend="numpy").fit(X, Y)


def test_no_global_generator_moves() -> None:
    """Python's is put back, NumPy's not touched."""
    before = random.getstate(), np.random.get_state(legacy=False)
    MLPClassifier(builder=my_model, backend=BACKEND, max_iter=2, random_state=0).fit(X, Y)
    assert random.getstate() == before[0]
    np.testing.assert_equal(np.random.get_state(legacy=False), before[1])


def test_names_and_seeds_are_no_structure() -> None:
    """Two builds of one function share compiled code."""
    one = {"name": "dense_1", "keras_history": ["dense_1", 0, 0], "activation": "dense_1"}
    two = {"name": "dense_9", "keras_history": ["dense_9", 0, 0], "activation": "dense_1"}
    assert canonical(one) == canonical(two) != canonical({**two, "activation": "relu"})
