"""The example in the README runs on the backend under test."""

import re
import warnings
from pathlib import Path

import keras
from sklearn.exceptions import ConvergenceWarning

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs() -> None:
    """The example names JAX and runs on TensorFlow, too."""
    (block,) = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S)
    assert (text := 'backend="jax"') in block
    block = block.replace(text, f'backend="{keras.backend.backend()}"')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        exec(compile(block, README.name, "exec"), {"__name__": "readme"})
