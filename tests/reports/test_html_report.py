"""The page of a report: its structure, its numbers, and that no text of the data is markup."""

import base64
import hashlib
import re
import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from grouped import rows
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import (
    MLPClassifier,
    MLPRegressor,
    PartitionReport,
    by_column,
    by_function,
    by_labels,
    by_quantile,
    evaluate,
    feature_importance,
)
from mlpkit.messages import escaped
from mlpkit.monitoring.history import MetricHistory, Record
from mlpkit.reports.entries import Importance
from mlpkit.reports.importance import FeatureImportance
from mlpkit.reports.pages.documents import style_sheet

pytestmark = pytest.mark.once

RNG = np.random.default_rng(0)
N = 400
Y = RNG.integers(0, 2, N)
P = np.clip(0.3 + 0.4 * Y + RNG.normal(0, 0.2, N), 0.01, 0.99)
SEX = np.array(["f", "m"])[RNG.integers(0, 2, N)]
HOSTILE = [
    "<script>alert(1)</script>",
    '" onload="x" \'',
    "&lt;b&gt;",
    "a\u202eb\u2066",
    "nul\x00\x1b[2J",
    "</title></style></svg>",
    "\ud800",
]


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


def test_numbers_are_those_of_the_report() -> None:
    """Every value is on the page, with its interval and number of rows."""
    r = report()
    page = parsed(r.to_html())
    for e in r:
        assert f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" in page.text
        assert f"{e.n_rows:,}" in page.text


def test_worst_groups_come_first() -> None:
    """The worst group of each metric precedes the others, in its section and in its table."""
    labels = np.array(["good", "bad", "middle"])[RNG.integers(0, 3, N)]
    wrong = (labels == "bad") | ((labels == "middle") & (RNG.random(N) < 0.5))
    y_pred = np.where(wrong, 1 - Y, Y)
    r = evaluate(
        None, None, Y, y_pred=y_pred, metrics=["accuracy"], partitions=by_labels(labels, name="g")
    )
    text = parsed(r.to_html()).text
    assert r.worst("accuracy").partition == "bad"
    worst, groups = text.index("Worst groups"), text.index("Groups by g")
    shown = text[worst:groups]
    assert shown.index("bad") < shown.index("middle")
    assert "good" not in shown  # at most half of the groups are the worst
    rows = [text.index(name, groups) for name in ("bad", "middle", "good")]
    assert rows == sorted(rows)


def test_failures() -> None:
    """Violated limits are the first part of the page; without a check it says nothing of limits."""
    r = report()
    failures = r.check(raises=False, min_accuracy=0.99)
    text = parsed(r.to_html(failures=failures)).text
    assert f"{len(failures)} limits are violated" in text
    assert all(str(failure) in text for failure in failures)
    assert text.index("violated") < text.index("All rows")
    assert "All limits hold" in parsed(r.to_html(failures=[])).text
    assert "limit" not in parsed(r.to_html()).text


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
    failures = r.check(raises=False, **{f"min_{hostile}": 2.0})
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


@pytest.mark.filterwarnings("ignore:.*Stochastic Optimizer")
def test_training() -> None:
    """The losses and the metrics by epoch and group of an estimator, also in a pipeline."""
    clf = MLPClassifier(
        (4,),
        max_iter=5,
        early_stopping=True,
        random_state=0,
        metrics=["accuracy"],
        partitions=by_quantile(0, 3),
    )
    pipeline = make_pipeline(StandardScaler(), clf).fit(np.column_stack([P, Y]), Y)
    for estimator in (clf, pipeline):
        page = parsed(report().to_html(estimator=estimator))
        best = int(np.argmax(clf.validation_scores_)) + 1
        assert (
            f"The training loss of 5 epochs, and the validation score, which is highest in epoch"
            f" {best}: " in page.text
        )
        assert "accuracy by epoch and column 0" in page.text
        assert all(f"{value:.3f}" in page.text for value in clf.loss_curve_[-1:])
    assert "Training" not in parsed(report().to_html()).text


