"""The types that `skops.io.load` has to trust for estimators of mlpkit."""

#: The classes of the core whose fitted objects `skops.io.load` accepts with ``trusted=``. They
#: contain dicts, lists, arrays, numbers and strings only.
SKOPS_TRUSTED_TYPES = [
    "mlpkit.estimators.classifier.MLPClassifier",
    "mlpkit.estimators.regressor.MLPRegressor",
]
