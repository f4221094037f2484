"""Plots of the training: losses, validation scores and metrics by epoch and group."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlpkit.metrics.grouping import GroupLabel
from mlpkit.plugin import MetricValue
from mlpkit.reports.pages import figures, markup
from mlpkit.reports.pages.columns import ALL
from mlpkit.reports.pages.scales import Scale, scale_of

MAX_POINTS = 150  # number of points of a line
N_LINES = 4  # groups with the highest and with the lowest last values that are drawn


class Line(NamedTuple):
    """The values of one group by epoch."""

    kind: str  # "overall", "group" or "marked"
    label: str  # markup
    points: list[tuple[float, float]]


def loss_curves(losses: Sequence[float], scores: Sequence[float] | None) -> str:
    """The training losses and the validation scores of an estimator."""
    panels, scores = [], () if scores is None else scores
    for name, values in (("training loss", losses), ("validation score", scores)):
        if len(values):
            points = [(i + 1.0, float(v)) for i, v in enumerate(values)]
            panels.append(panel(name, [Line("overall", name, points)], None))
    if not panels:
        return ""
    caption = f"The training loss of {markup.plural(len(losses), 'epoch')}"
    if len(scores):
        best = max(range(len(scores)), key=lambda i: (math.isfinite(scores[i]), scores[i]))
        caption += (
            f", and the validation score, which is highest in epoch {best + 1:,}:"
            f" {markup.fixed(scores[best], 4)}"
        )
    return figures.figure(panels, f"{caption}.")


def history_figures(
    history: Iterable[MetricValue], directions: Mapping[str, bool | None]
) -> Iterator[str]:
    """A figure for each metric and partitioner of a history, with a panel for each split."""
    series: dict[tuple[str, str, str], dict[GroupLabel, list[tuple[float, float]]]] = {}
    for v in history:
        own = series.setdefault((v.metric, v.partitioner, v.split), {})
        own.setdefault((v.partitioner, v.partition), []).append((float(v.epoch), v.value))
    metrics = list(dict.fromkeys(metric for metric, _, _ in series))
    for metric in metrics:
        by = [p for m, p, _ in series if m == metric and p != "all"]
        for partitioner in dict.fromkeys(by or ["all"]):
            splits = [s for m, p, s in series if (m, p) == (metric, partitioner)]
            panels = {}
            for split in splits:
                lines = dict(series.get((metric, "all", split), {}))
                lines.update(series[metric, partitioner, split])
                panels[split] = lines
            yield _history_figure(metric, partitioner, panels, directions.get(metric))


def _history_figure(
    metric: str,
    partitioner: str,
    panels: Mapping[str, Mapping[GroupLabel, list[tuple[float, float]]]],
    higher_is_better: bool | None,
) -> str:
    """One metric by the groups of one partitioner, on one vertical axis."""
    chosen = {split: _chosen(lines) for split, lines in panels.items()}
    scale = scale_of(y for lines in chosen.values() for own in lines.values() for _, y in own)
    svgs, remarks = [], []
    for split, lines in chosen.items():
        worst = _worst(lines, higher_is_better)
        drawn = [
            Line(
                "overall" if g == ALL else "marked" if g == worst else "group",
                "all rows" if g == ALL else markup.text(g[1]),
                points,
            )
            for g, points in lines.items()
        ]
        drawn.sort(key=lambda line: ("group", "marked", "overall").index(line.kind))
        svgs.append(panel(split, drawn, scale))
        if worst is not None:
            remarks.append(f"{markup.name(split)}: {markup.name(worst[1])}")
    title = markup.name(metric)
    if partitioner == "all":
        return figures.figure(svgs, f"{title} by epoch.")
    n_left_out = max(len(lines) for lines in panels.values()) - max(map(len, chosen.values()))
    caption = f"{title} by epoch and {markup.name(partitioner)}; the thick line is all rows."
    if remarks:
        caption += f" Coloured: the group that is worst in the end ({', '.join(remarks)})."
    if n_left_out > 0:
        verb = "is" if n_left_out == 1 else "are"
        caption += f" {markup.plural(n_left_out, 'other group')} {verb} left out."
    return figures.figure(svgs, caption)


def _chosen(
    lines: Mapping[GroupLabel, list[tuple[float, float]]],
) -> dict[GroupLabel, list[tuple[float, float]]]:
    """All rows, and the groups with the highest and the lowest last values."""
    groups = [g for g in lines if g != ALL and any(math.isfinite(y) for _, y in lines[g])]
    if len(groups) > 2 * N_LINES:
        ranked = sorted(groups, key=lambda g: _last(lines[g]))
        kept = {*ranked[:N_LINES], *ranked[-N_LINES:]}
        groups = [g for g in groups if g in kept]
    return {g: lines[g] for g in (*groups, *([ALL] if ALL in lines else []))}


def _last(points: Sequence[tuple[float, float]]) -> float:
    """The last finite value."""
    return next((y for _, y in reversed(points) if math.isfinite(y)), math.nan)


def _worst(
    lines: Mapping[GroupLabel, Sequence[tuple[float, float]]], higher_is_better: bool | None
) -> GroupLabel | None:
    """The group with the worst last value, if there are several."""
    groups = [g for g in lines if g != ALL and math.isfinite(_last(lines[g]))]
    if higher_is_better is None or len(groups) < 2:
        return None
    return (min if higher_is_better else max)(groups, key=lambda g: _last(lines[g]))


def panel(name: str, lines: Sequence[Line], y: Scale | None) -> str:
    """A plot of lines over the epochs; ``y`` is its vertical axis, by default its own."""
    points = [p for line in lines for p in line.points]
    epochs = [x for x, _ in points]
    if y is None:
        y = scale_of((v for _, v in points), None)
    plot = figures.Plot(Scale(min(epochs, default=0.0), max([*epochs, 2.0])), y)
    for line in lines:
        for part in _parts(line.points):
            if len(part) == 1:
                plot.dot(line.kind, *part[0])
            else:
                plot.path(line.kind, _thinned(part), line.label)
    last = ", ".join(
        f"{line.label} {markup.fixed(_last(line.points), 3)}" for line in lines if line.points
    )
    description = f"By epoch, from {min(epochs, default=0):g} to {max(epochs, default=0):g}."
    description += f" Last values: {last}."
    return plot.svg(figures.title_of(name), description, "epoch", markup.text(name))


def _parts(points: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """The parts of a line between undefined values."""
    part: list[tuple[float, float]] = []
    for x, y in points:
        if math.isfinite(y):
            part.append((x, y))
        elif part:
            yield part
            part = []
    if part:
        yield part


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Evenly spaced points of a long line, with the first and the last."""
    n = len(points)
    if n <= MAX_POINTS:
        return list(points)
    return [points[round(i * (n - 1) / (MAX_POINTS - 1))] for i in range(MAX_POINTS)]
