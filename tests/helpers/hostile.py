"""What loading a mutated file of an estimator may do."""

import warnings
from pathlib import Path
from typing import Any

import mlpkit
from mlpkit import InconsistentVersionWarning, InvalidFile
from mlpkit.plugin import PluginError

LONGEST = 3000  # characters of an error


def outcome(path: Path, rows: Any) -> str:
    """The name of the error of `mlpkit.load`, or "loaded" if the estimator works.

    Raises AssertionError for another error, for a warning, and for an estimator that cannot predict
    the rows.
    """
    estimator, refused = None, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = mlpkit.load(path)
        except (InvalidFile, PluginError) as error:
            refused = error
        except BaseException as error:
            raise AssertionError(f"load raised {error!r:.300}") from error
    others = [w for w in caught if refused or w.category is not InconsistentVersionWarning]
    assert not others, f"load warned: {others[0].message}"
    if refused is not None:
        assert len(str(refused)) < LONGEST, f"a long error: {refused!s:.300}"
        return type(refused).__name__
    try:
        _use(estimator, rows, path)
    except BaseException as error:
        raise AssertionError(f"a loaded estimator raised {error!r:.300}") from error
    return "loaded"


def _use(estimator: Any, rows: Any, path: Path) -> None:
    """Call what does not train."""
    repr(estimator)
    if hasattr(estimator, "n_features_in_"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for example of weights that overflow
            for name in ("predict", "predict_proba"):
                if hasattr(estimator, name):
                    getattr(estimator, name)(rows)
            if hasattr(estimator, "predict_interval"):
                estimator.predict_interval(rows, coverage=0.5)
    if hasattr(estimator, "metric_history_"):
        repr(estimator.metric_history_), estimator.metric_history_.to_csv()
    estimator.save(path)
    mlpkit.load(path)
