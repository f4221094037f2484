"""The Adult data set: does a person earn more than 50,000 dollars a year?"""

from pathlib import Path
from typing import Any

from sklearn.utils import Bunch

FILE = Path(__file__).parent / "adult.csv.gz"
TARGET = "income"


def load_adult(*, return_X_y: bool = False) -> Any:
    """Load 12,000 rows of the Adult data set as a dataframe of pandas.

    The rows are a random sample of the 32,561 training rows of the original data set [1]_, an
    extract of the census of 1994 in the United States, licensed under CC BY 4.0. It has 14 columns:
    numbers and strings, in three of which values are missing.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : Bunch
        With the attributes `data`, a DataFrame of shape (12000, 14), `target`, a Series of the
        strings "<=50K" and ">50K", and `frame`, which has both.

    Raises
    ------
    ImportError
        If pandas is not installed.

    References
    ----------
    .. [1] B. Becker and R. Kohavi, "Adult", UCI Machine Learning Repository, 1996,
       https://doi.org/10.24432/C5XW20.

    Examples
    --------
    >>> from mlpkit_tabular.datasets import load_adult
    >>> X, y = load_adult(return_X_y=True)
    >>> X.shape, X["education"].iloc[0], y.iloc[0]
    ((12000, 14), 'Some-college', '<=50K')
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("load_adult requires pandas: pip install pandas") from error
    frame = pd.read_csv(FILE)
    data, target = frame.drop(columns=TARGET), frame[TARGET]
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, frame=frame, DESCR=load_adult.__doc__)
