"""Conformance tests on the CPU, rows in many blocks, and the state of the process."""

import re
import subprocess
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

import mlpkit_torch.training_rows
from mlpkit import MLPClassifier
from mlpkit.backend_kit import warn_about_float64
from mlpkit.objectives.solvers import adamw
from mlpkit.plugin import Network, Progress
from mlpkit.testing import BackendTests, batches, close, data, recipe, spec
from mlpkit.training.batches import EpochBatches
from mlpkit_torch import devices
from mlpkit_torch import namespace as xp
from mlpkit_torch.devices import selected_device
from mlpkit_torch.network import softmax
from mlpkit_torch.steps import backend as torch_backend


class TestConformance(BackendTests):
    backend = "torch"
    options = {"device": "cpu"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.filterwarnings("ignore:.*float64 on a GPU")
class TestLawsOnTheGPU(BackendTests):
    backend = "torch"
    options = {"device": "gpu"}


def python(code: str) -> str:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        timeout=120,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_all_rows_in_parts_equal_numpy(form: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients over all rows are summed part by part, the last one short."""
    monkeypatch.setattr(mlpkit_torch.training_rows, "PART_ROWS", 8)
    s, results = spec(), []
    tests = TestConformance()
    for name in ("numpy", ""):
        steps, state = tests.started(s, recipe(), name)
        X, y, w = data(s)
        sums, gradient = steps.gradient(state, steps.put(form(X), y, w), None, 0)
        results.append({**gradient, **sums._asdict()})
    close(results[0], results[1], 1e-12)


def test_rows_of_weight_zero_may_be_anything() -> None:
    """They are left out: even what is not finite does no harm."""
    s = spec()
    X, y, w = data(s)
    w[::3] = 0
    results = []
    for fill in (0.0, np.nan):
        X[::3] = fill
        steps, state = TestConformance().started(s, recipe())
        state, sums = steps.epoch(state, steps.put(X, y, w), batches(21, 8))
        results.append({**steps.arrays(state), **sums._asdict()})
    close(results[0], results[1], 0)


def test_an_epoch_without_steps() -> None:
    """It gives the state back, and no sums."""
    steps, state = TestConformance().started(spec(), recipe())
    after, sums = steps.epoch(state, steps.put(*data(spec())), batches(0, 8))
    close(steps.arrays(state), steps.arrays(after), 0)
    assert (0,) == sums.loss.shape


def test_settings_of_the_process_stay() -> None:
    """A whole fit leaves dtype, threads, generator, autograd and precision as they were."""

    def settings() -> list[Any]:
        return [
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.get_float32_matmul_precision(),
            torch.random.get_rng_state().tolist(),
        ]

    before = settings()
    X, y, _ = data(spec(), 40)
    MLPClassifier((4,), backend="torch", tol=10.0, n_iter_no_change=1).fit(X, y.argmax(1))
    assert before == settings()


def test_forked_processes_raise_an_error() -> None:
    """An error that names loky instead of a hang; the weights can still be read."""
    code = """
    import os, signal, sys, warnings
    import numpy as np
    from mlpkit import MLPClassifier

    warnings.simplefilter("ignore")
    X, y = np.random.RandomState(0).standard_normal((40, 3)), np.arange(40) % 3
    clf = MLPClassifier((4,), backend="torch", max_iter=2).fit(X, y)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    signal.alarm(20)  # a hang is a failure
    clf.predict(X)
    try:
        MLPClassifier((4,), backend="torch").fit(X, y)
    except RuntimeError as error:
        explained = "loky" in str(error)
        os._exit(0 if explained else 1)
    os._exit(2)
    """
    python(code)


def test_other_frameworks_are_not_imported() -> None:
    """Neither JAX, TensorFlow nor Keras, for a whole fit."""
    code = """
    import sys
    import numpy as np
    from mlpkit import MLPClassifier

    X, y = np.random.RandomState(0).standard_normal((40, 3)), np.arange(40) % 3
    MLPClassifier((4,), backend="torch", tol=10.0, n_iter_no_change=1).fit(X, y).predict(X)
    print([name for name in ("tensorflow", "keras", "jax") if name in sys.modules])
    """
    assert python(code) == "[]\n"


def test_threads_do_not_meet() -> None:
    """Fits in several threads equal those one after the other."""
    X, y, _ = data(spec(), 200)

    def fit(dtype: str) -> np.ndarray:
        model = MLPClassifier((4,), backend="torch", random_state=0)
        for _ in range(20):
            model.partial_fit(X.astype(dtype), y.argmax(1), classes=[0, 1, 2])
        return model.coefs_[0]

    dtypes = ["float32", "float64"] * 4
    with ThreadPoolExecutor(4) as pool:
        for dtype, actual in zip(dtypes, pool.map(fit, dtypes), strict=True):
            assert actual.dtype == dtype
            np.testing.assert_array_equal(fit(dtype), actual)


def test_device_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastest one that is available and supports the dtype; float64 on a GPU warns once."""
    warn_about_float64.cache_clear()
    there = {"cuda": False, "mps": False}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: "H100")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there["mps"])
    assert selected_device("auto", "float64").type == "cpu"
    there["mps"] = True
    assert selected_device("auto", "float32").type == "mps"
    assert selected_device("auto", "float64").type == "cpu"
    there["cuda"] = True
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for dtype in ("float32", "float64", "float64"):
            assert selected_device("auto", dtype).type == "cuda"
    warn_about_float64.cache_clear()
    assert ["dtype='float32'" in str(w.message) for w in caught] == [True]


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU of CUDA by its index, or that of MPS, which has no float64."""
    warn_about_float64.cache_clear()
    with pytest.raises(ValueError, match="device='gpu' is not available: backend='torch' finds"):
        selected_device("gpu", "float32")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert selected_device("gpu", "float32") == torch.device("mps")
    assert selected_device("cpu", "float32") == torch.device("cpu")
    assert devices.device() == "gpu 0 (Apple MPS)"
    with pytest.raises(ValueError, match="device='gpu' does not support float64"):
        selected_device("gpu", "float64")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", "H{}".format)
    assert selected_device("gpu", "float32") == torch.device("cuda", 0)
    assert selected_device(1, "float32") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match=re.escape("finds gpu 0 (H0), gpu 1 (H1) on this machine")):
        selected_device(2, "float32")


def test_namespace() -> None:
    """What PyTorch says in other words than the standard."""
    x = torch.tensor([[1.0, -2.0], [3.0, 4.0]])
    assert xp.sum(x).item() == 6
    assert xp.sum(x, axis=1, keepdims=True).tolist() == [[-1], [7]]
    assert xp.mean(x, axis=0).tolist() == [2, 1]
    assert [xp.max(x).item(), xp.min(x).item()] == [4, -2]
    assert xp.max(x, axis=(0, 1)).item() == 4
    assert xp.min(x, axis=1).tolist() == [-2, 3]
    assert xp.maximum(x, 0.0).tolist() == [[1, 0], [3, 4]]
    assert xp.minimum(0.0, x).tolist() == [[0, -2], [0, 0]]
    assert xp.sign(x).tolist() == [[1, -1], [1, 1]]
    assert xp.clip(x, 0, 2).tolist() == [[1, 0], [2, 2]]
    assert xp.finfo(x.dtype).eps == np.finfo(np.float32).eps


def test_only_what_authors_may_import() -> None:
    """The code of the plugin imports `mlpkit.plugin` and `mlpkit.backend_kit`."""
    for path in Path(mlpkit_torch.training_rows.__file__).parent.glob("*.py"):
        imported = set(re.findall(r"^\s*(?:from|import) (mlpkit\b[\w.]*)", path.read_text(), re.M))
        assert imported <= {"mlpkit.plugin", "mlpkit.backend_kit"}, path


@pytest.mark.parametrize("k", [1, 3, 64, 65])
def test_softmax(k: int) -> None:
    """Of few columns and of many: PyTorch's own numbers and gradients, however large z is."""
    z = torch.randn(20, k, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 300
    one, two = (z.clone().requires_grad_() for _ in range(2))
    mine, its = softmax(one), torch.softmax(two, dim=1)
    (mine * z).sum().backward()
    (its * z).sum().backward()
    torch.testing.assert_close(mine, its)
    torch.testing.assert_close(one.grad, two.grad)


def test_adamw_is_that_of_pytorch() -> None:
    """Ten steps, with matrices that decay and vectors that do not."""
    rng = np.random.RandomState(0)
    arrays = {"coef_0": rng.standard_normal((5, 3)), "intercept_0": rng.standard_normal(3)}
    theirs = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    decays = {"coef_0": 0.1, "intercept_0": 0.0}
    groups = [{"params": [p], "weight_decay": decays[name]} for name, p in theirs.items()]
    optimizer = torch.optim.AdamW(groups, 0.05, (0.8, 0.99), 1e-30)
    solver = adamw(0.8, 0.99, 1e-30, 0.1)
    s = replace(spec(), hidden_layer_sizes=())
    steps = torch_backend(Network(arrays), s, recipe(solver=solver, alpha=0.0))
    state, progress = steps.start(arrays), Progress(0.05)
    epochs = EpochBatches(recipe(solver=solver), seed=0)
    plan, _ = epochs(np.zeros((10, 1), int), progress)
    assert plan.weight_decays is not None
    for rate, decay in zip(plan.learning_rates, plan.weight_decays, strict=True):
        gradients = {name: rng.standard_normal(a.shape) for name, a in arrays.items()}
        for name, p in theirs.items():
            p.grad = torch.from_numpy(gradients[name])
        optimizer.step()
        state = steps.update(state, gradients, 1.0, rate, decay)
    for name, p in theirs.items():
        close(p.detach().numpy(), steps.arrays(state)[name], 1e-12)
