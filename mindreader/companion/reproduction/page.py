"""Show the last reproduction report of this checkout as a page of the book."""

from __future__ import annotations

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from .trees import WRITTEN


class Reproduction(SphinxDirective):
    """The directive `reproduction`."""

    def run(self):
        """The report as it was written, or one sentence where none was."""
        if not WRITTEN.is_file():
            return [nodes.paragraph("", "No report was made in this checkout yet; make book makes one.")]
        self.env.note_dependency(str(WRITTEN))
        holder = nodes.Element()
        text = WRITTEN.read_text(encoding="utf-8").splitlines()
        self.state.nested_parse(StringList(text, source=str(WRITTEN)), 0, holder)
        return holder.children
