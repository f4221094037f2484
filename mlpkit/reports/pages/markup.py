"""Text from data as markup: escaped, abbreviated, and numbers with their exact values."""

import html
import math
from collections.abc import Iterable, Mapping
from typing import Any

from mlpkit.messages import escaped
from mlpkit.reports.printing import NAME_WIDTH, distinct_short

MAX_DECIMALS = 6


def text(value: Any) -> str:
    r"""Text as the content of an element or of a quoted attribute.

    >>> print(text("<b> \x00 \u202e"))
    &lt;b&gt; \x00 \u202e
    """
    return html.escape(escaped(value))


def name(full: str, short: str | None = None) -> str:
    """A name from data, isolated from the direction of the text around it.

    The full name is in the title of an abbreviated one.

    >>> name("a & b"), name("a long name", "a l...")
    ('<bdi>a &amp; b</bdi>', '<bdi title="a long name">a l...</bdi>')
    """
    if short is None or short == escaped(full):
        return f"<bdi>{text(full)}</bdi>"
    return f'<bdi title="{text(full)}">{text(short)}</bdi>'


def names(full: Iterable[str], width: int = NAME_WIDTH) -> dict[str, str]:
    """The markup of names whose abbreviations are distinct."""
    return {long: name(long, short) for long, short in distinct_short(full, width).items()}


def decimals(values: Iterable[float]) -> int:
    """The number of decimals that show about three digits of the typical value.

    >>> decimals([0.81, 1.0]), decimals([4.5, 12.0]), decimals([1234.5]), decimals([2e-4])
    (3, 2, 0, 6)
    """
    sizes = sorted(abs(v) for v in values if math.isfinite(v) and v)
    if not sizes:
        return 3
    typical = sizes[(len(sizes) - 1) // 2]
    return 3 if 0.01 <= typical <= 1 else max(2 - math.floor(math.log10(typical)), 0)


def fixed(value: float, digits: int, sign: bool = False) -> str:
    """A number with so many decimals, or with a power of ten if it is very large or small.

    >>> fixed(0.81234, 3), fixed(-4.0, 1), fixed(2.5, 1, sign=True), fixed(3e-9, 11), fixed(3e-9, 3)
    ('0.812', '−4.0', '+2.5', '3.00e-09', '0.000')
    """
    if not math.isfinite(value):
        return "undefined" if math.isnan(value) else "−∞" if value < 0 else "∞"
    size = abs(value)
    shown = f"{size:.2e}" if size >= 1e6 or digits > MAX_DECIMALS else f"{size:,.{digits}f}"
    zero = not any(c in "123456789" for c in shown)
    return f"{'' if zero else '−' if value < 0 else '+' if sign else ''}{shown}"


def interval(low: float, high: float, digits: int, sign: bool = False) -> str:
    """A confidence interval in brackets, or nothing if it is undefined.

    >>> interval(0.5, 0.75, 2), interval(float("nan"), float("nan"), 2)
    ('<small>[0.50, 0.75]</small>', '')
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    ends = f"{fixed(low, digits, sign)}, {fixed(high, digits, sign)}"
    return f"<small>[{ends}]</small>"


def description_list(items: Mapping[str, Any]) -> str:
    """Names and values, both from data."""
    rows = (f"<div><dt>{text(k)}</dt><dd>{name(str(v))}</dd></div>" for k, v in items.items())
    return f'<dl class="facts">{"".join(rows)}</dl>' if items else ""


def section(key: str, heading: str, content: str) -> str:
    """A section of the page."""
    return (
        f'<section id="{key}" aria-labelledby="{key}-heading">'
        f'<h2 id="{key}-heading">{heading}</h2>{content}</section>'
    )


def navigation(sections: Iterable[tuple[str, str]]) -> str:
    """Links to sections, from their keys and headings."""
    links = "".join(f'<li><a href="#{key}">{heading}</a></li>' for key, heading in sections)
    return f'<nav aria-label="Sections"><ul>{links}</ul></nav>'


def plural(n: int, singular: str, several: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "row"), plural(1200, "row"), plural(2, "is", "are")
    ('1 row', '1,200 rows', '2 are')
    """
    return f"{n:,} {singular if n == 1 else several or singular + 's'}"
