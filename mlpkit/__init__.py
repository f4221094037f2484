"""mlpkit: multilayer perceptrons behind scikit-learn's interface, on the backend you choose."""

from mlpkit.classifier import MLPClassifier
from mlpkit.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
__version__ = "0.1.0"
