"""The README's examples run, in their order, with every plugin installed."""

import os
import re
import tempfile
import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning

from mlpkit.catalogue import KNOWN
from mlpkit.registry import installed

# one Keras backend a process; whoever imports TensorFlow first would choose another
os.environ["KERAS_BACKEND"] = "jax"
os.environ["KERAS_HOME"] = tempfile.mkdtemp()
README = Path(__file__).parent.parent / "README.md"


def test_examples() -> None:
    """Each python block runs in one namespace, as a reader would type it."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    namespace: dict[str, object] = {"__name__": "readme"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for block in blocks:
            exec(compile(block, str(README), "exec"), namespace)


def test_the_test_command_is_what_ci_runs() -> None:
    """.ci/run calls the command that README gives, word for word."""
    commands = re.findall(r"^    (python3 -m venv .*)$", README.read_text(), re.MULTILINE)
    assert len(commands) == 2
    assert commands[1] in (README.parent / ".ci" / "run").read_text().splitlines()


def test_the_list_of_distributions_is_true() -> None:
    """What it says that each one brings, it brings."""
    for known in KNOWN:
        for kind, names in known.brings.items():
            for name in names:
                plugin, _ = installed().find(kind, name)  # type: ignore[arg-type]
                assert plugin.distribution == known.distribution, name
