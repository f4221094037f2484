"""The TensorFlow backend passes the conformance tests and a few tests of its own."""

import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.sparse import csr_array

from mlpkit import MLPClassifier
from mlpkit.backend_kit import ALIGNMENT, aligned, warn_about_float64
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.objectives.solvers import sgd
from mlpkit.testing import BackendTests, batches, close, data, recipe, spec
from mlpkit_tensorflow import devices, programs
from mlpkit_tensorflow.steps import backend


class TestTensorflow(BackendTests):
    backend = "tensorflow"


class TestTensorflowWithoutXLA(BackendTests):
    backend = "tensorflow"
    options = {"jit_compile": False}


def compiled() -> int:
    """How many programs were traced and compiled so far: each is for one shape."""
    kinds = (programs.epoch, programs.gradient, programs.update, programs.outputs)
    return sum(kind.cache_info().misses for kind in kinds)


def streamed(sizes: Any, backend: str = "tensorflow", **params: Any) -> MLPClassifier:
    """An estimator that has learned from batches of these sizes."""
    rng = np.random.RandomState(0)
    clf = MLPClassifier((5,), backend=backend, **params)
    for n in sizes:
        clf.partial_fit(rng.standard_normal((n, 3)), rng.randint(3, size=n), classes=[0, 1, 2])
    return clf


class TestCompilation:
    def test_a_stream_of_any_sizes(self) -> None:
        """partial_fit with 1 to 512 rows compiles at most 12 programs."""
        before = compiled()
        streamed(np.random.RandomState(0).permutation(np.arange(1, 513)))
        assert 2 < compiled() - before <= 12

    def test_gradients_of_parts_of_any_sizes(self) -> None:
        """Parts of steps of 1024 rows, which have 512 on average, compile a few programs."""
        s = spec(dtype="float32")
        network = dense.build(s, np.random.RandomState(0))
        steps = backend(network, s, recipe(batch_size=1024))
        state, rows = steps.start(network.arrays), steps.put(*data(s))
        before = compiled()
        for n in np.random.RandomState(0).binomial(1024, 0.5, 60):
            sums, gradients = steps.gradient(state, rows, np.resize(np.arange(21), n), 0)
            assert len({id(g.base) for g in gradients.values()}) == 1
        assert 2 <= compiled() - before <= 6

    def test_nothing_for_another_estimator(self) -> None:
        """alpha, learning rate, seed and the number of rows are run-time values."""
        sizes = [1, 30, 400, 450]
        streamed(sizes, random_state=0)
        before = compiled()
        streamed(sizes, random_state=1, alpha=0.5, learning_rate_init=0.1)
        streamed([2, 29, 410, 7], random_state=2)
        assert compiled() == before

    def test_nothing_for_another_decay_or_norm(self) -> None:
        """The strength of the weight decay and the largest norm are run-time values."""
        streamed([30, 7], solver="adamw", solver_options={"weight_decay": 0.1}, max_gradient_norm=1)
        before = compiled()
        streamed([30, 7], solver="adamw", solver_options={"weight_decay": 0.2}, max_gradient_norm=2)
        assert compiled() == before

    @pytest.mark.parametrize("params", [{"alpha": 1.0}, {"learning_rate_init": 0.1}])
    def test_what_is_not_compiled_counts_all_the_same(self, params: dict[str, float]) -> None:
        """The same program with another alpha or rate gives the weights that NumPy gives."""
        streamed([30, 7], random_state=0)
        found = streamed([30, 7], random_state=0, **params)
        expected = streamed([30, 7], random_state=0, backend="numpy", **params)
        close(expected.coefs_[0], found.coefs_[0], 1e-12)

    def test_options_of_a_solver_are_part_of_the_structure(self) -> None:
        """Two solvers of one kind don't share a program that has options built in."""
        found = []
        for momentum in (0.0, 0.9):
            network = dense.build(spec(), np.random.RandomState(0))
            steps = backend(network, spec(), recipe(solver=sgd(momentum)))
            state = steps.start(network.arrays)
            state, _ = steps.epoch(state, steps.put(*data(spec())), batches(21, 8))
            found.append(steps.arrays(state)["coef_0"])
        assert np.abs(found[0] - found[1]).max() > 1e-6


