"""
==============================================
A Keras model in a grid search of scikit-learn
==============================================

``builder`` takes a function that returns a Keras model. The arguments of the function are
parameters of the estimator, with ``builder__`` before their names, so scikit-learn can search them.
This example searches the number of hidden units of a network for the handwritten digits.

See :doc:`/user_guide/keras` in the user guide for the details.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it when it is imported

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from mlpkit import MLPClassifier

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X = X / 16.0

# %%
# Write a function that builds the model
# --------------------------------------
# ``spec`` describes what the network must fit: the number of features and outputs, the task, the
# activation of the outputs, and the dtype.


def network(spec, units=16, dropout=0.1):
    inputs = keras.Input((spec.n_features,))
    x = keras.layers.Dense(units, activation="relu")(inputs)
    x = keras.layers.Dropout(dropout)(x)
    outputs = keras.layers.Dense(
        spec.n_outputs, activation=spec.out_activation
    )(x)
    return keras.Model(inputs, outputs)


# %%
# Search its parameters
# ---------------------
# JAX compiles the training steps of the Keras model. ``solver`` also takes the names of Keras's
# optimizers. The callback stops each training after 20 epochs.

clf = MLPClassifier(
    builder=network,
    backend="jax",
    solver="keras.rmsprop",
    learning_rate_init=0.005,
    batch_size=50,
    n_iter_no_change=np.inf,
    callbacks=lambda report: report.epoch == 20,
    random_state=0,
)
units = [4, 16, 64]
search = GridSearchCV(clf, {"builder__units": units}, cv=3)
search.fit(X, y)

# %%
# Plot the accuracy
# -----------------
# The grey dots are the scores of the three folds, the blue dots their means.

results = search.cv_results_
figure, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
for fold in range(3):
    ax.plot(units, results[f"split{fold}_test_score"], "o", color="C2")
ax.plot(units, results["mean_test_score"], "o-")
ax.set(
    xscale="log",
    xlabel="hidden units",
    ylabel="accuracy in cross-validation",
    title="The accuracy rises with the number of units",
)
ax.set_xticks(units, units)
ax.minorticks_off()
plt.show()

# %%
# ``to_keras`` returns the trained Keras model, for example to save it in Keras's own format.

keras_model = search.best_estimator_.to_keras()
print(
    f"{type(keras_model).__name__} with {keras_model.count_params()} parameters"
)