def test_calibration() -> None:
    """The bins of all rows, the means of each group, and diagrams of groups with enough rows."""
    r = report(calibration=True)
    page = parsed(r.to_html())
    assert r.calibration is not None
    for b in r.calibration:
        if b.partitioner == "all":
            assert f"{b.predicted:.3f}{b.observed:.3f} [{b.low:.3f}, {b.high:.3f}]" in page.text
    for m in r.calibration.means:
        assert m.partitioner == "all" or f"{m.predicted:.3f}{m.observed:.3f} [" in page.text
    assert "Frequency of 1 by probability of 1" in page.text
    assert len([a for a in page.tags("svg") if a.get("role") == "img"]) == 3  # all rows, f, m
    assert "Calibration" not in parsed(report().to_html()).text
    small = parsed(report(np.where(np.arange(N) < 30, "few", "many"), calibration=True).to_html())
    assert len([a for a in small.tags("svg") if a.get("role") == "img"]) == 2


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression", "several"])
@pytest.mark.parametrize("confidence", [None, 0.9])
def test_tasks(task: str, confidence: float | None) -> None:
    """All tasks with and without intervals, merged, compared, and by nothing, render."""
    data = rows(task, 200)
    groups = np.where(np.arange(200) < 3, "few", data.groups)

    def part(chosen: slice, by_group: bool) -> PartitionReport:
        labels = by_labels(groups[chosen], name="group")
        classes = None if data.y.dtype.kind == "f" or data.y.ndim == 2 else np.unique(data.y)
        return evaluate(
            None,
            None,
            data.y[chosen],
            y_pred=data.label[chosen],
            y_proba=None if data.p is None else data.p[chosen],
            classes=classes,
            partitions=labels if by_group else (),
            calibration=True,
            confidence=confidence,
        )

    for by_group in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of undefined values
            halves = part(slice(100), by_group), part(slice(100, 200), by_group)
        for r in (*halves, halves[0] + halves[1]):
            page = parsed(r.to_html())
            assert r.calibration is not None and "Calibration" in page.text
            assert ("Worst groups" in page.text) is by_group
            assert f"Over {r.select(r.metrics[0], 'all')[0].n_rows} rows" in page.text
            assert not re.search(r"\bnan\b|\binf\b", page.text.replace("NaN where", ""))
            parsed(r._repr_html_())
        comparison = halves[0] - halves[1]
        page = parsed(comparison.to_html())
        for c in comparison:
            shown = (f"{abs(c.difference):.{digits}f}" for digits in (2, 3))
            assert not abs(c.difference) > 0.01 or any(number in page.text for number in shown)
        parsed(comparison._repr_html_())


def test_undefined_infinite_and_empty_groups() -> None:
    """Such values are words, and the axes are those of the finite values."""
    labels = np.array(["fine", "nan", "inf", "-inf", "small"])[np.arange(N) % 5]
    labels[labels == "small"] = "fine"
    labels[:2] = "small"
    values = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}

    def metric(y_true: Any, y_pred: Any) -> float:
        own = set(labels[y_true.astype(int)])
        return values.get(own.pop(), 0.5) if len(own) == 1 else 0.25

    masks = by_function(
        lambda X: {**{g: labels == g for g in np.unique(labels)}, "none": np.zeros(N, bool)},
        name="g",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        r = evaluate(
            None,
            np.zeros((N, 1)),
            np.arange(N) + 0.0,
            y_pred=np.arange(N) + 0.0,
            metrics={"odd": metric},
            partitions=masks,
        )
    page = parsed(r.to_html())
    assert {"(undefined)", "(∞)", "(−∞)", "no rows"} <= set(page.texts)
    assert "odd is undefined for 1 group of g." in page.text
    assert "2 groups of g have fewer than 20 rows." in page.text
    assert not any("nan" in str(a) or "inf" in str(a) for a in page.tags("circle", "rect", "line"))


def test_one_group_and_no_eligible_group() -> None:
    """One group has no order; a report without eligible groups has no worst group."""
    one = parsed(report(np.full(N, "only")).to_html())
    assert "Groups by sex" in one.text and "worst accuracy first" not in one.text
    none = parsed(report(min_rows=1000).to_html())
    assert "Worst groups" not in none.text and "fewer than 1000 rows" in none.text


def test_many_groups_with_long_names() -> None:
    """Long names are abbreviated, with the full name in the title; most groups are folded."""
    names = np.array(
        [f"District {i:03d} of the Metropolitan Area of the North" for i in range(300)]
    )
    labels = names[np.arange(9000) % 300]
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 9000)
    r = evaluate(
        None,
        pd.DataFrame({"region": labels}),
        y,
        y_pred=rng.integers(0, 2, 9000),
        metrics=["accuracy", "recall"],
        partitions=by_column("region", max_groups=300),
        confidence=0.95,
    )
    text = r.to_html()
    assert text is not None and len(text) < 300_000
    page = parsed(text)
    titles = {a["title"] for a in page.tags("bdi") if "title" in a}
    assert set(names) <= titles and not any(name in page.text for name in names)
    assert "The 285 groups between these" in page.text and len(page.tags("details")) == 1
    worst = r.worst("accuracy").partition
    order = [a["title"] for a in page.tags("bdi") if a.get("title") in set(names)]
    assert order.index(worst) < 10


