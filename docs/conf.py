"""How the documentation is built: Sphinx, MyST and furo, every warning an error."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "omega-ml"
author = "The omega-ml developers"
copyright = author  # noqa: A001 -- the name Sphinx asks for
version = release = version_of("omega-ml")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpick_ignore_regex = [
    (r"py:.*", r"(?!omega_).*"),  # inventories of other projects are not fetched; only our own names can be checked
    (r"py:.*", r".*\.[A-Z]"),  # type variables are no objects of the documentation
]
html_theme = "furo"
html_title = f"omega-ml {version}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature is in the source; descriptions stay readable
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes as a list, once
