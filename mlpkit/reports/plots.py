"""Plots of reports and histories; matplotlib is imported when one is drawn."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpkit.messages import escaped
from mlpkit.metrics.grouping import GroupLabel
from mlpkit.reports.entries import Entry
from mlpkit.reports.printing import NAME_WIDTH, distinct_short, short

ROW = 0.26  # height of a group in inches
PANEL = 3.4  # width of a metric in inches
INELIGIBLE_COLOR, COLOR = "0.62", "C0"


def pyplot() -> Any:
    """Matplotlib's pyplot."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Plotting needs matplotlib: pip install matplotlib") from error
    return plt


def dots(entries: Sequence[Entry], ax: Any = None) -> Any:
    """Plot a dot and an interval for each group, on one axes for each metric.

    A dashed line marks the value over all rows. ``ax`` is one axes or a sequence with one for each
    metric; it is returned, or else the axes of a new figure.
    """
    metrics = list(dict.fromkeys(e.metric for e in entries))
    groups = list(dict.fromkeys((e.partitioner, e.partition) for e in entries))
    groups = [g for g in groups if g[0] != "all"] or groups
    texts = _texts(groups)
    lines, headings = _lines(groups)
    if ax is None:
        height = 1.0 + ROW * (len(lines) + len(headings))
        longest = max(map(len, [*texts.values(), *map(short, headings)]))
        width = 0.075 * longest + PANEL * len(metrics)
        figure, grid = pyplot().subplots(
            1,
            len(metrics),
            figsize=(max(width, 4.5), max(height, 1.8)),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        figure.get_layout_engine().set(w_pad=0.1)
        axes = list(grid[0])
        ax = axes[0] if len(axes) == 1 else grid[0]
    else:
        axes = _given(ax, len(metrics), "metrics")
    for i, (panel, metric) in enumerate(zip(axes, metrics, strict=True)):
        own = {(e.partitioner, e.partition): e for e in entries if e.metric == metric}
        _panel(panel, metric, own, lines)
        if i == 0:
            _label(panel, texts, lines, headings)
    return ax


def bars(
    names: Sequence[str], values: Sequence[float], errors: Sequence[float], label: str, ax: Any
) -> Any:
    """Plot a bar with an error line for each name, the first at the top; return the axes."""
    if ax is None:
        height = max(1.0 + ROW * len(names), 1.8)
        ax = pyplot().subplots(figsize=(5.5, height), layout="constrained")[1]
    texts = distinct_short(names)
    positions = range(len(names))
    ax.barh(positions, values, xerr=errors, color=COLOR, ecolor="0.3", height=0.7)
    ax.set_yticks(positions, [label_of(texts[name]) for name in names], fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel(label_of(label))
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def _given(ax: Any, n: int, what: str) -> list[Any]:
    """The axes of an argument; ValueError unless there are n of them."""
    axes = list(np.ravel(ax))
    if len(axes) != n:
        raise ValueError(f"ax must contain one axes for each of the {n} {what}, got {len(axes)}.")
    return axes


def _lines(groups: list[tuple[str, str]]) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """The line of each group and of the heading of each partitioner, counted from the top."""
    lines: dict[tuple[str, str], int] = {}
    headings: dict[str, int] = {}
    line = 0
    for partitioner, group in groups:
        if partitioner not in headings and partitioner != "all":
            headings[partitioner] = line
            line += 1
        lines[partitioner, group] = line
        line += 1
    return lines, headings


def _texts(groups: list[tuple[str, str]], width: int = NAME_WIDTH) -> dict[tuple[str, str], str]:
    """Short names, distinct within a partitioner."""
    texts = {
        partitioner: distinct_short([g for p, g in groups if p == partitioner], width)
        for partitioner in dict.fromkeys(p for p, _ in groups)
    }
    return {(p, group): label_of(texts[p][group]) for p, group in groups}


def label_of(text: str) -> str:
    r"""Text as a label, in which dollar signs do not begin mathematics.

    >>> print(label_of("$10 to $20"))
    \$10 to \$20
    """
    return escaped(text).replace("$", r"\$")


def _panel(
    ax: Any, metric: str, own: Mapping[tuple[str, str], Entry], lines: Mapping[Any, int]
) -> None:
    """Plot one metric."""
    overall = own.get(("all", "all"))
    if overall is not None and math.isfinite(overall.value):
        ax.axvline(overall.value, color="0.4", linewidth=1, linestyle="--", zorder=1)
    for label, y in lines.items():
        e = own.get(label)
        if e is None or not math.isfinite(e.value):
            ax.annotate(
                "undefined" if e is None or e.n_rows else "no rows",
                (0.5, y),
                xycoords=("axes fraction", "data"),
                ha="center",
                va="center",
                fontsize=7,
                color="0.45",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
            continue
        color = COLOR if e.eligible else INELIGIBLE_COLOR
        if math.isfinite(e.low):
            ax.plot([e.low, e.high], [y, y], color=color, linewidth=1.5, solid_capstyle="butt")
        ax.plot(e.value, y, "o", color=color, markersize=5, mfc=color if e.eligible else "white")
    ax.set_xlabel(label_of(metric))
    ax.grid(axis="x", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _label(
    ax: Any, texts: Mapping[Any, str], lines: Mapping[Any, int], headings: Mapping[str, int]
) -> None:
    """Write the names of groups and, in bold, of partitioners."""
    ticks = [(y, texts[label], False) for label, y in lines.items()]
    ticks += [(y, label_of(short(partitioner)), True) for partitioner, y in headings.items()]
    ax.set_yticks([y for y, _, _ in ticks], [name for _, name, _ in ticks], fontsize=8)
    for label, (_, _, bold) in zip(ax.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if bold else "normal")
    ax.set_ylim(len(ticks) - 0.5, -0.5)


def lines(history: Mapping[str, Sequence[Any]], metric: str, by: str, ax: Any = None) -> Any:
    """Plot a metric by epoch, with one axes for each split and a line for each group.

    ``history`` has the columns epoch, split, metric, partitioner, partition and value. Returns the
    axes.
    """
    splits = _points_by_split(history, metric, by)
    if ax is None:
        _, grid = pyplot().subplots(
            1,
            len(splits),
            figsize=(PANEL * len(splits) + 2.2, 3.0),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        ax = grid[0]
    axes = _given(ax, len(splits), "splits")
    labels = list(dict.fromkeys(label for series in splits.values() for label in series))
    styles, texts = _styles(labels), _texts(labels, 24)
    for panel, (split, series) in zip(axes, splits.items(), strict=True):
        for label, points in series.items():
            x, y = np.array(sorted(points)).T
            panel.plot(x, y, linewidth=1.3, label=texts[label], **styles[label])
        panel.set_title(label_of(split), fontsize=9)
        panel.set_xlabel("epoch")
        panel.grid(color="0.92", linewidth=0.8)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    axes[0].set_ylabel(label_of(metric))
    _legend(axes, short(by, 24))
    return axes[0] if len(axes) == 1 else np.array(axes)


def _points_by_split(
    history: Mapping[str, Sequence[Any]], metric: str, by: str
) -> dict[str, dict[GroupLabel, list[tuple[float, float]]]]:
    """Epochs and values of all rows and of each group, by split."""
    columns = ("split", "metric", "partitioner", "partition", "epoch", "value")
    rows = zip(*(list(history[name]) for name in columns), strict=True)
    splits: dict[str, dict[GroupLabel, list[tuple[float, float]]]] = {}
    for split, name, partitioner, group, epoch, value in rows:
        if name == metric and partitioner in (by, "all"):
            splits.setdefault(split, {}).setdefault((partitioner, group), []).append((epoch, value))
    if not any(partitioner == by for series in splits.values() for partitioner, _ in series):
        raise ValueError(f"The history has no metric {metric!r} by {by!r}.")
    return splits


def _styles(labels: Sequence[GroupLabel]) -> dict[GroupLabel, dict[str, Any]]:
    """A dashed line for all rows, and a colour for each group."""
    groups = [label for label in labels if label[0] != "all"]
    colors: Any = [f"C{i}" for i in range(10)]
    if len(groups) > len(colors):
        colors = pyplot().get_cmap("viridis")(np.linspace(0, 0.92, len(groups)))
    styles = {label: {"color": color} for label, color in zip(groups, colors, strict=False)}
    return {label: styles.get(label, {"color": "0.2", "linestyle": "--"}) for label in labels}


def _legend(axes: Sequence[Any], title: str) -> None:
    """Name the lines of all axes, on the right of the last."""
    handles = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
    axes[-1].legend(
        handles.values(),
        handles.keys(),
        title=label_of(title),
        fontsize=7,
        title_fontsize=8,
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        ncols=math.ceil(len(handles) / 16),
    )
