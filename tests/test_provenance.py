"""Pickles name what they need; loading without it says which pip command brings it."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from distributions import install, offering, run

from mlpkit import MLPClassifier
from mlpkit.plugin import Network
from mlpkit.registry.provenance import Source, sources_of

SUPPORTS = "supports=('dense_networks', 'custom_networks')"
BACKEND = offering("mlpkit_backends", f"'acme', 'acme_code:backend', {SUPPORTS}")
BUILDER = offering("mlpkit_builders", "'linear', 'acme_code:build'")
# a backend of NumPy's that also evaluates networks with an apply
CODE = """
from mlpkit.numpy_backend.steps import backend as numpy_backend
from mlpkit.plugin import Network

def apply(arrays, x, *, train, seed, w):
    return x @ arrays["coef_0"] + arrays["intercept_0"], {}

def build(spec, rng):
    from mlpkit.numpy_backend import dense
    return dense.build(spec, rng)._replace(apply=apply)

def backend(network, spec, recipe):
    steps = numpy_backend(network._replace(apply=None), spec, recipe)
    how = {"train": False, "seed": 0, "w": None}
    return steps._replace(outputs=lambda state, X: apply(steps.arrays(state), X, **how)[0])
"""
FIT = """
import pickle, sys, numpy as np
from mlpkit import MLPClassifier
X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
clf = MLPClassifier((), backend="acme", builder={builder!r}, tol=9., n_iter_no_change=1)
clf.fit(X, y)
with open(sys.argv[1], "wb") as file:
    pickle.dump((clf, X, clf.predict_proba(X)), file)
"""
LOAD = """
import pickle, sys, numpy as np
with open(sys.argv[1], "rb") as file:
    clf, X, expected = pickle.load(file)
np.testing.assert_array_equal(expected, clf.predict_proba(X))
clf.partial_fit(X, np.arange(20) % 2)
"""


def fitted(folder: Path, builder: str) -> Path:
    """A pickle that was made where the plugin is."""
    site = folder / "there"
    site.mkdir()
    entries = {"acme": BACKEND, "linear": BUILDER}
    install(site, "acme-mlp", entries, "2.5", modules={"acme_code": CODE})
    path = folder / "model.pkl"
    done = run(site, "-c", FIT.format(builder=builder), str(path))
    assert done.stderr == ""
    assert run(site, "-c", LOAD, str(path)).stderr == ""
    return path


def test_dense_networks_predict_without_their_plugin(tmp_path: Path) -> None:
    """Only training on needs the backend, and names the distribution that brought it."""
    done = run(tmp_path, "-c", LOAD, str(fitted(tmp_path, "dense")))
    assert "line 6, in <module>" in done.stderr  # past the prediction
    assert "unknown backend 'acme'" in done.stderr
    assert "pip install acme-mlp" in done.stderr


def test_other_networks_name_the_pip_command(tmp_path: Path) -> None:
    """At loading, before an import fails, with distribution and version."""
    done = run(tmp_path, "-c", LOAD, str(fitted(tmp_path, "linear")))
    expected = (
        "mlpkit.plugin.PluginError: This model was made with backend 'acme' of acme-mlp 2.5 and"
        " builder 'linear' of acme-mlp 2.5, not installed here. Try: pip install acme-mlp==2.5"
    )
    assert done.stderr.splitlines()[-1] == expected


def test_built_ins_are_not_named() -> None:
    """The core is there anyway; objects that were given have no source."""
    X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
    clf = MLPClassifier((2,), tol=9.0, n_iter_no_change=1, backend="numpy").fit(X, y)
    assert clf._model.sources == ()
    assert sources_of(len, max, Network({}, apply=len)) == ()  # type: ignore[arg-type]


def test_sources_survive_copies_and_edits() -> None:
    """A copy, a pickle and a model with other weights need the same."""
    X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
    model = MLPClassifier((2,), tol=9.0, n_iter_no_change=1, backend="numpy").fit(X, y)._model
    model.sources = (Source("backend", "acme", "acme-mlp", "2.5", "acme_mlp"),)
    edited = model.edited(model.spec, model.arrays, {})
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), edited):
        assert other.sources == model.sources
        assert "needs" not in vars(other)


@pytest.mark.parametrize("kind", ["backend", "builder"])
def test_source_in_words(kind: str) -> None:
    """Its kind, name, distribution and version."""
    source = Source(kind, "acme", "acme-mlp", "2.5", "nonexistent")  # type: ignore[arg-type]
    assert str(source) == f"{kind} 'acme' of acme-mlp 2.5"
    assert source.is_missing
