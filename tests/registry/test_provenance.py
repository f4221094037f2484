"""Pickled models name the plugins that they require, and the command that installs them."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from distributions import install, offering, run

from mlpkit import MLPClassifier
from mlpkit.plugin import Network
from mlpkit.registry.provenance import Source, sources_of

pytestmark = pytest.mark.once

SUPPORTS = "supports=('dense_networks', 'custom_networks')"
BACKEND = offering("mlpkit_backends", f"'acme', 'acme_code:backend', {SUPPORTS}")
BUILDER = offering("mlpkit_builders", "'linear', 'acme_code:build'")
# the NumPy backend, with support for one network that has a function `apply`
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
for builder, path in zip(("dense", "linear"), sys.argv[1:]):
    clf = MLPClassifier((), backend="acme", builder=builder, tol=9., n_iter_no_change=1)
    clf.fit(X, y)
    with open(path, "wb") as file:
        pickle.dump((clf, X, clf.predict_proba(X)), file)
"""
LOAD = """
import pickle, sys, numpy as np
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        clf, X, expected = pickle.load(file)
    np.testing.assert_array_equal(expected, clf.predict_proba(X))
    clf.partial_fit(X, np.arange(20) % 2)
"""


@pytest.fixture(scope="module")
def pickles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The paths of models that were pickled in an environment with the plugin, by builder."""
    folder = tmp_path_factory.mktemp("pickles")
    site = folder / "site"
    site.mkdir()
    entries = {"acme": BACKEND, "linear": BUILDER}
    install(site, "acme-mlp", entries, "2.5", modules={"acme_code": CODE})
    paths = {builder: str(folder / builder) for builder in ("dense", "linear")}
    assert run(site, "-c", FIT, *paths.values()).stderr == ""
    assert run(site, "-c", LOAD, *paths.values()).stderr == ""
    return paths


def test_dense_networks_predict_without_their_plugin(
    pickles: dict[str, str], tmp_path: Path
) -> None:
    """Only further training requires the backend; the error names its distribution."""
    done = run(tmp_path, "-c", LOAD, pickles["dense"])
    assert "line 7, in <module>" in done.stderr  # after the prediction
    assert "unknown backend 'acme'" in done.stderr
    assert "pip install acme-mlp" in done.stderr


def test_other_networks_require_their_plugin(pickles: dict[str, str], tmp_path: Path) -> None:
    """The error names distribution and version when the pickle is loaded."""
    done = run(tmp_path, "-c", LOAD, pickles["linear"])
    expected = (
        "mlpkit.plugin.PluginError: This model requires backend 'acme' of acme-mlp 2.5 and"
        " builder 'linear' of acme-mlp 2.5, which is not installed. Try: pip install acme-mlp==2.5"
    )
    assert done.stderr.splitlines()[-1] == expected


ENCODER = offering("mlpkit_encoders", "'halves', 'acme_mlp_acme:Halves', options=('factor',)")
ENCODER_CODE = """
import numpy as np
from mlpkit.plugin import Column

class Halves:
    def __init__(self, factor=0.5):
        self.factor = factor
    def fit(self, X, y=None, sample_weight=None):
        self.n_ = X.shape[1]
        return self
    def transform(self, X):
        return self.factor * np.asarray(X, float)
    @property
    def columns(self):
        return tuple(Column(f"half_{i}", f"x{i}") for i in range(self.n_))
    def get_feature_names_out(self, input_features=None):
        return np.array([c.name for c in self.columns], dtype=object)
    def get_state(self):
        return {}, {"n": self.n_}
    def set_state(self, arrays, settings):
        self.n_ = settings["n"]
        return self
"""
FIT_ENCODED = """
import pickle, sys, numpy as np
from acme_mlp_acme import Halves
from mlpkit import MLPClassifier
X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
by_name = {"encoder": "halves", "encoder_options": {"factor": 0.25}}
for path, factor, encoder in zip(sys.argv[1:], (0.25, 0.5), (by_name, {"encoder": Halves()})):
    clf = MLPClassifier((), **encoder, backend="numpy", tol=9., n_iter_no_change=1)
    clf.fit(X, y)
    assert clf._network.spec.feature_names == ("half_0", "half_1")
    np.testing.assert_array_equal(clf.encoder_.transform(X), factor * X)
    with open(path, "wb") as file:
        pickle.dump((clf, X, clf.predict_proba(X)), file)
"""


def test_encoders_require_their_plugin(tmp_path: Path) -> None:
    """Also if the network is dense: it cannot predict without the encoded rows."""
    site = tmp_path / "site"
    site.mkdir()
    install(site, "acme-mlp", {"acme": ENCODER + ENCODER_CODE}, "2.5")
    paths = {name: str(tmp_path / f"{name}.pkl") for name in ("halves", "acme")}
    assert run(site, "-c", FIT_ENCODED, *paths.values()).stderr == ""
    assert run(site, "-c", LOAD, *paths.values()).stderr == ""
    for name, path in paths.items():
        done = run(tmp_path, "-c", LOAD, path)
        assert done.stderr.splitlines()[-1] == (
            f"mlpkit.plugin.PluginError: This model requires encoder '{name}' of acme-mlp 2.5,"
            " which is not installed. Try: pip install acme-mlp==2.5"
        )


def test_built_in_components_are_no_sources() -> None:
    """Built-in components and objects without a plugin have no source."""
    X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
    clf = MLPClassifier((2,), tol=9.0, n_iter_no_change=1, backend="numpy").fit(X, y)
    assert clf._network.sources == ()
    assert sources_of(len, max, Network({}, apply=len)) == ()  # type: ignore[arg-type]


def test_sources_survive_copies_and_edits() -> None:
    """A copy, a pickle and a model with other weights have the same sources."""
    X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
    model = MLPClassifier((2,), tol=9.0, n_iter_no_change=1, backend="numpy").fit(X, y)._network
    model.sources = (Source("backend", "acme", "acme-mlp", "2.5", "acme_mlp"),)
    edited = model.edited(model.spec, model.arrays, {})
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), edited):
        assert other.sources == model.sources
        assert "needs" not in vars(other)


@pytest.mark.parametrize("kind", ["backend", "builder"])
def test_representation_of_a_source(kind: str) -> None:
    """It has kind, name, distribution and version."""
    source = Source(kind, "acme", "acme-mlp", "2.5", "nonexistent")  # type: ignore[arg-type]
    assert str(source) == f"{kind} 'acme' of acme-mlp 2.5"
    assert source.is_missing
