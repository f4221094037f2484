"""The HTML representation of estimators, with descriptions and links of parameters."""

import html
import inspect
import os
import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

URL_VARIABLE = "MLPKIT_DOCUMENTATION"  # the environment variable with the URL of the site
_PLACEHOLDER = "about:blank"  # scikit-learn shows descriptions only with a URL
_LINK = re.compile(rf'\s*rel="noreferrer"\s+target="_blank"\s+href="{_PLACEHOLDER}[^"]*"')


def documentation_url() -> str:
    """Return the URL of the documentation site, which ends in "/", or "" if it is unknown.

    The environment variable ``MLPKIT_DOCUMENTATION`` takes precedence over the URL with the label
    "Documentation" in the metadata of the installed distribution.
    """
    url = os.environ.get(URL_VARIABLE) or _metadata_url()
    return url.rstrip("/") + "/" if url else ""


def _metadata_url() -> str:
    """Return the URL in the metadata of the distribution, or ""."""
    try:
        urls = metadata("mlpkit").get_all("Project-URL") or []
    except PackageNotFoundError:  # a source tree that is not installed
        return ""
    by_label = dict(re.split(r"\s*,\s*", url, maxsplit=1) for url in urls)
    return by_label.get("Documentation", "")


class HTMLDescriptions:
    """Mixin that adds descriptions to the HTML tables of parameters and fitted attributes.

    The names are links if `documentation_url` returns a URL.
    """

    _doc_link_module = "mlpkit"
    _doc_link_template = "{url}"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        site = html.escape(documentation_url())
        page = f"{site}api/generated/mlpkit.{type(self).__name__}.html" if site else ""
        return {"url": page}

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        return _table_with_descriptions(super()._get_params_html, *args, **kwargs)  # type: ignore[misc]

    def _get_fitted_attr_html(self, *args: Any, **kwargs: Any) -> Any:
        return _table_with_descriptions(super()._get_fitted_attr_html, *args, **kwargs)  # type: ignore[misc]


def _table_with_descriptions(make_table: Any, *args: Any, **kwargs: Any) -> Any:
    """Return a table of scikit-learn with descriptions, and without links if there is no URL."""
    signature = inspect.signature(make_table)
    arguments = signature.bind(*args, **kwargs).arguments
    if "deep" in signature.parameters:
        arguments["deep"] = False  # scikit-learn does not always escape `builder_options`
    if "doc_link" not in signature.parameters or arguments.get("doc_link"):
        return make_table(**arguments)  # scikit-learn before 1.8 shows no descriptions
    table = make_table(**arguments | {"doc_link": _PLACEHOLDER})
    representation = table._html_repr
    table._html_repr = lambda: _LINK.sub("", representation())
    return table
