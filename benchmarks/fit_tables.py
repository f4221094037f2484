"""The tables of the fits: multiples of the floor, and mlpkit against the best other library."""

import numpy as np

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Figures
from benchmarks.questions import PARTS, Question
from benchmarks.tables import Column, by_contender, floor, markdown, ours, peer, text, title

OURS = [name for name in CONTENDERS if ours(name)]
PEERS = [name for name in CONTENDERS if peer(name)]
FLOORS = [name for name in CONTENDERS if floor(name)]


def best_time(figures: Figures, question: Question, names: list[str]) -> float | None:
    """The shortest time of these contenders, or None."""
    best = figures.best(question, names)
    return None if best is None else float(figures.value(question, best))


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """The ratio of two times, or None if one is unknown."""
    return None if numerator is None or denominator is None else numerator / denominator


def floors(figures: Figures, questions: list[Question]) -> str:
    """The time of each contender as a multiple of the floor."""

    def column(question: Question) -> Column:
        low = best_time(figures, question, FLOORS)
        return Column(question.name, lambda name: ratio(figures.value(question, name), low))

    seconds = [text(best_time(figures, question, FLOORS)) for question in questions]
    first = [["Floor, seconds", *seconds]]
    return by_contender([column(q) for q in questions], (*FLOORS, *OURS, *PEERS), first)


def comparison(figures: Figures, questions: list[Question]) -> str:
    """The best backend and the best other library of each fit, and the geometric mean."""
    lines, speedups = [["", "mlpkit on", "Times the floor", "Best other library", "Ratio"]], []
    for question in questions:
        own, other = (figures.best(question, names) for names in (OURS, PEERS))
        if own is None or other is None:
            continue
        seconds, seconds_of_other = (figures.value(question, name) for name in (own, other))
        low = ratio(seconds, best_time(figures, question, FLOORS))
        speedups.append(seconds_of_other / seconds)
        names = title(own).removeprefix("mlpkit on "), title(other)
        lines.append([question.name, names[0], text(low), names[1], f"{speedups[-1]:.2f}"])
    if len(speedups) > 1:
        mean = float(np.exp(np.mean(np.log(speedups))))
        lines.append(["geometric mean", "", "", "", f"{mean:.2f}"])
    return markdown(lines)


def losses(figures: Figures) -> str:
    """Where another library is faster than a backend of mlpkit, and how many times as fast."""
    lines = [["", "mlpkit on", "Faster", "Times as fast"]]
    compared = [
        (question, own, other)
        for part in ("fit", "long", "stream", "predict", "start", "sparse")
        for question in PARTS[part]
        if (other := figures.best(question, PEERS)) is not None
        for own in OURS
        if own in figures.names(question)
    ]
    for question, own, other in compared:
        speedup = figures.value(question, own) / figures.value(question, other)
        if speedup > 1:
            backend = title(own).removeprefix("mlpkit on ")
            lines.append([str(question), backend, title(other), f"{speedup:.2f}"])
    if len(lines) == 1:
        return "No other library is faster in any of these." if compared else ""
    return markdown(lines)
