"""Workers keep the memory of one step for the next one."""

import os
import subprocess
import sys

import pytest

COUNT = """
from contextlib import nullcontext
from resource import RUSAGE_SELF, getrusage
import numpy as np
from mlpkit_dask.fitting.allocation import kept_memory

def faults(context):
    with context:
        for i in range(60):
            if i == 10:
                before = getrusage(RUSAGE_SELF).ru_minflt
            np.ones(1 << 20), np.ones(1 << 19)  # 8 and 4 MiB
        return getrusage(RUSAGE_SELF).ru_minflt - before

print(faults(nullcontext()), faults(kept_memory()), faults(nullcontext()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_kept_memory() -> None:
    """In the environment of a worker with a nanny, which is as before after the fit."""
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", COUNT]
    output = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
    before, kept, after = map(int, output.split())
    assert before > 10_000 < after
    assert kept < 1_000
