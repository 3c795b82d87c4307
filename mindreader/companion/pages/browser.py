"""Render a chapter's pictures as a table to sort by score, without any server: the directive `picturebrowser`.

    {picturebrowser} 03_gan     reads figures/03_gan/browser.csv and browser.jpg, which `ch03_gan.browse` made

The scores stand in the page itself and all pictures are on one sheet beside it, so that it works from a folder with the
network off. Without scripts, and on paper, a sentence says where worst and best are shown instead.
"""

from __future__ import annotations

import pandas as pd
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ... import core
from ...core import TILES
from .scripted import all_there, copy_named, load_where, with_data

WORDS = ("image_id", "trial", "category")  # columns that are no score
CLASS = "picture-browser"
FALLBACK = "Sorting needs a script, which is off here; the worst and the best are in a figure of this chapter."


class PictureBrowser(SphinxDirective):
    """The directive `picturebrowser`; its argument is the chapter's name."""

    required_arguments = 1

    def run(self):
        """The table's place in the page, with all that its script needs."""
        section = self.arguments[0]
        table, sheet = (core.FIGURES / section / f"browser{suffix}" for suffix in (".csv", ".jpg"))
        if not all_there(self, (table, sheet), "to browse"):
            return []
        up = "../" * self.env.docname.count("/")
        content = markup(pd.read_csv(table), f"{up}_static/browsers/{section}.jpg", section)
        return [nodes.raw("", content, format="html", classes=[CLASS])]


def markup(table: pd.DataFrame, sheet: str, section: str) -> str:
    """HTML for one browser: its data as JSON, the address of its sheet, and a sentence for where no script runs.

    table: that of `ch03_gan.browse`; the rows of the sheet are its rows, the columns of the sheet are `TILES`.
    """
    unknown = [name for name in WORDS if name not in table]
    if unknown:
        raise ValueError(f"the table to browse has no column {unknown[0]!r}, expected {', '.join(WORDS)} and scores")
    scores = [name for name in table.columns if name not in WORDS]
    rounded = table[scores].round(3).astype(object).where(table[scores].notna(), None)
    data = {"tiles": TILES, "scores": scores, "rows": [
        {"row": place, "image": int(line.image_id), "trial": int(line.trial), "category": str(line.category),
         "scores": list(values)}
        for place, (line, values) in enumerate(zip(table.itertuples(), rounded.itertuples(index=False)))]}
    return with_data(CLASS, data, sheet, section, FALLBACK)


def add_script(app, pagename, templatename, context, doctree) -> None:
    """Load the script and the style only on pages that have something to browse; for Sphinx's html-page-context."""
    load_where(app, doctree, nodes.raw, CLASS, "picturebrowser")


def copy_sheets(app, error) -> None:
    """Put every chapter's sheet beside the pages; for Sphinx's build-finished."""
    copy_named(app, error, "browser.jpg", "browsers")
