"""The HTML representation: parameters and attributes with their descriptions and links."""

import html
import inspect
import os
import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

DOCUMENTATION = "MLPKIT_DOCUMENTATION"  # the environment variable with the address of the site
_PLACEHOLDER = "about:blank"  # scikit-learn shows no description without an address
_LINK = re.compile(rf'\s*rel="noreferrer"\s+target="_blank"\s+href="{_PLACEHOLDER}[^"]*"')


def documentation() -> str:
    """The address of the documentation site, ending in "/"; empty if there is none.

    The environment variable ``MLPKIT_DOCUMENTATION`` takes precedence over the URL with the label
    "Documentation" in the metadata of the installed distribution.
    """
    address = os.environ.get(DOCUMENTATION) or _published()
    return address.rstrip("/") + "/" if address else ""


def _published() -> str:
    """The address in the metadata of the distribution."""
    try:
        urls = metadata("mlpkit").get_all("Project-URL") or []
    except PackageNotFoundError:  # a checkout on the path that is not installed
        return ""
    labelled = dict(re.split(r"\s*,\s*", url, maxsplit=1) for url in urls)
    return labelled.get("Documentation", "")


class Documented:
    """For estimators: the tables in notebooks describe each name, as scikit-learn's do.

    Names are links if `documentation` knows the address of the site.
    """

    _doc_link_module = "mlpkit"
    _doc_link_template = "{address}"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        site = html.escape(documentation())
        page = f"{site}api/generated/mlpkit.{type(self).__name__}.html" if site else ""
        return {"address": page}

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        return _described(super()._get_params_html, *args, **kwargs)  # type: ignore[misc]

    def _get_fitted_attr_html(self, *args: Any, **kwargs: Any) -> Any:
        return _described(super()._get_fitted_attr_html, *args, **kwargs)  # type: ignore[misc]


def _described(table_of: Any, *args: Any, **kwargs: Any) -> Any:
    """A table of scikit-learn with descriptions; without an address, the names are not links."""
    signature = inspect.signature(table_of)
    arguments = signature.bind(*args, **kwargs).arguments
    if "deep" in signature.parameters:
        arguments["deep"] = False  # scikit-learn does not always escape `builder_options`
    if "doc_link" not in signature.parameters or arguments.get("doc_link"):
        return table_of(**arguments)  # before scikit-learn 1.8 there are no descriptions
    table = table_of(**arguments | {"doc_link": _PLACEHOLDER})
    representation = table._html_repr
    table._html_repr = lambda: _LINK.sub("", representation())
    return table
