"""Markdown tables of seconds, ratios and counts."""

from typing import Any

import numpy as np

from benchmarks.rounds import Found

# each backend of mlpkit, and the contender to which it is compared
PAIRS = {
    "mlpkit-numpy": "scikit-learn",
    "mlpkit-jax": "keras-jax",
    "mlpkit-tensorflow": "keras-tensorflow",
}


def ours(name: str) -> bool:
    """Return whether a contender is a backend of mlpkit."""
    return name.startswith("mlpkit")


def floor(name: str) -> bool:
    """Return whether a contender computes only the matrix products."""
    return name.startswith("floor")


def peer(name: str) -> bool:
    """Return whether a contender is another library."""
    return not (ours(name) or floor(name))


def best(results: dict[str, Any], of: Any) -> float | None:
    """Return the shortest time of the contenders for which ``of`` returns True."""
    known = [s for name, s in results.items() if of(name) and isinstance(s, float)]
    return min(known, default=None)


def ratio(numerator: Any, denominator: Any) -> float | None:
    """Return the ratio of two times, or None if one of them is unknown."""
    known = isinstance(numerator, float) and isinstance(denominator, float)
    return numerator / denominator if known else None


def seconds(found: Found, names: list[str]) -> str:
    """Return a table of seconds, with the ratios of mlpkit to the best peer and to the floor."""
    lines = [["", *names, "best peer / ours", "ours / floor"]]
    for question, results in found.items():
        own, others = best(results, ours), best(results, peer)
        ratios = ratio(others, own), ratio(own, best(results, floor))
        lines.append([question, *map(_text, (*(results.get(n) for n in names), *ratios))])
    return markdown(lines)


def ratios(found: Found) -> str:
    """Return a table of speedups: of the best backend over the best peer, and of each backend.

    The last row has the geometric means over the fits.
    """
    columns: list[Any] = [lambda r: ratio(best(r, peer), best(r, ours))]
    columns += [
        lambda r, a=backend, b=other: ratio(r.get(b), r.get(a)) for backend, other in PAIRS.items()
    ]
    head = ["", "our best / best peer", *(f"{a} / {b}" for a, b in PAIRS.items())]
    lines, fits = [head], []
    for question, results in found.items():
        values = [column(results) for column in columns]
        lines.append([question, *map(_text, values)])
        if question.startswith("fit"):
            fits.append(values)
    means = [_mean([v for v in column if v]) for column in zip(*fits, strict=True)]
    return markdown([*lines, ["geometric mean of the fits", *map(_text, means)]])


def counted(found: Found) -> str:
    """Return a table of the counts, with a row for each backend and case."""
    lines: list[list[str]] = []
    for name, cases in found.items():
        for case, counts in cases.items():
            if isinstance(counts, dict):
                lines = lines or [["", "", *counts]]
                lines.append([name, case, *(_text(v) for v in counts.values())])
    return markdown(lines) if lines else ""


def markdown(lines: list[list[str]]) -> str:
    """Return a table in Markdown; the first line has the names of the columns."""
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mean(values: list[float]) -> float | None:
    return float(np.exp(np.mean(np.log(values)))) if values else None


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if isinstance(value, float) else "-"
