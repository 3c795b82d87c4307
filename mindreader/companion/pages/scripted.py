"""Give a page an element that a script fills: its data in the page, its script and style only where it is, its files beside the pages."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from ... import core

LOG = logging.getLogger(__name__)


def all_there(directive: SphinxDirective, paths: tuple[Path, ...], purpose: str) -> bool:
    """Whether these files of a chapter are there; the page follows them, and a warning says which is missing, and for what."""
    for path in paths:
        directive.env.note_dependency(str(path))
        if not path.is_file():
            LOG.warning("no %s %s; run `make book`", path.name, purpose, location=directive.get_location(), type="mindreader")
            return False
    return True


def with_data(cls: str, data: dict, sheet: str, section: str, fallback: str) -> str:
    """HTML of an element that a script fills: its data as JSON, the address of its sheet, and a sentence for where no script runs."""
    inline = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return (f'<div class="{cls}" data-sheet="{html.escape(sheet)}" data-name="{html.escape(section)}">'
            f'<script type="application/json">{inline}</script><p class="no-script">{fallback}</p></div>')


def load_where(app, doctree, kind: type[nodes.Node], cls: str, name: str) -> None:
    """Load NAME.js and NAME.css on a page that has a node of this kind and class."""
    if doctree is not None and any(cls in node["classes"] for node in doctree.findall(kind)):
        app.add_js_file(f"{name}.js", defer="defer")
        app.add_css_file(f"{name}.css")


def copy_named(app, error, name: str, folder: str) -> None:
    """Put every chapter's file of this name into a folder beside the pages, under the chapter's name."""
    if error is None and app.builder.format == "html":
        for found in sorted(core.FIGURES.glob(f"*/{name}")):
            target = Path(app.outdir) / "_static" / folder / f"{found.parent.name}{found.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found, target)
