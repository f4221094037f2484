"""What the compiled programs receive, and how they multiply matrices."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src import compilation_cache

from mlpkit.backend_kit import ProgramStore
from mlpkit.numpy_backend import dense
from mlpkit.testing import batches, data, recipe, spec
from mlpkit_jax import runtime
from mlpkit_jax.networks import product_on_cpu
from mlpkit_jax.steps import StepFunctions, backend


def test_a_program_receives_and_returns_few_arrays() -> None:
    """The weights are one array and the optimizer state another, before and after an epoch."""
    s = spec(dtype="float32")
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe())
    state = steps.start(network.arrays)
    after, _ = steps.epoch(state, steps.put(*data(s)), batches(21, 8))
    assert len(jax.tree.leaves(state)) == len(jax.tree.leaves(after)) == 2


def test_few_operations_precede_the_loop() -> None:
    """XLA uses another thread as soon as one operation runs and more than eight others could."""
    s = spec(dtype="float32")
    network = dense.build(s, np.random.RandomState(0))
    f = StepFunctions(network, s, recipe(), device="auto", resident=None)
    state, rows = f.start(network.arrays), f.put(*data(s))
    with runtime.computing("float32"):
        block = next(iter(rows.blocks(batches(21, 8), f.full)))
        compiled = f.programs.run.lower(state, block, f.settings[False]).compile()
    before_loop = compiled.as_text().split("\nENTRY")[1].split(" while(")[0]
    operations = re.findall(r" = .*? (conditional|copy|dot|fusion|slice)\(", before_loop)
    assert operations.count("conditional") == 3  # 6 weights and 12 moments
    assert len(operations) <= 9


def test_gradients_are_one_array() -> None:
    """They are transferred at once, and an update accepts parts of any arrays."""
    s = spec(dtype="float32")
    network = dense.build(s, np.random.RandomState(0))
    steps = backend(network, s, recipe())
    state, rows = steps.start(network.arrays), steps.put(*data(s))
    sums, gradients = steps.gradient(state, rows, np.arange(8), 0)
    bases = {id(g.base) for g in gradients.values()}
    assert len(bases) == 1 and all(g.flags.writeable for g in gradients.values())
    copies = {name: np.asfortranarray(g, "float64") for name, g in gradients.items()}
    found = [steps.arrays(steps.update(state, g, sums.weight, 0.1)) for g in (gradients, copies)]
    for name in network.arrays:
        np.testing.assert_array_equal(found[0][name], found[1][name])


@pytest.mark.parametrize("n", [5, 300])
@pytest.mark.parametrize("n_outputs", [1, 10, 40])
def test_products_have_the_gradients_of_jax(n: int, n_outputs: int) -> None:
    """With respect to both factors, for narrow and wide products of few and many rows."""
    rng = np.random.RandomState(0)
    x, weights = rng.standard_normal((n, 7)), rng.standard_normal((7, n_outputs))
    delta = rng.standard_normal((n, n_outputs))
    with runtime.computing("float64"):
        found = jax.jit(lambda x, w, d: jax.vjp(product_on_cpu, x, w)[1](d))(x, weights, delta)
        expected = jax.vjp(jnp.matmul, x, weights)[1](delta)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_vectors_have_512_bits() -> None:
    """This version of XLA accepts the option."""
    assert runtime.options_on_cpu.__wrapped__() == {"xla_cpu_prefer_vector_width": 512}


def test_unknown_options_of_the_compiler_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of XLA without them compiles with its own options."""
    monkeypatch.setattr(runtime, "VECTORS", {"xla_cpu_unknown_option": 512})
    assert runtime.options_on_cpu.__wrapped__() is None


def test_flags_of_the_user_take_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options of a program would replace the value in XLA_FLAGS."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=256")
    assert runtime.options_on_cpu.__wrapped__() is None
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    assert runtime.options_on_cpu.__wrapped__() == runtime.VECTORS


def test_programs_on_disk_depend_on_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that was compiled with other options is not used."""
    monkeypatch.setattr(compilation_cache, "_cache", ProgramStore(tmp_path, 1 << 20))
    monkeypatch.setattr(compilation_cache, "_cache_initialized", True)
    shortest = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    try:
        for options in (None, runtime.VECTORS, runtime.VECTORS):
            jax.jit(lambda x: 2 * x, compiler_options=options).lower(1.0).compile()
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", shortest)
    assert len(list(tmp_path.iterdir())) == 2
