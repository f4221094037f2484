"""The default devices of backends.

A plugin may need its framework to find its device. A framework takes seconds to import, prints, or
crashes, so each function is called in its own process, and all processes run at the same time.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

TIMEOUT = 60.0  # seconds
# output of the framework is discarded; the result is written to a duplicate of stdout
PROGRAM = """
import json, os, sys
from importlib import import_module
output = os.fdopen(os.dup(1), "w")
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1), os.dup2(null, 2)
sys.path[:] = json.loads(sys.argv[2])
module, _, function = sys.argv[1].partition(":")
try:
    device = getattr(import_module(module), function)()
    if not isinstance(device, str):
        raise TypeError(f"{sys.argv[1]} must return a string, got {device!r}")
except BaseException as error:
    device = f"unknown: {type(error).__name__}: {error}"
json.dump(device, output)
output.flush()
os._exit(0)
"""


def default_devices(
    declared: Mapping[str, str], timeout: float = TIMEOUT
) -> Iterator[tuple[str, str]]:
    """Yield the name and the device of each backend, in the given order.

    ``declared`` has `Component.device` by the name of the backend: a device, or a function
    ``"package.module:function"`` that returns it. If the function fails, the device is "unknown"
    with the reason.
    """
    deadline = time.monotonic() + timeout
    path = json.dumps([*sys.path, str(Path(__file__).parents[2])])  # the last one has mlpkit itself
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-c", PROGRAM, function, path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for name, function in declared.items()
        if ":" in function
    }
    try:
        for name, device in declared.items():
            yield name, _result(processes[name], deadline) if name in processes else device
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()


def _result(process: "subprocess.Popen[str]", deadline: float) -> str:
    try:
        output, _ = process.communicate(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "unknown: no result in time"
    try:
        return " ".join(json.loads(output).split())
    except ValueError:
        return f"unknown: the process ended with code {process.returncode}"
