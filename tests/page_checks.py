"""What every page that a script fills must pass."""

from docutils import nodes

from mindreader import core

ASSETS = core.ROOT / "book" / "_assets"


class App:
    """As much of Sphinx as the handlers of such a page ask for."""

    def __init__(self, out):
        self.outdir, self.builder, self.added = str(out), type("Html", (), {"format": "html"}), []

    def add_js_file(self, name, **_):
        self.added.append(name)

    def add_css_file(self, name):
        self.added.append(name)


def loads_its_script_only_where_needed(directive, name, app):
    """directive: the module, with CLASS and add_script; name: of the script and the style."""
    page = nodes.section()
    for without in (None, page):
        directive.add_script(app, "p", "t", {}, without)
    assert app.added == []
    page += nodes.raw("", "…", format="html", classes=[directive.CLASS])
    directive.add_script(app, "p", "t", {}, page)
    assert app.added == [f"{name}.js", f"{name}.css"] and all((ASSETS / each).is_file() for each in app.added)
