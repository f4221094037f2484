"""
====================================
Robust regression with wrong targets
====================================

The squared error gives much weight to large errors, so a few wrong targets can spoil a model. The
Huber loss and the absolute error grow only linearly with the error. This example multiplies a part
of the training targets by ten, as if a decimal point were lost, and measures the error on correct
test rows.

See :doc:`/user_guide/losses_and_solvers` in the user guide for the details.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPRegressor

plt.style.use("tableau-colorblind10")
X, y = load_diabetes(scaled=False, return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.4, random_state=0
)

# %%
# Train with each loss and each fraction of wrong targets
# -------------------------------------------------------
# ``delta`` is the error up to which the Huber loss is quadratic, in units of the target.

losses = {
    "squared_error": {},
    "huber": {"loss_options": {"delta": 20.0}},
    "absolute_error": {},
}
fractions = [0.0, 0.02, 0.05, 0.1, 0.15, 0.2]
order = np.random.default_rng(0).permutation(len(y_train))
errors = {loss: [] for loss in losses}
for fraction in fractions:
    wrong = order[: round(fraction * len(order))]
    y_wrong = y_train.copy()
    y_wrong[wrong] *= 10
    for loss, options in losses.items():
        model = make_pipeline(
            StandardScaler(),
            MLPRegressor(
                loss=loss,
                hidden_layer_sizes=(20,),
                alpha=10.0,
                learning_rate_init=0.05,
                max_iter=2000,
                tol=1e-3,
                random_state=0,
                **options,
            ),
        )
        model.fit(X_train, y_wrong)
        errors[loss].append(mean_absolute_error(y_test, model.predict(X_test)))

# %%
# Plot the errors
# ---------------
# With correct targets the losses are equally good. The dashed line is the error of predicting the
# median of the correct training targets.

constant = mean_absolute_error(y_test, np.full(len(y_test), np.median(y_train)))
figure, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for (loss, values), marker in zip(errors.items(), "osD", strict=True):
    ax.plot(np.multiply(100, fractions), values, marker=marker, label=loss)
ax.axhline(constant, color="0.4", linestyle="--", label="constant prediction")
ax.set(
    xlabel="wrong training targets (%)",
    ylabel="mean absolute error on test rows",
    xticks=[0, 5, 10, 15, 20],
    title="Robust losses tolerate wrong targets",
)
ax.legend()
plt.show()
