"""Show precomputed pictures under sliders for region, dose and trial, without any server: the directive `picturesliders`.

    {picturesliders} 04_microstimulation    reads sliders.json and sliders.jpg of figures/04_microstimulation

What the sliders need stands in the page itself, and all pictures are on one sheet beside it, so that it works from a folder with
the network off. Without scripts, and on paper, a sentence says where the pictures are shown instead.
"""

from __future__ import annotations

import json

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ... import core
from .scripted import all_there, copy_named, load_where, with_data

CLASS = "picture-sliders"
FALLBACK = "The sliders need a script, which is off here; the paper's dose is in the figures of this chapter."
_NEEDED = ("origin", "doses", "words", "trials", "regions")


class PictureSliders(SphinxDirective):
    """The directive `picturesliders`; its argument is the chapter's name."""

    required_arguments = 1

    def run(self):
        """The sliders' place in the page, with all that their script needs."""
        section = self.arguments[0]
        content, sheet = (core.FIGURES / section / f"sliders.{suffix}" for suffix in ("json", "jpg"))
        if not all_there(self, (content, sheet), "for the sliders"):
            return []
        up = "../" * self.env.docname.count("/")
        description = json.loads(content.read_text(encoding="utf-8"))
        return [nodes.raw("", markup(description, f"{up}_static/sliders/{section}.jpg", section), format="html", classes=[CLASS])]


def markup(description: dict, sheet: str, section: str) -> str:
    """HTML for the sliders of one chapter: their data as JSON, the address of the sheet, and a sentence for where no script runs.

    description: that of `ch04_microstimulation.sliders`; ValueError where a part of it is lacking.
    """
    lacking = [name for name in _NEEDED if not description.get(name)]
    if lacking:
        raise ValueError(f"the sliders of {section} lack {lacking[0]!r}, expected {', '.join(_NEEDED)}; run the chapter again")
    return with_data(CLASS, description, sheet, section, FALLBACK)


def add_script(app, pagename, templatename, context, doctree) -> None:
    """Load the script and the style only on pages that have sliders; for Sphinx's html-page-context."""
    load_where(app, doctree, nodes.raw, CLASS, "picturesliders")


def copy_sheets(app, error) -> None:
    """Put every chapter's sheet beside the pages; for Sphinx's build-finished."""
    copy_named(app, error, "sliders.jpg", "sliders")
