"""The site of the docs: `make docs`. Its pages are also read where the sources are shown."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "openwebui_users"
author = "openwebui_users contributors"
copyright = author  # noqa: A001 - Sphinx's word
release = version = version_of("openwebui_users")

extensions = ["myst_parser"]
exclude_patterns = ["notebooks"]
nitpicky = True

# Links to headings are written as GitHub makes them.
myst_heading_anchors = 4

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
# The theme's default style for dark pages has greys that are hard to read.
pygments_dark_style = "github-dark"

linkcheck_timeout = 15
linkcheck_retries = 2
# Anchors of GitHub are made by scripts.
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]

#: Pages that stand outside of this folder, and those of the site that hold them.
ELSEWHERE = {"](../SECURITY.md": "](security.md", "](../CHANGELOG.md": "](changelog.md"}


def lead_to_the_site(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links out of this folder lead to pages of the site."""
    del app, name
    for there, here in ELSEWHERE.items():
        source[0] = source[0].replace(there, here)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_lexer("csv", TextLexer)  # Pygments has none
    app.connect("source-read", lead_to_the_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
