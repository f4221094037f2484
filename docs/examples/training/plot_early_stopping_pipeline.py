"""
===============================================
Early stopping on validation rows in a Pipeline
===============================================

``early_stopping=True`` sets a part of the training rows aside. If you have validation rows of your
own, for example from a later month, pass them to ``fit`` as ``X_val`` and ``y_val``. In a
:class:`~sklearn.pipeline.Pipeline` they must go through the same transformers as the training
rows. The argument ``transform_input`` of the Pipeline does that.

See :doc:`/user_guide/validation` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier

plt.style.use("tableau-colorblind10")
X, y = load_breast_cancer(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, test_size=0.6, stratify=y, random_state=0
)
X_val, X_test, y_val, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)

# %%
# Fit the Pipeline
# ----------------
# ``transform_input`` uses scikit-learn's metadata routing. It must be enabled, and the classifier
# must request the validation rows.

classifier = MLPClassifier(
    hidden_layer_sizes=(32,),
    learning_rate_init=0.01,
    batch_size=32,
    metrics="log_loss",
    early_stopping_on="log_loss",
    n_iter_no_change=30,
    random_state=0,
)
with sklearn.config_context(enable_metadata_routing=True):
    classifier.set_fit_request(X_val=True, y_val=True)
    model = make_pipeline(
        StandardScaler(), classifier, transform_input=["X_val"]
    )
    model.fit(X_train, y_train, X_val=X_val, y_val=y_val)

# %%
# Plot training and validation loss
# ---------------------------------
# ``metric_history_`` has the log loss of each epoch. The loss on the training rows keeps falling
# while the loss on the validation rows rises. The weights of the best epoch are kept.

classifier = model[-1]
losses = {
    split: np.array(
        [
            entry.value
            for entry in classifier.metric_history_.select(split=split)
        ]
    )
    for split in ("train", "validation")
}
best = losses["validation"].argmin() + 1

figure, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
for (split, values), line in zip(losses.items(), ("--", "-"), strict=True):
    ax.plot(np.arange(1, len(values) + 1), values, line, label=split)
ax.axvline(best, color="0.4", linestyle=":")
ax.annotate(f" best epoch: {best}", (best, 0.25), color="0.3")
ax.set(
    xlabel="epoch",
    ylabel="log loss",
    yscale="log",
    title=f"The weights of epoch {best} of {classifier.n_iter_} are kept",
)
ax.legend()
plt.show()

# %%
print(f"accuracy on test rows: {model.score(X_test, y_test):.3f}")
