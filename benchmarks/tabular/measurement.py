"""One fit: its skill, and the processor time of fitting and of predicting."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.tabular import sources
from benchmarks.tabular.contenders import Setting, estimator

ROWS = 20  # whose predictions are timed one by one


def measured(
    table: sources.Table, name: str, seed: int, threads: int, device: str
) -> dict[str, Any]:
    """Fit a contender to three quarters of the rows, and score it on the others.

    On a GPU, the processor only waits: the result has the seconds of the clock instead.
    """
    X, X_test, y, y_test = sources.split(table, seed)
    model = estimator(name, Setting(X, table.classification, seed, threads, device))
    fit_wall, fit_seconds = time.perf_counter(), time.process_time()
    model.fit(X, y)
    fit_wall, fit_seconds = time.perf_counter() - fit_wall, time.process_time() - fit_seconds
    forecast = model.predict_proba if table.classification else model.predict
    predict_seconds = time.process_time()
    forecasts = np.asarray(forecast(X_test))
    predict_seconds = time.process_time() - predict_seconds
    result = {
        "rows": len(X),
        "columns": X.shape[1],
        "skill": (
            class_skill(forecasts, list(model.classes_), y, y_test)
            if table.classification
            else number_skill(forecasts, y_test)
        ),
    }
    if device != "cpu":
        return {**result, "device": device, "device_seconds": fit_wall}
    return {
        **result,
        "fit_seconds": fit_seconds,
        "fit_wall_seconds": fit_wall,
        "predict_seconds": predict_seconds,
        "row_milliseconds": 1e3 * seconds_a_row(forecast, X_test[:ROWS]),
    }


def class_skill(probabilities: Any, classes: list[Any], y: Any, y_test: Any) -> float:
    """1 - log-loss / log-loss of the class frequencies in the training rows."""
    frequencies = y.value_counts(normalize=True)
    rows = np.arange(len(y_test))
    columns = [classes.index(label) for label in y_test]
    chosen = np.clip(probabilities[rows, columns], 1e-15, None)
    return float(1 - np.log(chosen).mean() / np.log(frequencies[y_test]).mean())


def number_skill(predictions: Any, y_test: Any) -> float:
    """R2."""
    from sklearn.metrics import r2_score

    return float(r2_score(y_test, predictions.ravel()))


def seconds_a_row(forecast: Callable[[Any], Any], X: Any) -> float:
    """Median processor seconds of the prediction of one row."""
    seconds = []
    for row in range(len(X)):
        began = time.process_time()
        forecast(X[row : row + 1])
        seconds.append(time.process_time() - began)
    return float(np.median(seconds))
