"""The example in the README runs on the backend under test."""

from pathlib import Path

import keras

from mlpkit.testing import run_examples

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs() -> None:
    """The example names JAX and runs on TensorFlow, too."""
    changes = {'backend="jax"': f'backend="{keras.backend.backend()}"'}
    assert run_examples(README, changes) == 1
