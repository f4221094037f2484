"""The docstrings of the estimators and the HTML representation that scikit-learn makes of them."""

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
from mlpkit.estimators import html as html_module

pytestmark = pytest.mark.once

ESTIMATORS = [MLPClassifier, MLPRegressor]
VERSION = parse_version(sklearn.__version__)
SHOWS_DESCRIPTIONS = VERSION >= parse_version("1.8")
SHOWS_ATTRIBUTES = VERSION >= parse_version("1.9")
X = np.arange(40.0).reshape(20, 2) % 7
Y = np.arange(20) % 2


@pytest.fixture(autouse=True)
def _no_documentation_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the environment variable with the URL of the documentation."""
    monkeypatch.delenv("MLPKIT_DOCUMENTATION", raising=False)


# attributes that a fit sets only with certain parameters or data
CONDITIONAL = ("feature_names_in_", "encoder_", "oof_predictions_", "temperature_")


class Entry(NamedTuple):
    """A parameter or attribute in a numpydoc section."""

    name: str
    type: str
    text: str


def section(cls: type, title: str) -> list[Entry]:
    """Return the entries of a section of the docstring."""
    pattern = rf"^{title}\n-+\n(.*?)(?=\n\w+\n-+\n|\Z)"
    match = re.search(pattern, inspect.getdoc(cls) or "", re.MULTILINE | re.DOTALL)
    assert match, title
    parts = re.split(r"^(?=\S)", match[1], flags=re.MULTILINE)
    entries = []
    for part in filter(None, parts):
        heading, _, text = part.partition("\n")
        name, _, type_text = heading.partition(" : ")
        entries.append(Entry(name, type_text, inspect.cleandoc(text)))
    return entries


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_has_an_entry(cls: Any) -> None:
    """The entries are in the order of the signature and have a type, a default and sentences."""
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
    """The section contains exactly the fitted attributes that end in an underscore."""
    fitted = fitted_estimator(cls)
    entries = section(cls, "Attributes")
    for entry in entries:
        if entry.name in CONDITIONAL:
            setattr(fitted, entry.name, np.array(["a", "b"]))
    attributes = {name for name in dir(fitted) if name.endswith("_") and not name.startswith("_")}
    assert sorted(entry.name for entry in entries) == sorted(attributes)
    assert all(re.match(r"[A-Z'].*\.\Z", entry.text, re.DOTALL) for entry in entries)


def fitted_estimator(cls: Any) -> Any:
    """Return an estimator after `partial_fit`."""
    classes = {"classes": [0, 1]} if cls is MLPClassifier else {}
    return cls(hidden_layer_sizes=(2,)).partial_fit(X, Y, **classes)


@pytest.mark.parametrize("title", ["Parameters", "Attributes"])
def test_shared_entries_are_the_same(title: str) -> None:
    """Both estimators have the same entry for a shared name, except for those that differ."""
    classifier, regressor = ({e.name: e for e in section(cls, title)} for cls in ESTIMATORS)
    shared = (classifier.keys() & regressor.keys()) - {"loss", "oof_predictions_"}
    assert len(shared) >= 12
    for name in shared:
        assert classifier[name] == regressor[name]


def representation(estimator: Any) -> str:
    """Return the HTML representation of an estimator."""
    return str(estimator._repr_html_())


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("wrap", ["alone", "in a Pipeline", "in a search"])
def test_parameters_are_described(cls: Any, wrap: str) -> None:
    """Each parameter has its description, and no link leads to a page of scikit-learn."""
    estimator: Any = cls()
    if wrap != "alone":
        estimator = make_pipeline(StandardScaler(), estimator)
    if wrap == "in a search":
        estimator = GridSearchCV(estimator, {})
    text = representation(estimator)
    assert "about:blank" not in text
    assert cls.__name__ not in "".join(re.findall(r'href="([^"]*)"', text))
    for entry in section(cls, "Parameters") if SHOWS_DESCRIPTIONS else ():
        description = f"{entry.name}: {html.escape(entry.type)}<br><br>"
        assert description + html.escape(entry.text.partition("\n")[0]) in text


@pytest.mark.skipif(not SHOWS_ATTRIBUTES, reason="the table is new in scikit-learn 1.9")
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_attributes_are_described(cls: Any) -> None:
    """A second table contains the fitted attributes."""
    text = representation(fitted_estimator(cls))
    assert "about:blank" not in text
    for entry in section(cls, "Attributes"):
        if entry.name not in CONDITIONAL:
            assert f"{entry.name}: {html.escape(entry.type)}<br><br>" in text


@pytest.mark.skipif(not SHOWS_DESCRIPTIONS, reason="links are new in scikit-learn 1.8")
@pytest.mark.parametrize("site", ["https://site.invalid/", "https://site.invalid", "../", "/a&b/"])
def test_links_lead_to_the_documentation(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name links to the site whose URL is in the environment variable."""
    monkeypatch.setenv("MLPKIT_DOCUMENTATION", site)
    for cls in ESTIMATORS:
        page = f"{html.escape(site.rstrip('/'))}/api/generated/mlpkit.{cls.__name__}.html"
        text = representation(cls())
        assert f'href="{page}"' in text
        for name in cls().get_params():
            assert f'href="{page}#:~:text={name},-' in text


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (None, ""),
        (["Source, https://code.invalid"], ""),
        (
            ["Source, https://code.invalid", "Documentation, https://a.invalid/b"],
            "https://a.invalid/b/",
        ),
    ],
)
def test_url_in_the_metadata(
    urls: list[str] | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment variable takes precedence over the URL "Documentation" in the metadata."""
    message = Message()
    for url in urls or ():
        message["Project-URL"] = url
    monkeypatch.setattr(html_module, "metadata", lambda name: message)
    assert html_module.documentation_url() == expected
    monkeypatch.setenv("MLPKIT_DOCUMENTATION", "../")
    assert html_module.documentation_url() == "../"


def test_no_url_without_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source tree that is not installed has no metadata and therefore no URL."""

    def not_installed(name: str) -> Any:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(html_module, "metadata", not_installed)
    assert html_module.documentation_url() == ""


def test_a_subclass_has_no_link() -> None:
    """A subclass of the user has no page; the descriptions are those of its own docstring."""

    class Custom(MLPClassifier):
        """A subclass with one parameter.

        Parameters
        ----------
        alpha : float, default=1.0
            Something else.
        """

        def __init__(self, alpha: float = 1.0) -> None:
            super().__init__(alpha=alpha)

    text = representation(Custom())
    assert "mlpkit.Custom" not in text
    assert ("Something else." in text) == SHOWS_DESCRIPTIONS


def test_values_are_escaped() -> None:
    """Markup in the values of parameters is escaped."""
    markup = '<script>alert(1)</script>" href="about:blank'
    text = representation(MLPClassifier(backend=markup, builder_options={markup: markup}))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
