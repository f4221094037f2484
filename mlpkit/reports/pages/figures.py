"""Figures: SVG with a title and a description for readers who do not see it, and a caption."""

from collections.abc import Iterable

from mlpkit.reports.pages import markup
from mlpkit.reports.pages.scales import Scale

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 26, 34


class Plot:
    """The area of one plot: two axes, and the marks that are added to it.

    Parameters
    ----------
    x, y : Scale
        The axes.
    width, height : int
        Size in units of the SVG.
    """

    def __init__(self, x: Scale, y: Scale, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height
        self.marks: list[str] = []

    def left(self, value: float) -> float:
        """The horizontal position of a value."""
        return LEFT + self.x.at(value) * (self.width - LEFT - RIGHT)

    def top(self, value: float) -> float:
        """The vertical position of a value."""
        return self.height - BOTTOM - self.y.at(value) * (self.height - TOP - BOTTOM)

    def line(self, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Add a straight line between two points (x, y)."""
        (x1, y1), (x2, y2) = start, end
        self.marks.append(
            f'<line class="{kind}" x1="{units(self.left(x1))}" x2="{units(self.left(x2))}"'
            f' y1="{units(self.top(y1))}" y2="{units(self.top(y2))}"/>'
        )

    def dot(self, kind: str, x: float, y: float, radius: float = 3.5) -> None:
        """Add a dot."""
        style = f'class="{kind}" ' if kind else ""
        self.marks.append(
            f'<circle {style}cx="{units(self.left(x))}" cy="{units(self.top(y))}" r="{radius:g}"/>'
        )

    def path(self, kind: str, points: Iterable[tuple[float, float]], label: str) -> None:
        """Add a line through points; the label, markup, is shown when it is pointed at."""
        places = [f"{units(self.left(x))} {units(self.top(y))}" for x, y in points]
        self.marks.append(
            f'<path class="{kind}" d="M{"L".join(places)}"><title>{label}</title></path>'
        )

    def svg(self, title: str, description: str, x_label: str, y_label: str) -> str:
        """The SVG; all arguments are markup."""
        w, h = self.width, self.height
        return (
            f'<svg class="figure" role="img" viewBox="0 0 {w} {h}"><title>{title}</title>'
            f"<desc>{description}</desc>{self._axes()}{''.join(self.marks)}"
            f'<text class="label" x="{(w + LEFT - RIGHT) // 2}" y="{h - 4}"'
            f' text-anchor="middle">{x_label}</text>'
            f'<text class="label" x="0" y="12">{y_label}</text>'
            "</svg>"
        )

    def _axes(self) -> str:
        """Ticks with labels, and a horizontal line at each tick of the vertical axis."""
        w, h = self.width, self.height
        marks = [
            f'<line class="grid" x1="{LEFT}" x2="{w - RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text x="{LEFT - 6}" y="{y}" text-anchor="end" dominant-baseline="central">'
            f"{tick_label(tick)}</text>"
            for tick, y in ((t, units(self.top(t))) for t in self.y.ticks(5))
        ]
        marks += [
            f'<line class="tick" x1="{x}" x2="{x}" y1="{h - BOTTOM}" y2="{h - BOTTOM + 4}"/>'
            f'<text x="{x}" y="{h - BOTTOM + 15}" text-anchor="middle">{tick_label(tick)}</text>'
            for tick, x in ((t, units(self.left(t))) for t in self.x.ticks(5))
        ]
        return "".join(marks)


def figure(svgs: Iterable[str], caption: str, small: bool = False) -> str:
    """Plots side by side with one caption, markup; more of them if they are small."""
    style = "panels small" if small else "panels"
    panels = f'<div class="{style}">{"".join(svgs)}</div>'
    return f"<figure>{panels}<figcaption>{caption}</figcaption></figure>"


def tick_label(value: float) -> str:
    """The label of a tick.

    >>> tick_label(-0.05), tick_label(2000.0), tick_label(1e9)
    ('−0.05', '2,000', '1e+09')
    """
    plain = f"{abs(value):,.10g}" if abs(value) < 1e6 else f"{abs(value):.3g}"
    return f"{'−' if value < 0 else ''}{plain}"


def units(position: float) -> str:
    """A coordinate.

    >>> units(12.3456), units(7.0)
    ('12.3', '7')
    """
    return f"{round(position, 1):g}"


def title_of(*names: str) -> str:
    """The title of a plot from names of the data."""
    return markup.text(": ".join(names))
