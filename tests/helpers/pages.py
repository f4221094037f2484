"""Parsed pages of reports, and a report to write."""

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import numpy as np

from mlpkit import PartitionReport, by_labels, evaluate

RNG = np.random.default_rng(0)
N = 400
Y = RNG.integers(0, 2, N)
P = np.clip(0.3 + 0.4 * Y + RNG.normal(0, 0.2, N), 0.01, 0.99)
SEX = np.array(["f", "m"])[RNG.integers(0, 2, N)]


class Page(HTMLParser):
    """The elements of a page; raises if a tag is not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Note an element, and that it is open."""
        self.handle_startendtag(tag, attrs)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        """Note an element."""
        assert len(dict(attrs)) == len(attrs)
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All text."""
        return "".join(self.texts)

    def tags(self, *names: str) -> list[dict[str, str]]:
        """The attributes of the elements with these names."""
        return [attributes for tag, attributes in self.elements if tag in names]


def parsed(page: str | None) -> Page:
    """A page that is well-formed as HTML and as XML."""
    assert page is not None
    if page.startswith("<!DOCTYPE html>\n"):
        ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    else:
        ET.fromstring(page)
    return Page(page)


def report(labels: Any = SEX, **options: Any) -> PartitionReport:
    """The report of a binary classifier by one partitioner."""
    return evaluate(
        None,
        None,
        Y,
        y_proba=P,
        **{
            "metrics": ["accuracy", "log_loss", "roc_auc", "selection_rate"],
            "partitions": by_labels(labels, name="sex"),
            "confidence": 0.95,
            **options,
        },
    )
