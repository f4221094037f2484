"""
=========================
Which columns matter most
=========================

``feature_importance`` shuffles the values of a raw column and measures how much worse a metric
becomes. This example trains ``TabularClassifier`` on the Adult data set, and measures the
importance of its columns over all rows, and for women and men separately.

See :doc:`/user_guide/uncertainty` in the user guide for the details.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from mlpkit import Cycles, feature_importance
from mlpkit_tabular import TabularClassifier
from mlpkit_tabular.datasets import load_adult

plt.style.use("tableau-colorblind10")
X, y = load_adult(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=3000, test_size=2000, random_state=0
)

# %%
# Train on the raw table
# ----------------------
# The network here is smaller than the default one, and trained for a shorter time.

clf = TabularClassifier(
    hidden_layer_sizes=(64,),
    n_members=4,
    n_folds=None,
    trainer=Cycles(max_cycles=4),
    random_state=0,
)
clf.fit(X_train, y_train)

# %%
# Shuffle columns and groups of columns
# -------------------------------------
# Columns with similar content are shuffled together. Otherwise each would hide the importance of
# the other: without the marital status, the relationship still says who is married.

columns = {
    "age": ["age"],
    "family": ["marital-status", "relationship"],
    "education": ["education", "education-num"],
    "work": ["occupation", "workclass", "hours-per-week"],
    "capital": ["capital-gain", "capital-loss"],
    "origin": ["race", "native-country"],
}
importance = feature_importance(
    clf,
    X_test,
    y_test,
    columns=columns,
    metric="log_loss",
    partitions=["sex"],
    random_state=0,
)
print(importance)

# %%
# Plot the importance
# -------------------
# The bars are the importance over all rows, and the lines are standard deviations over the
# repetitions of the shuffling.

importance.plot()
plt.show()
