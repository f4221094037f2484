"""The peak memory of a program for a small and for a large file."""

import json
import os
import subprocess
import sys
from pathlib import Path

from environments import plain


def assert_constant_memory(program: str, *arguments: str | Path, n_large: int) -> list[int]:
    """Assert that the peaks for both files differ by less than a quarter of a column.

    The program prints, as JSON, the peaks of NumPy's and of Arrow's memory for the small and for
    the large file, which has ``n_large`` rows. Return the peaks for the large file.
    """
    process = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**plain(), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    small, large = json.loads(process.stdout)
    for library, low, high in zip(("NumPy", "Arrow"), small, large, strict=True):
        assert high < low + n_large * 8 / 4, library
    return [int(peak) for peak in large]
