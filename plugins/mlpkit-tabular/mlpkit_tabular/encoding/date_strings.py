"""Columns of strings that are dates, as files of comma-separated values have them."""

import re

import numpy as np

from mlpkit_tabular.encoding.values import Values

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?", re.ASCII)


def with_dates(values: Values) -> Values:
    """Return a column of strings as dates if all of them are, else the column itself.

    Dates have the form 2024-05-31, and may have a time, 2024-05-31 12:30:59.5 or with a T. A
    categorical column keeps its levels.

    >>> from mlpkit_tabular.encoding.values import categories
    >>> with_dates(categories(["2024-05-31", None], "string")).data
    array(['2024-05-31T00:00:00.000000',                        'NaT'],
          dtype='datetime64[us]')
    """
    if values.kind != "category" or values.origin != "string" or not values.levels:
        return values
    if not all(map(_DATE.fullmatch, values.levels)):
        return values
    try:
        dates = np.array([*values.levels, "NaT"], dtype="datetime64[us]")
    except ValueError:  # such as 2024-02-30
        return values
    return Values("date", dates[values.data])
