"""Markdown tables of the results."""

from typing import Any

import numpy as np

from benchmarks import tables
from benchmarks.tabular.contenders import CONTENDERS, PEERS
from benchmarks.tabular.results import Fit
from benchmarks.tabular.sources import SOURCES
from benchmarks.tabular.variants import VARIANTS

Found = dict[Fit, dict[str, Any]]


def skills(found: Found) -> str:
    """Mean skill by table and contender, and mlpkit's difference to the best peer.

    The number of seeds is shown where there are fewer than of others.
    """
    names = present(found)
    head = ["", *names, *(["difference to the best peer"] if "mlpkit" in names else [])]
    lines = [head]
    rows = [(table, [mean(found, table, name, "skill") for name in names]) for table in held(found)]
    complete = [values for _, values in rows if None not in values]
    if len(complete) > 1:
        rows.append((f"mean of {len(complete)}", list(np.mean(complete, axis=0))))
    for table, values in rows:
        skill = dict(zip(names, values, strict=True))
        best = max((s for s in values if s is not None), default=None)
        counts = [seeds(found, table, name) for name in names]
        line = [
            table,
            *(
                _text(s, "{:.3f}", bold=s == best) + (f" ({n})" if 0 < n < max(counts) else "")
                for s, n in zip(values, counts, strict=True)
            ),
        ]
        if "mlpkit" in names:
            peers = [s for name, s in skill.items() if name in PEERS and s is not None]
            ours = skill["mlpkit"]
            ahead = None if ours is None or not peers else ours - max(peers)
            line.append(_text(ahead, "{:+.3f}"))
        lines.append(line)
    return tables.markdown(lines)


def seconds(found: Found, what: str = "fit_seconds") -> str:
    """Mean seconds (or milliseconds) by table and contender."""
    names = present(found)
    lines = [["", *names]]
    for table in held(found):
        values = [mean(found, table, name, what) for name in names]
        lines.append([table, *(_text(s, "{:.3g}") for s in values)])
    return tables.markdown(lines)


def ablation(found: Found) -> str:
    """By how much each variant changes mlpkit's skill, and the ratio of the processor times."""
    names = [name for name in present(found) if name in VARIANTS]
    lines = [["variant", *held(found), "mean", "processor time"]]
    for name in names:
        gains: list[float | None] = []
        times: list[float] = []
        for table in held(found):
            skill, usual_skill = (mean(found, table, n, "skill") for n in (name, "mlpkit"))
            time, usual_time = (mean(found, table, n, "fit_seconds") for n in (name, "mlpkit"))
            gains.append(None if skill is None or usual_skill is None else skill - usual_skill)
            times += [] if time is None or usual_time is None else [time / usual_time]
        all_known = [g for g in gains if g is not None]
        lines.append(
            [
                name,
                *(_text(g, "{:+.3f}") for g in gains),
                _text(float(np.mean(all_known)) if all_known else None, "{:+.3f}"),
                _text(float(np.exp(np.mean(np.log(times)))) if times else None, "{:.2f}"),
            ]
        )
    return tables.markdown(lines)


def errors(found: Found) -> str:
    """A line for each fit that failed."""
    return "\n".join(
        f"{fit.contender} on {fit.table}, seed {fit.seed}: {result['error']}"
        for fit, result in found.items()
        if "error" in result
    )


def report(found: Found) -> str:
    """All tables."""
    main = {fit: r for fit, r in found.items() if fit.contender not in VARIANTS}
    parts = [
        ("Skill, mean over the seeds", skills(main)),
        ("Processor seconds of a fit", seconds(main)),
        ("Processor seconds of predicting the test rows", seconds(main, "predict_seconds")),
        ("Processor milliseconds of predicting one row", seconds(main, "row_milliseconds")),
    ]
    if any(fit.contender in VARIANTS for fit in found):
        parts.append(("Ablation: differences of skill", ablation(found)))
    if errors(found):
        parts.append(("Errors", errors(found)))
    return "\n\n".join(f"{title}:\n\n{text}" for title, text in parts)


def mean(found: Found, table: str, contender: str, what: str) -> float | None:
    """The mean over the seeds, or None without a result."""
    values = [
        result[what]
        for fit, result in found.items()
        if (fit.table, fit.contender) == (table, contender) and what in result
    ]
    return float(np.mean(values)) if values else None


def seeds(found: Found, table: str, contender: str) -> int:
    """The number of seeds that have a skill."""
    return sum(fit[:2] == (table, contender) and "skill" in r for fit, r in found.items())


def present(found: Found) -> list[str]:
    """The contenders and variants that have results, in their order."""
    names = {fit.contender for fit, result in found.items() if "skill" in result}
    return [name for name in (*CONTENDERS, *VARIANTS) if name in names]


def held(found: Found) -> list[str]:
    """The tables that have results, in their order."""
    names = {fit.table for fit, result in found.items() if "skill" in result}
    return [name for name in SOURCES if name in names]


def _text(value: float | None, form: str, bold: bool = False) -> str:
    if value is None:
        return "-"
    text = form.format(value)
    return f"**{text}**" if bold else text
