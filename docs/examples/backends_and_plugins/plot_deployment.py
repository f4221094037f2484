"""
======================================
Train on JAX, predict with NumPy alone
======================================

The weights of a fitted estimator are NumPy arrays. A pickled model that was trained on JAX
therefore predicts where JAX is not installed. This example trains a classifier on JAX, loads it in
another process, and measures how long predictions take there.

See :doc:`/user_guide/deployment` in the user guide for the details.
"""

import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mlpkit import MLPClassifier

plt.style.use("tableau-colorblind10")
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16.0, y, stratify=y, random_state=0
)

# %%
# Train and pickle
# ----------------

clf = MLPClassifier(
    hidden_layer_sizes=(100,),
    learning_rate_init=0.01,
    max_iter=500,
    tol=1e-3,
    backend="jax",
    random_state=0,
)
clf.fit(X_train, y_train)
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "model.pickle"
path.write_bytes(pickle.dumps(clf))

# %%
# Load and predict in another process
# -----------------------------------
# The first line of the program below makes every import of JAX fail, as on a machine without JAX.
# The program predicts the test rows, and then takes the time of predictions of 1 to 10,000 rows.

program = """
import sys
sys.modules["jax"] = None

import json
import pickle
import timeit
from pathlib import Path
import numpy as np

clf = pickle.loads(Path(sys.argv[1]).read_bytes())
rows = np.array(json.load(sys.stdin))
seconds = {}
for n in (1, 10, 100, 1000, 10000):
    batch = np.resize(rows, (n, rows.shape[1]))
    calls = 2 if n > 1000 else 50
    clf.predict(batch)
    times = timeit.repeat(lambda: clf.predict(batch), number=calls, repeat=5)
    seconds[n] = min(times) / calls
print(json.dumps({"predicted": clf.predict(rows).tolist(), "seconds": seconds}))
"""
result = subprocess.run(
    [sys.executable, "-c", program, path],
    input=json.dumps(X_test.tolist()),
    capture_output=True,
    text=True,
    check=True,
)
answer = json.loads(result.stdout)
folder.cleanup()
same = (clf.predict(X_test) == answer["predicted"]).mean()
for n, seconds in answer["seconds"].items():
    print(f"{n} rows: {1000 * seconds:.2g} ms")
print(f"{same:.1%} of the predictions are the same as on JAX")

# %%
# Plot the time of a prediction
# -----------------------------
# Below about 100 rows, the fixed cost of a call determines the time. The times were measured on the
# machine that built this page.

sizes = [int(n) for n in answer["seconds"]]
milliseconds = [1000 * seconds for seconds in answer["seconds"].values()]
figure, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
ax.plot(sizes, milliseconds, "o-")
ax.set(
    xlabel="rows",
    ylabel="milliseconds of one call of predict",
    xscale="log",
    yscale="log",
    title="Time of a prediction with NumPy, measured here",
)
plt.show()
