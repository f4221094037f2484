"""Pages as documents: their structure and policy, and that no text of the data is markup."""

import base64
import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import SEX, N, P, Y, parsed, report

from mlpkit import PartitionReport, by_labels, evaluate
from mlpkit.messages import escaped
from mlpkit.monitoring.history import MetricHistory, Record
from mlpkit.reports.entries import Importance
from mlpkit.reports.importance import FeatureImportance
from mlpkit.reports.pages.documents import style_sheet

pytestmark = pytest.mark.once

HOSTILE = [
    "<script>alert(1)</script>",
    '" onload="x" \'',
    "&lt;b&gt;",
    "a\u202eb\u2066",
    "nul\x00\x1b[2J",
    "</title></style></svg>",
    "\ud800",
]


def test_structure() -> None:
    """A document in a language with headings, tables with scopes, captions and described plots."""
    page = parsed(report().to_html(title="Income"))
    assert page.elements[0] == ("html", {"lang": "en"})
    assert len(page.tags("h1")) == len(page.tags("main")) == len(page.tags("title")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False))
    assert {th["scope"] for th in page.tags("th")} == {"col", "colgroup", "row"}
    assert len(page.tags("table")) == len(page.tags("caption")) > 0
    for svg in page.tags("svg"):
        assert svg.get("role") == "img" or svg["aria-hidden"] == "true"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(a["aria-labelledby"] in ids for _, a in page.elements if "aria-labelledby" in a)


def test_nothing_external() -> None:
    """The page loads nothing, runs nothing, links nowhere, and its policy forbids all of it."""
    text = report().to_html()
    assert text is not None
    page = parsed(text)
    (policy,) = (m["content"] for m in page.tags("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src" not in policy
    assert not page.tags("script", "link", "img", "iframe", "object", "embed", "base", "form")
    for _, attributes in page.elements:
        assert not {"src", "style", "srcset", "xlink:href"} & set(attributes)
        assert attributes.get("href", "#").startswith("#")
        assert not any(key.startswith("on") for key in attributes)
    assert not re.search(r"https?:|url\(|@import|@font-face", text)


def test_the_policy_allows_the_style_sheet() -> None:
    """The hash of the policy is that of the content of the one style element."""
    text = report().to_html()
    assert text is not None
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text and "</" not in style


def named(name: str) -> PartitionReport:
    """A report whose metric, partitioner, group, class and features have this name."""
    r = evaluate(
        None,
        None,
        np.where(Y == 1, f"~{name}", "!"),
        y_proba=P,
        metrics={name: "accuracy", "log_loss": "log_loss"},
        partitions=by_labels(np.where(SEX == "f", name, "m"), name=name),
        calibration=True,
    )
    own = (Importance(name, "all", "all", 0.5, 0.1, N), Importance("x", "all", "all", 0.1, 0.1, N))
    r.importance = FeatureImportance(name, 0.5, own, 2)
    return r


class Trained:
    """An estimator whose history has a metric, splits and groups with this name."""

    loss_curve_ = (2.0, 1.0)

    def __init__(self, name: str) -> None:
        size = np.array([4, 4, 4])
        labels = (("all", "all"), (name, name), (name, "m"))
        self.metric_history_ = MetricHistory(
            Record(epoch, name, (name,), (True,), labels, np.array([[0.5, 0.25, 0.75]]), size, size)
            for epoch in (1, 2)
        )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text(hostile: str) -> None:
    """Names of metrics, partitioners, groups and everything else never become markup."""
    r = named(hostile)
    limits: dict[str, Any] = {f"min_{hostile}": 2.0}
    failures = r.check(raises=False, **limits)
    text = r.to_html(
        title=hostile, details={hostile: hostile}, failures=failures, estimator=Trained(hostile)
    )
    page = parsed(text)
    assert text is not None
    assert page.text.count(escaped(hostile)) >= 20
    assert "".join(text.splitlines()).isprintable()
    plain = named("plain").to_html(
        title="x", details={"x": "x"}, failures=failures, estimator=Trained("plain")
    )
    assert Counter(tag for tag, _ in page.elements) == Counter(
        tag for tag, _ in parsed(plain).elements
    )
    assert r.calibration is not None and r.importance is not None
    for item in (r, r - r, r.calibration, r.importance, Trained(hostile).metric_history_):
        parsed(item._repr_html_())
    parsed((r - r).to_html(title=hostile, details={hostile: hostile}))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_hostile_notes_and_changes() -> None:
    """Names in the notes on undefined values and small groups, and in sentences on changes."""
    name = "<i>\x1b\u202e"
    labels = np.where(np.arange(N) < 5, f"{name} few", np.where(SEX == "f", name, "m"))

    def failing(y_true: Any, y_pred: Any) -> float:
        if len(y_true) < N:
            raise ValueError(name)
        return 0.5

    def part(y_pred: Any) -> PartitionReport:
        return evaluate(
            None,
            None,
            Y,
            y_pred=y_pred,
            metrics={f"{name} a": "accuracy", f"{name} b": failing},
            partitions=by_labels(labels, name=name),
            confidence=0.95,
        )

    r = part(Y)
    page = parsed(r.to_html())
    shown = escaped(name)
    assert f"1 group of {shown} has fewer than 20 rows." in page.text
    assert f"{shown} b is undefined for 2 groups of {shown}." in page.text
    assert f"{shown} b is undefined for some groups: ValueError: {shown}" in page.text
    compared = parsed((part(1 - Y) - r).to_html())
    assert (
        f"{shown} a is worse for {shown} {shown}: 0.000 instead of 1.000, −1.000" in compared.text
    )
    assert not page.tags("i") and not compared.tags("i")


def test_files_and_streams(tmp_path: Path) -> None:
    """A path or an open file receives the same page; equal reports give equal pages."""
    r = report()
    path = tmp_path / "report.html"
    assert r.to_html(path) is None
    assert path.read_text("utf-8") == r.to_html() == report().to_html()
    with open(tmp_path / "other.html", "w", encoding="utf-8") as file:
        r.to_html(file)
    assert (tmp_path / "other.html").read_text("utf-8") == r.to_html()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.html", "report.html"]


def test_style_sheet_is_scoped() -> None:
    """The style of a part does not change the rest of a notebook."""
    style = re.sub(r"@[a-z-]+[^{}]*\{|/\*.*?\*/", "", style_sheet(), flags=re.DOTALL)
    selectors = re.findall(r"([^{};]+)\{", style)
    assert len(selectors) > 50
    for selector in selectors:
        assert all(one.strip().startswith(".mlpkit") for one in selector.strip(" \n}").split(","))
