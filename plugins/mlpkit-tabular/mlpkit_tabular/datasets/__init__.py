"""A data set that is shipped for examples."""

from mlpkit_tabular.datasets.adult import load_adult

__all__ = ["load_adult"]
