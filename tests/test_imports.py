"""What the first import and a default fit import: the start of a process depends on it."""

import ast
import subprocess
import sys

import pytest

pytestmark = pytest.mark.once

FIT = """
from mlpkit import MLPClassifier, MLPRegressor
X, y = [[0.0], [1.0], [2.0], [3.0]] * 5, [0, 1, 0, 1] * 5
options = {"tol": 10.0, "n_iter_no_change": 1, "backend": "numpy"}
clf = MLPClassifier(**options).fit(X, y)
clf.predict(X), clf.predict_proba(X)
MLPRegressor(**options).fit(X, y).predict(X)
"""
UNUSED_BY_A_FIT = {
    "mlpkit.calibration.conformal",
    "mlpkit.calibration.temperature",
    "mlpkit.commands",
    "mlpkit.encoders",
    "mlpkit.data.row_caches",
    "mlpkit.estimators.encoder_fitting",
    "mlpkit.estimators.encoder_keys",
    "mlpkit.estimators.encoding",
    "mlpkit.estimators.stored_encoding",
    "mlpkit.estimators.stored_rows",
    "mlpkit.estimators.fitted_state",
    "mlpkit.estimators.loading",
    "mlpkit.estimators.pickled_state",
    "mlpkit.estimators.records",
    "mlpkit.estimators.saving",
    "mlpkit.estimators.stored_versions",
    "mlpkit.files.archive",
    "mlpkit.files.values",
    "mlpkit.metrics",
    "mlpkit.monitoring.epochs",
    "mlpkit.partitions",
    "mlpkit.pickling",
    "mlpkit.reports.report",
    "mlpkit.sources",
    "mlpkit.testing",
    "mlpkit.training.checkpoint_file",
    "mlpkit.training.cycles",
    "mlpkit.training.lbfgs",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.neural_network",
}


def modules_after(code: str) -> set[str]:
    """The modules that a new process has imported after some code."""
    program = f"import sys, warnings; warnings.simplefilter('ignore'); {code}\n"
    result = subprocess.run(
        [sys.executable, "-c", program + "print(sorted(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(ast.literal_eval(result.stdout))


@pytest.fixture(scope="module")
def modules_of_a_fit() -> set[str]:
    """The modules of a process with a default fit of both estimators."""
    return modules_after(FIT)


def test_import_of_the_package_is_light() -> None:
    """`import mlpkit` imports neither scikit-learn nor NumPy."""
    modules = modules_after("import mlpkit")
    assert not modules & {"numpy", "scipy", "sklearn", "pluggy", "mlpkit.plugin"}


def test_import_of_an_estimator_is_light() -> None:
    """The estimators import only mlpkit, pluggy and NumPy beyond scikit-learn's imports."""
    before = modules_after("import sklearn.neural_network")
    modules = modules_after("from mlpkit import MLPClassifier, MLPRegressor")
    names = {name.partition(".")[0] for name in modules - before}
    assert names - sys.stdlib_module_names <= {"mlpkit", "pluggy", "numpy"}


def test_a_default_fit_imports_what_it_uses(modules_of_a_fit: set[str]) -> None:
    """Files, pickles, encoders, metrics and other trainers are imported when they are used."""
    assert modules_of_a_fit >= {"mlpkit.training.loop", "mlpkit.numpy_backend.steps"}
    assert not modules_of_a_fit & UNUSED_BY_A_FIT


def test_a_default_fit_looks_up_no_plugin(modules_of_a_fit: set[str]) -> None:
    """A fit with built-in components imports no module of another distribution than its own."""
    before = modules_after("import sklearn.neural_network, sklearn.utils.optimize")
    names = {name.partition(".")[0] for name in modules_of_a_fit - before}
    assert names - sys.stdlib_module_names <= {"mlpkit", "pluggy", "numpy"}
