"""What the page on backends says about arguments and calls is what a backend receives."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import Network, Recipe, Spec, Steps

PAGE = (Path(__file__).parent / "user_guide" / "plugins" / "backend.md").read_text()
N = 60
# of trainers of plugins ("lbfgs" passes None), and of training on several processes
OTHERS = {"indices of gradient", "ids of put"}
rng = np.random.default_rng(0)
ROWS = rng.normal(size=(N, 4))
CODES = rng.integers(0, 3, N)
FORMS: list[Callable[[Any], Any]] = [
    np.ascontiguousarray,
    np.asfortranarray,
    lambda X: np.repeat(X, 2, axis=0)[::2],
    csr_array,
]


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [row.split(" | ") for row in rows[2:]]


class Recorder:
    """The NumPy backend, which notes the calls and the arrays that it receives."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.dtypes: defaultdict[str, set[str]] = defaultdict(set)
        self.orders: defaultdict[str, set[str]] = defaultdict(set)

    def note(self, name: str, array: Any, dtype: str = "") -> None:
        """Note an array; its dtype is called spec.dtype if it must be this one."""
        if array is None:
            return
        self.dtypes[name].add("spec.dtype" if array.dtype == dtype else array.dtype.name)
        if issparse(array):
            self.orders[name].add("CSR")
        elif array.flags.c_contiguous:
            self.orders[name].add("C")
        else:
            self.orders[name].add("Fortran" if array.flags.f_contiguous else "strided")

    def __call__(self, network: Network, spec: Spec, recipe: Recipe) -> Steps:
        """Return the functions of the NumPy backend, with notes."""
        steps = numpy_backend.backend(network, spec, recipe)

        def noted(name: str) -> Any:
            def function(*given: Any, **more: Any) -> Any:
                self.calls[name] += 1
                getattr(self, f"_{name}", lambda *_, **__: None)(spec, *given, **more)
                return getattr(steps, name)(*given, **more)

            return function

        return Steps(*map(noted, Steps._fields))

    def _put(self, spec: Spec, X: Any, y: Any, w: Any, ids: Any = None) -> None:
        task = "regressors" if spec.task == "regression" else "classifiers"
        self.note(f"{'sparse' if issparse(X) else 'dense'} X of put", X, spec.dtype)
        self.note(f"y of put, {task}", y)
        self.note("w of put", w)
        self.note("ids of put", ids)

    def _start(self, spec: Spec, arrays: Any) -> None:
        for array in arrays.values():
            self.note("arrays of start", array, spec.dtype)

    def _outputs(self, spec: Spec, state: Any, X: Any) -> None:
        self.note("X of outputs", X, spec.dtype)

    def _epoch(self, spec: Spec, state: Any, rows: Any, batches: Any) -> None:
        schedules = "learning_rates, weight_decays, dropout_factors of epoch"
        names = {"order": "order of epoch", "seeds": "seeds of epoch"}
        for field, array in batches._asdict().items():
            if field != "with_predictions":
                self.note(names.get(field, schedules), array)

    def _gradient(self, spec: Spec, state: Any, rows: Any, indices: Any, *rest: float) -> None:
        self.note("indices of gradient", indices)


def fit(recorder: Recorder, estimator: Any = MLPClassifier, y: Any = CODES, **params: Any) -> None:
    """Fit an estimator to rows in each form, with and without weights."""
    for form in FORMS:
        for w in (None, np.arange(float(N)), np.arange(N, dtype="float32")):
            model = estimator(hidden_layer_sizes=(3,), backend=recorder, max_iter=2, **params)
            X = form(ROWS if "dtype" in params else ROWS.astype("float32"))
            model.fit(X, y, sample_weight=w)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_table_of_arrays_is_true() -> None:
    """Each dtype and memory order in it occurs, and no other one."""
    recorder = Recorder()
    fit(recorder, solver="adamw", early_stopping=True, dropout=0.2)
    fit(recorder, dtype="float64", metrics=["accuracy"])
    fit(recorder, solver="lbfgs")
    for y in (ROWS[:, 0], ROWS[:, :2].astype("float32"), CODES):
        fit(recorder, MLPRegressor, y)
    cells = table("The arrays that a backend receives")
    rows = {name.replace("`", ""): others for name, *others in cells}
    forms = rows["dense X of put"][2] + rows["sparse X of put"][2]
    for name, (_, dtypes, order) in rows.items():
        if name in OTHERS:
            continue
        documented = set(re.findall(r"`([a-z0-9.]+)`", dtypes))
        assert recorder.dtypes[name] == documented, name
        order = forms if order == "as in `put`" else order
        assert recorder.orders[name] == set(re.findall(r"CSR|C\b|Fortran|strided", order)), name
    assert recorder.dtypes.keys() == rows.keys() - OTHERS


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_table_of_calls_is_true() -> None:
    """As often in fits with two numbers of epochs."""

    def calls(k: int, **params: Any) -> Counter[str]:
        recorder = Recorder()
        model = MLPClassifier((3,), backend=recorder, n_iter_no_change=99, max_iter=k, **params)
        if params == {"warm_start": False}:
            model.partial_fit(ROWS, CODES, classes=[0, 1, 2])
            recorder.calls.clear()
            model.partial_fit(ROWS, CODES)
        else:
            model.fit(ROWS, CODES)
        return recorder.calls

    variants: list[dict[str, Any]] = [
        {"callbacks": lambda report: None},
        {"early_stopping": True},
        {"warm_start": False},
    ]
    for k in (3, 6):
        counted = [calls(k, **params) for params in variants]
        for names, *cells in table("Where the time goes"):
            for name in re.findall(r"`(\w+)`", names):
                expected = [k if cell == "`k`" else int(cell) for cell in cells]
                assert [count[name] for count in counted] == expected, name
        assert calls(k)["epoch"] == 1
    assert calls(17)["epoch"] == 2