class TestManyRows:
    def test_gradient_over_blocks_equals_numpy(self) -> None:
        """All rows, or long indices, in blocks of 4096: NumPy's sums and gradients."""
        s, n = spec(), 9000
        network = dense.build(s, np.random.RandomState(0))
        found = []
        for make in (numpy_backend.backend, backend):
            steps = make(network, s, recipe())
            state, rows = steps.start(network.arrays), steps.put(*data(s, n))
            for indices in (None, np.append(np.arange(5000), -1)):
                sums, gradient = steps.gradient(state, rows, indices, 0)
                found.append({**gradient, **sums._asdict()})
        close(found[0], found[2], 1e-9)
        close(found[1], found[3], 1e-9)

    @pytest.mark.parametrize("form", [np.asarray, csr_array])
    def test_outputs_over_blocks(self, form: Any) -> None:
        """Outputs of more rows than a block, sparse ones densified block by block."""
        s = spec()
        network = dense.build(s, np.random.RandomState(0))
        steps = backend(network, s, recipe())
        X, _, _ = data(s, 9000)
        expected = dense.outputs(X, *dense.layers(network.arrays), s.activations)
        close(expected, steps.outputs(steps.start(network.arrays), form(X)), 1e-12)


class TestDevices:
    @pytest.mark.skipif(devices._has_gpu(), reason="a GPU has memory of its own")
    def test_tensors_share_the_memory_of_aligned_arrays(self) -> None:
        """Others are copied, since TensorFlow's functions rely on the alignment."""
        array = aligned((5, 16), "float32")
        array[:] = 1
        whole, part = devices.tensor(array), devices.tensor(array[0, 1:])
        array[0] = 7
        assert (whole[0].numpy() == 7).all() and (part.numpy() == 1).all()
        for made in (devices.tensor(array), devices.tensor(array[0, 1:])):
            assert np.asarray(made).ctypes.data % ALIGNMENT == 0

    def test_by_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The option's values on a machine with GPUs; "auto" is left to TensorFlow."""
        assert devices.selected_device("auto") is None
        assert devices.selected_device("cpu") == "/CPU:0"
        with pytest.raises(ValueError, match="device=0 is not available: backend='tensorflow' f"):
            devices.selected_device(0)
        assert devices.device() == "cpu"
        monkeypatch.setattr(devices, "_gpus", lambda: ["H0", "H1"])
        assert (devices.selected_device("gpu"), devices.selected_device(1)) == ("/GPU:0", "/GPU:1")
        assert devices.device() == "gpu 0 (H0)"

    def test_it_computes_on_the_device_that_is_asked_for(self) -> None:
        """The second of two CPUs stands for a GPU."""
        code = """if True:
            import numpy as np, tensorflow as tf
            (cpu,) = tf.config.list_physical_devices("CPU")
            two = [tf.config.LogicalDeviceConfiguration()] * 2
            tf.config.set_logical_device_configuration(cpu, two)
            from mlpkit.numpy_backend import dense
            from mlpkit.testing import batches, close, data, recipe, spec
            from mlpkit_tensorflow import steps
            network = dense.build(spec(), np.random.RandomState(0))
            found = []
            for name in (None, "/CPU:1"):
                steps.selected_device = lambda device: name
                made = steps.backend(network, spec(), recipe(), jit_compile=False)
                state, rows = made.start(network.arrays), made.put(*data(spec()))
                state, _ = made.epoch(state, rows, batches(21, 8))
                found.append(made.arrays(state))
                print({t.device[-5:] for t in state.weights.values()})
            close(found[0], found[1], 1e-12)
        """
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        assert done.stdout == "{'CPU:0'}\n{'CPU:1'}\n"


class TestProcess:
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
    def test_a_forked_child_raises(self) -> None:
        """After use in the parent a child raises at once, and names what to use instead. Before,
        the import of the steps, and of TensorFlow with them, raises no warning of Python's.
        """
        code = (
            "import mlpkit_tensorflow.steps\n"
            "import os, warnings; import numpy as np; from mlpkit import MLPClassifier\n"
            "X, y = np.ones((4, 2)), [0, 1, 0, 1]\n"
            "clf = MLPClassifier((2,), backend='tensorflow', max_iter=1)\n"
            "warnings.simplefilter('ignore')\n"
            "clf.fit(X, y)\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    try: clf.fit(X, y)\n"
            "    except RuntimeError as error: os._exit(7 if 'loky' in str(error) else 1)\n"
            "    os._exit(0)\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.stdout.strip() == "7"

    def test_float64_on_a_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A float64 fit on a GPU warns once in a process, a float32 fit never."""
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
        warn_about_float64.cache_clear()
        network = dense.build(spec(), np.random.RandomState(0))
        single = backend(network, spec(dtype="float32"), recipe())
        double = backend(network, spec(), recipe())
        single.put(*data(spec(dtype="float32")))
        with pytest.warns(UserWarning, match="dtype='float32'"):
            double.put(*data(spec()))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            double.put(*data(spec()))
        warn_about_float64.cache_clear()
