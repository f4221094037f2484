"""Docstrings that tools can read, and the HTML representation that is made from them."""

import html
import inspect
import re
from email.message import Message
from importlib.metadata import PackageNotFoundError
from typing import Any, NamedTuple

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.estimators import html as documented

pytestmark = pytest.mark.once

ESTIMATORS = [MLPClassifier, MLPRegressor]
VERSION = parse_version(sklearn.__version__)
DESCRIBES = VERSION >= parse_version("1.8")  # the versions of scikit-learn that show more
SHOWS_ATTRIBUTES = VERSION >= parse_version("1.9")
X = np.arange(40.0).reshape(20, 2) % 7
Y = np.arange(20) % 2


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the tests has no address of a site."""
    monkeypatch.delenv("MLPKIT_DOCUMENTATION", raising=False)


class Entry(NamedTuple):
    """A parameter or attribute in a numpydoc section."""

    name: str
    type: str
    text: str


def section(cls: type, title: str) -> list[Entry]:
    """The entries of a section of the docstring."""
    pattern = rf"^{title}\n-+\n(.*?)(?=\n\w+\n-+\n|\Z)"
    found = re.search(pattern, inspect.getdoc(cls) or "", re.MULTILINE | re.DOTALL)
    assert found, title
    parts = re.split(r"^(?=\S)", found[1], flags=re.MULTILINE)
    entries = []
    for part in filter(None, parts):
        heading, _, text = part.partition("\n")
        name, _, kind = heading.partition(" : ")
        entries.append(Entry(name, kind, inspect.cleandoc(text)))
    return entries


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_has_an_entry(cls: Any) -> None:
    """One entry each, in the order of the signature, with type, default and sentences."""
    entries = section(cls, "Parameters")
    signature = inspect.signature(cls).parameters
    assert [entry.name for entry in entries] == list(signature)
    for entry in entries:
        default = signature[entry.name].default
        assert entry.type.endswith(f", default={default!r}") or (
            float(entry.type.partition("default=")[2]) == default
        ), entry.name
        assert re.match(r"[A-Z'].*\.\Z", entry.text, re.DOTALL), entry.name


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_attribute_has_an_entry(cls: Any) -> None:
    """Fitted attributes that end in an underscore, and no others."""
    fitted = streamed(cls)
    fitted.feature_names_in_ = np.array(["a", "b"])
    there = {name for name in dir(fitted) if name.endswith("_") and not name.startswith("_")}
    entries = section(cls, "Attributes")
    assert sorted(entry.name for entry in entries) == sorted(there)
    assert all(re.match(r"[A-Z'].*\.\Z", entry.text, re.DOTALL) for entry in entries)


def streamed(cls: Any) -> Any:
    """A fitted estimator."""
    classes = {"classes": [0, 1]} if cls is MLPClassifier else {}
    return cls(hidden_layer_sizes=(2,)).partial_fit(X, Y, **classes)


@pytest.mark.parametrize("title", ["Parameters", "Attributes"])
def test_shared_entries_are_the_same(title: str) -> None:
    """What both estimators have is described in the same words; `loss` has two meanings."""
    ours, theirs = ({e.name: e for e in section(cls, title)} for cls in ESTIMATORS)
    shared = (ours.keys() & theirs.keys()) - {"loss"}
    assert len(shared) >= 12
    for name in shared:
        assert ours[name] == theirs[name]


def shown(estimator: Any) -> str:
    """The HTML of an estimator."""
    return str(estimator._repr_html_())


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("wrap", ["alone", "in a Pipeline", "in a search"])
def test_parameters_are_described(cls: Any, wrap: str) -> None:
    """Each name has its description; nothing leads to scikit-learn's pages or to nowhere."""
    estimator: Any = cls()
    if wrap != "alone":
        estimator = make_pipeline(StandardScaler(), estimator)
    if wrap == "in a search":
        estimator = GridSearchCV(estimator, {})
    text = shown(estimator)
    assert "about:blank" not in text
    assert cls.__name__ not in "".join(re.findall(r'href="([^"]*)"', text))
    for entry in section(cls, "Parameters") if DESCRIBES else ():
        described = f"{entry.name}: {html.escape(entry.type)}<br><br>"
        assert described + html.escape(entry.text.partition("\n")[0]) in text


@pytest.mark.skipif(not SHOWS_ATTRIBUTES, reason="the table is new in scikit-learn 1.9")
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_attributes_are_described(cls: Any) -> None:
    """After `fit` a second table has the fitted attributes."""
    text = shown(streamed(cls))
    assert "about:blank" not in text
    for entry in section(cls, "Attributes"):
        if entry.name != "feature_names_in_":
            assert f"{entry.name}: {html.escape(entry.type)}<br><br>" in text


@pytest.mark.skipif(not DESCRIBES, reason="links are new in scikit-learn 1.8")
@pytest.mark.parametrize("site", ["https://site.invalid/", "https://site.invalid", "../", "/a&b/"])
def test_links_lead_to_the_documentation(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment variable is the address of the site, and every name leads there."""
    monkeypatch.setenv("MLPKIT_DOCUMENTATION", site)
    for cls in ESTIMATORS:
        page = f"{html.escape(site.rstrip('/'))}/api/generated/mlpkit.{cls.__name__}.html"
        text = shown(cls())
        assert f'href="{page}"' in text
        for name in cls().get_params():
            assert f'href="{page}#:~:text={name},-' in text


@pytest.mark.parametrize(
    ("urls", "address"),
    [
        (None, ""),
        (["Source, https://code.invalid"], ""),
        (
            ["Source, https://code.invalid", "Documentation, https://a.invalid/b"],
            "https://a.invalid/b/",
        ),
    ],
)
def test_the_metadata_have_the_address(
    urls: list[str] | None, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the environment variable, the URL "Documentation" of the distribution counts."""
    message = Message()
    for url in urls or ():
        message["Project-URL"] = url
    monkeypatch.setattr(documented, "metadata", lambda name: message)
    assert documented.documentation() == address
    monkeypatch.setenv("MLPKIT_DOCUMENTATION", "../")
    assert documented.documentation() == "../"


def test_a_checkout_that_is_not_installed_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The representation does not need the metadata."""

    def absent(name: str) -> Any:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(documented, "metadata", absent)
    assert documented.documentation() == ""


def test_a_subclass_of_a_user_has_no_link() -> None:
    """It is not in the documentation; its own docstring describes it."""

    class Mine(MLPClassifier):
        """Has one parameter.

        Parameters
        ----------
        alpha : float, default=1.0
            Something else.
        """

        def __init__(self, alpha: float = 1.0) -> None:
            super().__init__(alpha=alpha)

    text = shown(Mine())
    assert "mlpkit.Mine" not in text
    assert ("Something else." in text) == DESCRIBES


def test_values_are_escaped() -> None:
    """Nothing that a user gives becomes markup."""
    bad = '<script>alert(1)</script>" href="about:blank'
    text = shown(MLPClassifier(backend=bad, builder_options={bad: bad}))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
