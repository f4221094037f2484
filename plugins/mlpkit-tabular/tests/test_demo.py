"""The comparison of ``python -m mlpkit_tabular``."""

import pytest

from mlpkit_tabular.__main__ import main
from mlpkit_tabular.datasets import load_adult


def test_the_comparison_prints_scores_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    """All models have a row, and the groups of both columns follow."""
    main(["--rows", "300"])
    text = capsys.readouterr().out
    for expected in ("TabularClassifier  ", "HistGradientBoostingClassifier  ", "Female", "race"):
        assert expected in text
    losses = [
        float(line.split()[1])
        for line in text.splitlines()
        if line.startswith(("Tab", "Hist")) and len(line.split()) == 5
    ]
    assert len(losses) == 2 and max(losses) < 0.7


def test_the_table_is_raw() -> None:
    """Strings and missing values are as in the census."""
    bunch = load_adult()
    assert bunch.frame.shape == (12_000, 15)
    assert bunch.data["workclass"].isna().sum() > 0
    assert set(bunch.target) == {"<=50K", ">50K"}
