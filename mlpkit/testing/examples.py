"""The Python examples of a page, run as a test."""

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.exceptions import ConvergenceWarning

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_examples(page: str | os.PathLike[str], changes: Mapping[str, str] | None = None) -> int:
    r"""Run the Python examples of a page in Markdown, such as the README of a plugin.

    The examples are the blocks after a line of three backticks and ``python``. They run in their
    order and in one namespace. Warnings that a fit has not converged are ignored.

    Parameters
    ----------
    page : path-like
        The page.
    changes : dict of str, default=None
        Parts of the examples and the text that replaces each of them, such as the name of a
        backend that is not under test.

    Returns
    -------
    int
        Number of examples.

    Raises
    ------
    ValueError
        If no example contains a key of ``changes``.

    Examples
    --------
    >>> import os, tempfile
    >>> from mlpkit.testing import run_examples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = os.path.join(folder, "README.md")
    ...     with open(page, "w") as file:
    ...         _ = file.write("The sum:\n\n```python\nprint(1 + 2)\n```\n")
    ...     run_examples(page, changes={"1 +": "2 +"})
    4
    1
    """
    path = Path(page)
    text = path.read_text(encoding="utf-8")
    # with the lines before them, so that tracebacks show the line of the page
    examples = [
        "\n" * text.count("\n", 0, block.start(1)) + block[1] for block in BLOCK.finditer(text)
    ]
    for part, replacement in (changes or {}).items():
        if not any(part in example for example in examples):
            raise ValueError(f"no example of {path} contains {part!r}")
        examples = [example.replace(part, replacement) for example in examples]
    names: dict[str, Any] = {"__name__": path.stem}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for example in examples:
            exec(compile(example, str(path), "exec"), names)
    return len(examples)
