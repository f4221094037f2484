"""The importance of features as a table with bars."""

import math
from collections.abc import Sequence
from typing import Protocol

from mlpkit.reports.entries import Importance
from mlpkit.reports.pages import markup

MAX_FEATURES = 20


class ShownImportance(Protocol):
    """The part of the importance of features that is shown."""

    metric: str
    baseline: float
    n_repeats: int

    @property
    def entries(self) -> Sequence[Importance]:
        """Feature by feature, the most important first."""


def importance_table(importance: ShownImportance | None, most: int = MAX_FEATURES) -> str:
    """The importance over all rows of the most important features."""
    if importance is None:
        return ""
    own = [e for e in importance.entries if e.partitioner == "all"]
    shown = own[:most]
    names = markup.names(e.feature for e in shown)
    digits = markup.decimals(e.importance for e in shown[:3])
    largest = max((abs(e.importance) for e in shown if math.isfinite(e.importance)), default=0.0)
    rows = "".join(
        f'<tr><th scope="row">{names[e.feature]}</th>'
        f'<td class="value">{markup.fixed(e.importance, digits)}'
        f" <small>±{markup.fixed(e.deviation, digits)}</small></td>"
        f'<td class="plot">{_bar(e.importance, largest)}</td></tr>'
        for e in shown
    )
    metric = markup.name(importance.metric)
    caption = (
        f"How much worse {metric} ({markup.fixed(importance.baseline, 3)}) becomes if the values of"
        f" a feature are shuffled: mean and standard deviation of"
        f" {markup.plural(importance.n_repeats, 'repetition')}"
    )
    more = len(own) - len(shown)
    remark = f'<p class="remark">{markup.plural(more, "more feature")}.</p>' if more else ""
    return (
        f'<div class="scroll"><table class="bars"><caption>{caption}</caption><thead><tr>'
        '<th scope="col">feature</th><th scope="col">importance</th>'
        f'<th scope="col"><span class="hidden">plot</span></th></tr></thead><tbody>{rows}</tbody>'
        f"</table></div>{remark}"
    )


def _bar(value: float, largest: float) -> str:
    """A bar from 0; nothing for values below 0, which are chance."""
    share = value / largest if largest and math.isfinite(value) else 0.0
    width = f"{round(100 * max(share, 0.0), 1):g}%"
    return f'<svg aria-hidden="true"><rect width="{width}"/></svg>'
