"""Reliability diagrams: the means of targets by bins of predictions, and the same as a table."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from mlpkit.reports.entries import CalibrationBin
from mlpkit.reports.pages import figures, markup
from mlpkit.reports.pages.scales import Scale, scale_of
from mlpkit.reports.printing import short

SIZE, SMALL = (360, 250), (240, 200)  # of the diagram of all rows, and of those of groups
BARS = 0.16  # the share of the height that is for the numbers of rows
NAME_WIDTH = 20  # characters of the name of a class in the label of an axis


class Words(NamedTuple):
    """What predictions and targets are called, as text."""

    predicted: str
    observed: str

    @property
    def title(self) -> str:
        """What a diagram shows, as text."""
        return f"{self.observed[:1].upper()}{self.observed[1:]} by {self.predicted}"


def words_of(task: str, target: str) -> Words:
    """What the predictions of a task are called."""
    if task == "regression":
        return Words("prediction", "mean of the target")
    if task == "multiclass":
        return Words("highest probability", "fraction that is right")
    name = short(target, NAME_WIDTH)
    return Words(f"probability of {name}", f"frequency of {name}")


def axis_of(bins: Sequence[CalibrationBin]) -> Scale:
    """The axis of both predictions and targets."""
    values = [v for b in bins for v in (b.predicted, b.observed, b.low, b.high)]
    return scale_of(values).padded()


def diagram(
    bins: Sequence[CalibrationBin], title: str, words: Words, scale: Scale, size: tuple[int, int]
) -> str:
    """A dot with an interval for each bin, and a bar for its number of rows."""
    height = scale.high - scale.low
    plot = figures.Plot(scale, scale, *size)
    most = max(b.n_rows for b in bins)
    for b in bins:
        top = scale.low + BARS * height * b.n_rows / most
        plot.line("count", (b.predicted, scale.low), (b.predicted, top))
    plot.line("reference", (scale.low, scale.low), (scale.high, scale.high))
    for b in bins:
        if not math.isnan(b.low):
            ends = (max(b.low, scale.low), min(b.high, scale.high))
            plot.line("interval", (b.predicted, ends[0]), (b.predicted, ends[1]))
        excluded = not math.isnan(b.low) and not b.low <= b.predicted <= b.high
        plot.dot("marked" if excluded else "", b.predicted, b.observed)
    digits = markup.decimals(b.predicted for b in bins)
    pairs = "; ".join(
        f"{markup.fixed(b.predicted, digits)}: {markup.fixed(b.observed, digits)},"
        f" {markup.plural(b.n_rows, 'row')}"
        for b in bins
    )
    x_label, name = markup.text(words.predicted), markup.text(title)
    return plot.svg(name, f"{markup.text(words.title)}: {pairs}.", x_label, name)


def coverage_plot(bins: Sequence[CalibrationBin], coverage: float, words: Words) -> str:
    """The coverage of predicted intervals by prediction."""
    x = scale_of(b.predicted for b in bins).padded()
    y = scale_of([coverage, *(b.coverage for b in bins)]).padded()
    plot = figures.Plot(x, y, *SIZE)
    plot.line("reference", (x.low, coverage), (x.high, coverage))
    for b in bins:
        plot.dot("", b.predicted, b.coverage)
    pairs = "; ".join(f"{markup.fixed(b.predicted, 2)}: {b.coverage:.3f}" for b in bins)
    title, x_label = "coverage of the intervals", markup.text(words.predicted)
    return plot.svg(title, f"{title} by {x_label}: {pairs}.", x_label, title)


def bins_table(bins: Sequence[CalibrationBin], words: Words, with_coverage: bool) -> str:
    """The numbers of a diagram."""
    digits = markup.decimals(b.predicted for b in bins)
    names = [f"mean {words.predicted}", words.observed, *(["coverage"] if with_coverage else [])]
    headings = "".join(f'<th scope="col">{markup.name(name)}</th>' for name in (*names, "rows"))
    rows = "".join(
        f'<tr><th scope="row">{markup.fixed(b.predicted, digits)}</th>'
        f'<td class="value">{markup.fixed(b.observed, digits)}'
        f" {markup.interval(b.low, b.high, digits)}</td>"
        + (f'<td class="value">{markup.fixed(b.coverage, 3)}</td>' if with_coverage else "")
        + f'<td class="rows">{b.n_rows:,}</td></tr>'
        for b in bins
    )
    return (
        '<div class="scroll"><table class="numbers"><caption><span>Rows with similar predictions'
        f"</span></caption><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