def test_thousands_of_groups() -> None:
    """A limited number of groups is on the page, the worst and the best among them."""
    labels = np.arange(2000) // 2
    y_pred = np.where(labels == 777, 0, 1)
    r = evaluate(
        None,
        pd.DataFrame({"id": labels}),
        np.ones(2000, int),
        y_pred=y_pred,
        classes=[0, 1],
        metrics="accuracy",
        partitions=by_column("id", max_groups=2000),
        min_rows=1,
    )
    page = parsed(r.to_html())
    assert "485 more groups are not on this page." in page.text
    assert len([a for a in page.tags("th") if a["scope"] == "row"]) < 530
    assert page.text.index("777") < page.text.index("The 985 groups between these")


def test_weights() -> None:
    """The total weight is mentioned if it is not the number of rows."""
    w = np.arange(N) % 3 + 0.5
    assert (
        f"Over {N} rows with a total weight of {w.sum():g}."
        in parsed(report(sample_weight=w).to_html()).text
    )
    assert f"Over {N} rows." in parsed(report().to_html()).text


def test_short_forms() -> None:
    """Notebooks show reports, importances and histories as parts without document elements."""
    X = np.column_stack([P, Y, RNG.random(N)])
    reg = MLPRegressor(
        hidden_layer_sizes=(4,),
        max_iter=3,
        random_state=0,
        solver="sgd",
        metrics=["mae"],
        partitions=by_quantile(0, 3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reg.fit(X, P)
    importance = feature_importance(reg, X, P, metric="mae", n_repeats=2)
    r = evaluate(reg, X, P, partitions=by_quantile(0, 30), importance=True)
    assert "Importance of features" in parsed(r.to_html()).text
    for item in (importance, reg.metric_history_, MetricHistory(), r):
        part = parsed(item._repr_html_())
        assert not part.tags("html", "body", "h1", "script")
        assert part.elements[0] == ("div", {"class": "mlpkit part"})
    assert "x0" in parsed(importance._repr_html_()).text
    assert "10 of 30 groups" in parsed(r._repr_html_()).text


def test_style_sheet_is_scoped() -> None:
    """The style of a part does not change the rest of a notebook."""
    style = re.sub(r"@[a-z-]+[^{}]*\{|/\*.*?\*/", "", style_sheet(), flags=re.DOTALL)
    selectors = re.findall(r"([^{};]+)\{", style)
    assert len(selectors) > 50
    for selector in selectors:
        assert all(one.strip().startswith(".mlpkit") for one in selector.strip(" \n}").split(","))


def test_histories_with_gaps_and_many_groups() -> None:
    """Undefined values interrupt a line, and groups between the extremes are left out."""
    n_groups, n_epochs = 30, 400
    labels = (("all", "all"), *(("g", f"group {i:02d}") for i in range(n_groups)))
    size = np.ones(n_groups + 1)

    def values(epoch: int) -> Any:
        own = np.arange(n_groups + 1.0)[None] / epoch
        own[0, 1] = np.nan  # always
        own[0, 2] = np.nan if epoch == 2 else 0.01
        return own

    history = MetricHistory(
        Record(epoch, "train", ("mae",), (False,), labels, values(epoch), size, size)
        for epoch in range(1, n_epochs + 1)
    )

    class Fitted:
        loss_curve_ = np.linspace(1000.0, 0.1, n_epochs)
        validation_scores_ = np.array([np.nan, 0.5, 0.25])
        metric_history_ = history

    r = evaluate(None, None, P, y_pred=P, metrics="rmse")  # the history knows its own directions
    text = r.to_html(estimator=Fitted())
    assert text is not None and len(text) < 100_000
    page = parsed(text)
    assert "highest in epoch 2: 0.5000" in page.text
    assert "22 other groups are left out." in page.text
    assert "worst in the end (train: group 29)" in page.text
    assert "worst in the end (train: group 29)" in parsed(history._repr_html_()).text
    paths = [a for a in page.tags("path") if a["class"] == "group"]
    assert len(paths) == 7 and all(len(a["d"].split("L")) <= 150 for a in paths)
    assert "nan" not in "".join(a["d"] for a in page.tags("path"))
