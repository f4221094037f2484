"""The groups of a page: their order, and many, small and undefined ones."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import RNG, N, Y, parsed, report

from mlpkit import by_column, by_function, by_labels, evaluate

pytestmark = pytest.mark.once


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
