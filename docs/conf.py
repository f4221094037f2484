"""Configuration of the documentation: ``sphinx-build -W --keep-going docs docs/_build/html``.

The build contacts no host. `_extensions` holds what is our own: links to the API reference and
the table of metrics.
"""

import os
import shutil
import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_extensions"))

os.environ["MPLBACKEND"] = "agg"  # charts need no screen
# pages of earlier builds whose names or examples are gone
shutil.rmtree(DOCS / "api" / "generated", ignore_errors=True)
for page in (DOCS / "auto_examples").glob("*/plot_*.rst"):
    if not (DOCS / "examples" / page.parent.name / f"{page.stem}.py").exists():
        page.unlink()

metadata = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
project = metadata["name"]
version = release = metadata["version"]
author = "the mlpkit developers"
copyright = author

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "api_links",
    "command_line",
    "component_tables",
    "conformance_tests",
]
root_doc = "index"
exclude_patterns = ["_build", "_templates", "examples"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore_regex = [("py:class", r"(collections|numpy|typing)\..*")]  # in types of aliases
smartquotes = False  # the links of the HTML representation look for the text of the docstring

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_generate_overwrite = True
autodoc_typehints = "none"  # numpydoc's sections have the types
autodoc_member_order = "groupwise"
default_role = "literal"
numpydoc_show_class_members = False  # the template of classes lists them
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",  # every example runs, and one that fails fails the build
    "ignore_pattern": r"__init__\.py|conftest\.py",
    "subsection_order": [
        f"examples/{name}"
        for name in ("getting_started", "tables", "training", "groups", "backends_and_plugins")
    ],
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib", "gallery_addresses.set_address"),
    "capture_repr": ("_repr_html_", "__repr__"),
    "doc_module": ("mlpkit",),
    "backreferences_dir": "auto_examples/backreferences",
    "reference_url": {"mlpkit": None},
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 10,
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "mlpkit"
html_static_path = ["_static"]
html_css_files = ["mlpkit.css"]
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {
    "logo": {"text": "mlpkit"},
    "header_links_before_dropdown": 5,
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navigation_depth": 3,
    "show_nav_level": 1,
    "show_prev_next": True,
    "footer_start": [],
    "footer_center": [],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "back_to_top_button": False,
}
html_sidebars = {
    "index": [],
    "getting_started": [],
    "performance": [],
    "changelog": [],
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
