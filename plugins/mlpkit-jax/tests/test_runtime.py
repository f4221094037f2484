"""JAX in the process: precision, forks, other frameworks, devices."""

import os
import subprocess
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mlpkit_jax.training_rows
from mlpkit import MLPClassifier
from mlpkit.backend_kit import warn_about_float64
from mlpkit.numpy_backend import dense
from mlpkit.testing import data, recipe, spec
from mlpkit_jax import runtime
from mlpkit_jax.steps import backend
from mlpkit_jax.training_rows import RESIDENT_ROWS


def test_float64_is_ours_alone() -> None:
    """The process goes on in float32, also when fits in both precisions alternate."""
    X, y, _ = data(spec(), 40)
    for dtype in ("float64", "float32", "float64"):
        model = MLPClassifier((4,), backend="jax", tol=10.0, n_iter_no_change=1)
        assert model.fit(X.astype(dtype), y.argmax(1)).coefs_[0].dtype == dtype
        assert jnp.zeros(1).dtype == "float32"


def test_forked_processes_are_told() -> None:
    """An error that names loky instead of a hang; the weights can still be read."""
    code = """
    import os, signal, sys, warnings
    import numpy as np
    from mlpkit import MLPClassifier

    warnings.simplefilter("ignore")  # JAX warns of forks
    X, y = np.random.RandomState(0).standard_normal((40, 3)), np.arange(40) % 3
    clf = MLPClassifier((4,), backend="jax", max_iter=2).fit(X, y)
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    signal.alarm(20)  # a hang is a failure
    clf.predict(X)
    try:
        MLPClassifier((4,), backend="jax").fit(X, y)
    except RuntimeError as error:
        told = "loky" in str(error)
        os._exit(0 if told else 1)
    os._exit(2)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], timeout=120)
    assert 0 == done.returncode


def test_programs_on_a_cpu_run_in_the_thread_that_calls_them() -> None:
    """A result is there when the call returns: no other thread has to be woken."""
    code = """
    import sys
    import jax, jax.numpy as jnp
    from mlpkit_jax.runtime import computing

    with computing("float32"):
        x = jnp.ones((1000, 1000))
        slow = jax.jit(lambda x: jax.lax.fori_loop(0, 20, lambda _, x: x @ x / 1000, x))
        jax.block_until_ready(slow(x))
        sys.exit(not slow(x).is_ready())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_other_frameworks_are_not_imported() -> None:
    """Neither TensorFlow nor Keras, for a whole fit."""
    code = """
    import sys
    import numpy as np
    from mlpkit import MLPClassifier

    X, y = np.random.RandomState(0).standard_normal((40, 3)), np.arange(40) % 3
    MLPClassifier((4,), backend="jax", tol=10.0, n_iter_no_change=1).fit(X, y).predict(X)
    sys.exit(sum(name in sys.modules for name in ("tensorflow", "keras", "torch")))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_accelerators_keep_many_rows_and_warn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The warning is raised once per process, for float64 alone; a few rows stay on the host."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    warn_about_float64.cache_clear()
    n = RESIDENT_ROWS
    network = dense.build(spec(), np.random.RandomState(1))
    found = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for s, rows in ((spec(dtype="float32"), n), (spec(), n), (spec(), n - 1)):
            steps = backend(network, s, recipe())
            found.append(steps.put(*data(s, rows)).sizes == mlpkit_jax.training_rows.DEVICE)
    warn_about_float64.cache_clear()
    assert [True, True, False] == found
    (hint,) = caught
    assert "dtype='float32'" in str(hint.message)


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option's values on a machine with GPUs; "auto" is left to JAX."""
    cpu = jax.devices("cpu")[0]
    assert runtime.selected_device("auto") is None and runtime.selected_device("cpu") is None
    assert runtime.device() == "cpu"
    with pytest.raises(ValueError, match="device='gpu' is not available: backend='jax' finds no"):
        runtime.selected_device("gpu")
    gpus = [SimpleNamespace(platform="gpu", device_kind=f"H{i}") for i in range(2)]
    monkeypatch.setattr(runtime, "_devices", lambda p: gpus if p == "gpu" else [cpu])
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert runtime.selected_device("gpu") is gpus[0] and runtime.selected_device(1) is gpus[1]
    assert runtime.selected_device("cpu") is cpu
    assert runtime.device() == "gpu 0 (H0)"
    assert runtime.on_accelerator("float32", gpus[0]) and not runtime.on_accelerator("float64", cpu)
    monkeypatch.setattr(runtime, "_devices", lambda p: gpus if p == "gpu" else [])
    with pytest.raises(ValueError, match="device='cpu' is not available: the CPU is not among"):
        runtime.selected_device("cpu")


def test_it_computes_on_the_device_that_is_asked_for() -> None:
    """The second of two CPUs stands for a GPU."""
    code = """
    import jax, numpy as np
    from mlpkit.testing import batches, data, recipe, spec
    from mlpkit.numpy_backend import dense
    from mlpkit_jax import runtime, steps

    second = jax.devices("cpu")[1]
    steps.selected_device = lambda device: second
    network = dense.build(spec(), np.random.RandomState(0))
    made = steps.backend(network, spec(), recipe(), device=1)
    state, _ = made.epoch(made.start(network.arrays), made.put(*data(spec())), batches(21, 8))
    print({a.device for a in jax.tree.leaves(state)} == {second})
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "True\n"


@pytest.mark.parametrize("platforms", ["cuda", "nonsense"])
def test_platforms_that_are_not_there(platforms: str) -> None:
    """An error in words, where JAX has an empty AssertionError."""
    code = """
    import numpy as np
    from mlpkit import MLPClassifier
    try:
        MLPClassifier((4,), backend="jax").fit(np.eye(4), [0, 1, 0, 1])
    except RuntimeError as error:
        print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "JAX_PLATFORMS": platforms},
        check=True,
        capture_output=True,
        text=True,
    )
    assert (
        "JAX cannot start on the platforms that the environment variable JAX_PLATFORMS"
        in done.stdout
    )
    assert f"'{platforms}': " in done.stdout and "set it to 'cpu'" in done.stdout


def test_threads_have_precisions_of_their_own() -> None:
    """Fits in float32 and float64 at the same time equal those one after the other."""
    X, y, _ = data(spec(), 200)

    def fit(dtype: str) -> np.ndarray:
        model = MLPClassifier((4,), backend="jax", random_state=0)
        for _ in range(20):
            model.partial_fit(X.astype(dtype), y.argmax(1), classes=[0, 1, 2])
        return model.coefs_[0]

    dtypes = ["float32", "float64"] * 4
    with ThreadPoolExecutor(4) as pool:
        for dtype, found in zip(dtypes, pool.map(fit, dtypes), strict=True):
            assert found.dtype == dtype
            np.testing.assert_array_equal(fit(dtype), found)
