"""Conformance tests of global state and processes, part of `BackendTests`."""

import os
import pickle
import subprocess
import sys
from typing import Any, ClassVar

import numpy as np

from mlpkit import MLPClassifier
from mlpkit.testing.conformance import ConformanceTests

FRAMEWORKS = ("jax", "tensorflow", "torch", "keras", "numba")


class ProcessTests(ConformanceTests):
    """Conformance tests of the process that a backend runs in."""

    backend: ClassVar[str]

    def test_global_state_is_not_modified(self) -> None:
        """A fit does not change NumPy's global generator or the environment variables."""
        before = np.random.get_state(legacy=False), dict(os.environ)
        X, y = np.random.RandomState(0).standard_normal((40, 3)), np.arange(40) % 3
        clf = MLPClassifier((4,), tol=10.0, n_iter_no_change=1, backend=self.backend)
        clf.set_params(random_state=0).fit(X, y)
        after = np.random.get_state(legacy=False), dict(os.environ)
        assert before[1] == after[1]
        np.testing.assert_equal(before[0], after[0])

    def test_a_model_predicts_without_the_framework(self, tmp_path: Any) -> None:
        """A pickled model predicts in a process in which no framework can be imported."""
        X, y = np.random.RandomState(0).standard_normal((60, 3)), np.arange(60) % 3
        clf = MLPClassifier(
            (4,), tol=10.0, n_iter_no_change=1, backend=self.backend, random_state=0
        )
        clf.fit(X, y)
        (tmp_path / "model.pkl").write_bytes(pickle.dumps((clf, X, clf.predict_proba(X))))
        code = (
            "import pickle, sys, numpy as np\n"
            "class NoFramework:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name in {FRAMEWORKS!r}: raise ImportError(name)\n"
            "sys.meta_path.insert(0, NoFramework())\n"
            f"clf, X, expected = pickle.load(open({str(tmp_path / 'model.pkl')!r}, 'rb'))\n"
            "np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-9)\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_discovery_imports_no_framework(self) -> None:
        """Listing the installed backends imports no framework."""
        code = (
            "import sys; from mlpkit.registry.lookup import installed\n"
            "installed().names('backend')\n"
            f"print([m for m in {FRAMEWORKS!r} if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        assert done.stdout.strip() == "[]"
