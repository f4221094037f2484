"""
==========================================
Grid search for the best worst-group score
==========================================

:func:`mlpkit.make_partition_scorer` makes a scorer that returns the score over all rows and the
score of the worst group. A grid search can use both and select the parameters by either. This
example searches the weight of a rare class.

See :doc:`/user_guide/group_metrics` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, by_target, make_partition_scorer

plt.style.use("tableau-colorblind10")

# %%
# Make the data imbalanced
# ------------------------
# All benign tumors and 60 of the malignant ones are kept, with three of the features.

data = load_breast_cancer(as_frame=True)
malignant = (data.target == 0).to_numpy()
kept = np.concatenate(
    [np.flatnonzero(~malignant), np.flatnonzero(malignant)[:60]]
)
X = data.data[["mean texture", "mean smoothness", "mean compactness"]].iloc[
    kept
]
y = malignant[kept].astype(int)

# %%
# Search
# ------
# The groups are the two classes, so the score of the worst group is the accuracy on the class that
# is predicted less well. Each test fold has 12 malignant tumors, so ``min_rows``, the smallest size
# of a group that counts, must be lower than its default of 20.

model = make_pipeline(
    StandardScaler(),
    MLPClassifier(
        hidden_layer_sizes=(16,),
        alpha=1.0,
        learning_rate_init=0.01,
        max_iter=500,
        tol=1e-3,
        random_state=0,
    ),
)
weights = [1, 2, 3, 4, 6, 9, 14]
search = GridSearchCV(
    model,
    {"mlpclassifier__class_weight": [{0: 1, 1: weight} for weight in weights]},
    scoring=make_partition_scorer("accuracy", by_target(), min_rows=10),
    refit="worst_accuracy",
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
)
search.fit(X, y)
print(search.best_params_)

# %%
# Plot both scores
# ----------------
# The weight with the best accuracy is not the one with the best accuracy of the worst class.

figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
names = {"accuracy": "all rows", "worst_accuracy": "worst class"}
for (score, name), line in zip(names.items(), ("o-", "s--"), strict=True):
    means = search.cv_results_[f"mean_test_{score}"]
    best = means.argmax()
    label = f"{name}, best weight: {weights[best]}"
    (curve,) = ax.plot(weights, means, line, label=label)
    ax.plot(
        weights[best], means[best], "*", color=curve.get_color(), markersize=16
    )
ax.set(
    xscale="log",
    xlabel="weight of the rare class",
    ylabel="accuracy in cross-validation",
    ylim=(0.4, 1),
    title="The best weight depends on the score",
)
ax.set_xticks(weights, weights)
ax.minorticks_off()
ax.legend(loc="lower right")
plt.show()
