"""Pictures of a report; matplotlib is imported when one is drawn."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpkit.messages import escaped
from mlpkit.reports.entries import Entry
from mlpkit.reports.text import NAME, short, shortened

ROW = 0.26  # inches of a group
PANEL = 3.4  # inches of a metric
FAINT, STRONG = "0.62", "C0"  # of groups that don't decide, and those that do


def pyplot() -> Any:
    """Matplotlib's pyplot."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plotting needs matplotlib: pip install matplotlib") from error
    return plt


def dots(entries: Sequence[Entry], ax: Any = None) -> Any:
    """A dot and an interval for each group, an axes for each metric; the line is the whole.

    ``ax`` is one axes for one metric, or a sequence of as many. Returns it, or what it made.
    """
    metrics = list(dict.fromkeys(e.metric for e in entries))
    groups = list(dict.fromkeys((e.partitioner, e.partition) for e in entries))
    groups = [g for g in groups if g[0] != "all"] or groups
    texts = _texts(groups)
    places, heads = _places(groups)
    if ax is None:
        height = 1.0 + ROW * (len(places) + len(heads))
        longest = max(map(len, [*texts.values(), *map(short, heads)]))
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
        axes = list(np.ravel(ax))
        if len(axes) != len(metrics):
            raise ValueError(f"{len(metrics)} metrics need as many axes, not {len(axes)}.")
    for i, (one, metric) in enumerate(zip(axes, metrics, strict=True)):
        own = {(e.partitioner, e.partition): e for e in entries if e.metric == metric}
        _panel(one, metric, own, places)
        if i == 0:
            _label(one, texts, places, heads)
    return ax


def _places(groups: list[tuple[str, str]]) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """The line of each group, and of each partitioner's head, from the top."""
    places: dict[tuple[str, str], int] = {}
    heads: dict[str, int] = {}
    at = 0
    for part, group in groups:
        if part not in heads and part != "all":
            heads[part] = at
            at += 1
        places[part, group] = at
        at += 1
    return places, heads


def _texts(groups: list[tuple[str, str]], width: int = NAME) -> dict[tuple[str, str], str]:
    """Short names, distinct within a partitioner."""
    parts = dict.fromkeys(part for part, _ in groups)
    cut = {part: shortened([g for p, g in groups if p == part], width) for part in parts}
    return {(part, group): label_of(cut[part][group]) for part, group in groups}


def label_of(text: str) -> str:
    r"""Text as a label: shown as it is, not as mathematics.

    >>> print(label_of("$10 to $20"))
    \$10 to \$20
    """
    return escaped(text).replace("$", r"\$")


def _panel(
    ax: Any, metric: str, own: Mapping[tuple[str, str], Entry], places: Mapping[Any, int]
) -> None:
    """One metric."""
    whole = own.get(("all", "all"))
    if whole is not None and math.isfinite(whole.value):
        ax.axvline(whole.value, color="0.4", linewidth=1, linestyle="--", zorder=1)
    for label, y in places.items():
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
        color = STRONG if e.decides else FAINT
        if math.isfinite(e.low):
            ax.plot([e.low, e.high], [y, y], color=color, linewidth=1.5, solid_capstyle="butt")
        ax.plot(e.value, y, "o", color=color, markersize=5, mfc=color if e.decides else "white")
    ax.set_xlabel(label_of(metric))
    ax.grid(axis="x", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _label(
    ax: Any, texts: Mapping[Any, str], places: Mapping[Any, int], heads: Mapping[str, int]
) -> None:
    """Names of groups and, in bold, of partitioners."""
    ticks = [(y, texts[label], False) for label, y in places.items()]
    ticks += [(y, label_of(short(part)), True) for part, y in heads.items()]
    ax.set_yticks([y for y, _, _ in ticks], [name for _, name, _ in ticks], fontsize=8)
    for label, (_, _, bold) in zip(ax.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if bold else "normal")
    ax.set_ylim(len(ticks) - 0.5, -0.5)


def lines(history: Mapping[str, Sequence[Any]], metric: str, by: str, ax: Any = None) -> Any:
    """A metric by epoch, an axes for each split, a line for each group; returns the axes.

    ``history`` has the columns epoch, split, metric, partitioner, partition and value.
    """
    columns = ("split", "metric", "partitioner", "partition", "epoch", "value")
    rows = zip(*(list(history[name]) for name in columns), strict=True)
    found: dict[str, dict[tuple[str, str], list[tuple[float, float]]]] = {}
    for split, what, part, group, epoch, value in rows:
        if what == metric and part in (by, "all"):
            found.setdefault(split, {}).setdefault((part, group), []).append((epoch, value))
    if not any(part == by for series in found.values() for part, _ in series):
        raise ValueError(f"the history has no metric {metric!r} by {by!r}.")
    if ax is None:
        _, grid = pyplot().subplots(
            1,
            len(found),
            figsize=(PANEL * len(found) + 2.2, 3.0),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        axes = list(grid[0])
    else:
        axes = list(np.ravel(ax))
    labels = list(dict.fromkeys(label for series in found.values() for label in series))
    groups = [label for label in labels if label[0] != "all"]
    colors = pyplot().get_cmap("viridis")(np.linspace(0, 0.92, max(len(groups), 2)))
    if len(groups) <= 10:
        colors = [f"C{i}" for i in range(10)]
    texts = _texts(labels, 24)
    paint = {label: colors[i] for i, label in enumerate(groups)}
    for one, (split, series) in zip(axes, found.items(), strict=True):
        for label, points in series.items():
            x, y = np.array(sorted(points)).T
            whole = label[0] == "all"
            style = {"color": "0.2", "linestyle": "--"} if whole else {"color": paint[label]}
            one.plot(x, y, linewidth=1.3, label=texts[label], **style)
        one.set_title(label_of(split), fontsize=9)
        one.set_xlabel("epoch")
        one.grid(color="0.92", linewidth=0.8)
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
    axes[0].set_ylabel(label_of(metric))
    handles = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
    axes[-1].legend(
        handles.values(),
        handles.keys(),
        title=label_of(short(by, 24)),
        fontsize=7,
        title_fontsize=8,
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        ncols=math.ceil(len(handles) / 16),
    )
    return axes[0] if len(axes) == 1 else np.array(axes)
