"""Exceptions that come from outside, as a signal does: raised before a line of mlpkit runs."""

import ast
import sys
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any


class Injected(BaseException):
    """Nothing in mlpkit expects it."""


@cache
def cleanup(path: str) -> tuple[frozenset[int], frozenset[int]]:
    """The lines of a file that clean up (`finally`, ``__exit__``) or only say `try`, and those
    of `with`.

    No statement of Python survives an exception in the middle of its own cleanup, and the
    interpreter delivers no signal between a `with` block and its exit.
    """
    tree = ast.parse(Path(path).read_text())
    skipped: set[int] = set()
    opening: set[int] = set()
    for node in ast.walk(tree):
        body: list[ast.stmt] = getattr(node, "finalbody", [])
        if isinstance(node, ast.FunctionDef) and node.name == "__exit__":
            body = node.body
        for statement in body:
            skipped |= set(range(statement.lineno, (statement.end_lineno or 0) + 1))
        if isinstance(node, ast.Try):  # its own line does nothing, and is in no block
            skipped.add(node.lineno)
        if isinstance(node, ast.With):
            opening.add(node.lineno)
    return frozenset(skipped), frozenset(opening)


def finalizing(frame: FrameType | None) -> bool:
    """Whether a finalizer runs: Python reports what is raised there, and propagates nothing."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


class Lines:
    """Counts the lines that run inside a context, and raises before the one of this number."""

    def __init__(self, at: int = -1, kind: type[BaseException] = Injected) -> None:
        self.at, self.kind, self.count, self.where = at, kind, 0, ""
        self._entered: dict[FrameType, set[int]] = {}  # a generator's frame is called often

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        path = frame.f_code.co_filename
        if "/mlpkit" not in path or "/tests/" in path or not path.endswith(".py"):
            return None
        if frame.f_back is not None and frame.f_back.f_code.co_name == "__exit__":
            return None
        if finalizing(frame):
            return None
        skipped, opening = cleanup(path)
        entered = self._entered.setdefault(frame, set())

        def local(frame: FrameType, event: str, arg: Any) -> Any:
            line = frame.f_lineno
            if event != "line" or line in skipped:
                return local
            if line in entered:  # the end of its block
                entered.discard(line)
                return local
            if line in opening:
                entered.add(line)
            self.count += 1
            if self.count == self.at:
                self.where = f"{path}:{line}"
                raise self.kind(self.where)
            return local

        return local

    @contextmanager
    def traced(self) -> Any:
        """Inside, the lines of this thread count."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            yield self
        finally:
            sys.settrace(before)


def lines_of(call: Callable[[], Any]) -> int:
    """How many lines of mlpkit a call runs."""
    with Lines().traced() as lines:
        call()
    return lines.count
