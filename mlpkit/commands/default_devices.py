"""Ask plugins which device their backend uses, each in a process of its own, side by side.

The answer may need a framework, which takes seconds to import, prints, or crashes.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

SECONDS = 60.0  # until an answer is given up
# what is printed by the framework goes nowhere, and the answer to a stream of its own
CODE = """
import json, os, sys
from importlib import import_module
answer = os.fdopen(os.dup(1), "w")
null = os.open(os.devnull, os.O_WRONLY)
os.dup2(null, 1), os.dup2(null, 2)
sys.path[:] = json.loads(sys.argv[2])
module, _, function = sys.argv[1].partition(":")
try:
    found = getattr(import_module(module), function)()
    if not isinstance(found, str):
        raise TypeError(f"{sys.argv[1]} must return a string, not {found!r}")
except BaseException as error:
    found = f"unknown: {type(error).__name__}: {error}"
json.dump(found, answer)
answer.flush()
os._exit(0)
"""


def answers(functions: Mapping[str, str], seconds: float = SECONDS) -> Iterator[tuple[str, str]]:
    """The answer of each function, under its name, in the order given.

    A value without a colon is an answer itself; a reason stands in the place of an answer that
    is not given.
    """
    end = time.monotonic() + seconds
    asked = {
        name: subprocess.Popen(
            [sys.executable, "-c", CODE, function, json.dumps(sys.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for name, function in functions.items()
        if ":" in function
    }
    try:
        for name, function in functions.items():
            yield name, _answer(asked[name], end) if name in asked else function
    finally:
        for process in asked.values():
            process.kill()
            process.communicate()


def _answer(process: "subprocess.Popen[str]", end: float) -> str:
    try:
        out, _ = process.communicate(timeout=max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "unknown: no answer in time"
    try:
        return " ".join(json.loads(out).split())
    except ValueError:
        return f"unknown: the process ended with code {process.returncode}"
