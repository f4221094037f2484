"""Tables in Markdown: seconds, the ratios that are promised, counts."""

from typing import Any

import numpy as np

from benchmarks.rounds import Found

PAIRS = {  # each backend of ours, and whom it is held against
    "mlpkit-numpy": "scikit-learn",
    "mlpkit-jax": "keras-jax",
    "mlpkit-tensorflow": "keras-tensorflow",
}


def ours(name: str) -> bool:
    """Whether it is one of our backends."""
    return name.startswith("mlpkit")


def floor(name: str) -> bool:
    """Whether it is matrix products alone."""
    return name.startswith("floor")


def peer(name: str) -> bool:
    """Whether it is another library."""
    return not (ours(name) or floor(name))


def best(results: dict[str, Any], of: Any) -> float | None:
    """The least seconds of those contenders."""
    known = [s for name, s in results.items() if of(name) and isinstance(s, float)]
    return min(known, default=None)


def ratio(numerator: Any, denominator: Any) -> float | None:
    """Of two times, where both are known."""
    known = isinstance(numerator, float) and isinstance(denominator, float)
    return numerator / denominator if known else None


def seconds(found: Found, names: list[str]) -> str:
    """Seconds by question and contender, our best against the best peer and the floor."""
    lines = [["", *names, "best peer / ours", "ours / floor"]]
    for question, results in found.items():
        mine, theirs = best(results, ours), best(results, peer)
        ratios = ratio(theirs, mine), ratio(mine, best(results, floor))
        lines.append([question, *map(_text, (*(results.get(n) for n in names), *ratios))])
    return _table(lines)


def ratios(found: Found) -> str:
    """How many times as fast: our best against the best peer, each backend against its peer,
    and the geometric means over the fits.
    """
    columns: list[Any] = [lambda r: ratio(best(r, peer), best(r, ours))]
    columns += [
        lambda r, a=mine, b=theirs: ratio(r.get(b), r.get(a)) for mine, theirs in PAIRS.items()
    ]
    head = ["", "our best / best peer", *(f"{a} / {b}" for a, b in PAIRS.items())]
    lines, fits = [head], []
    for question, results in found.items():
        values = [column(results) for column in columns]
        lines.append([question, *map(_text, values)])
        if question.startswith("fit"):
            fits.append(values)
    means = [_mean([v for v in column if v]) for column in zip(*fits, strict=True)]
    return _table([*lines, ["geometric mean of the fits", *map(_text, means)]])


def counted(found: Found) -> str:
    """What `counters` counted, a line for each backend and case."""
    lines: list[list[str]] = []
    for name, cases in found.items():
        for case, counts in cases.items():
            if isinstance(counts, dict):
                lines = lines or [["", "", *counts]]
                lines.append([name, case, *(_text(v) for v in counts.values())])
    return _table(lines) if lines else ""


def _mean(values: list[float]) -> float | None:
    return float(np.exp(np.mean(np.log(values)))) if values else None


def _table(lines: list[list[str]]) -> str:
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else "-"
