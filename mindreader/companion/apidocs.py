"""List what each room shows, for the book's API pages.

    .. room:: scoring      the room's paragraph, then what it shows, module by module, from the docstrings
    .. rooms::             a table of all rooms that have a page, in the order of the table of contents

A room's `__all__` says what stands there; of rooms that are taken by module, every public function and class does.
Docstrings are written for readers of code; `as_rst` gives Sphinx the same text with its tables and formulas marked.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import TypeVar

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

from ..core import PACKAGE

SECTION = re.compile(r"(Parameters|Returns|Yields|Raises|Attributes|Examples?)$")
COLUMNS = re.compile(r"(\S+(?: \S+)*?) {2,}(\S.*)$")


def setup(app) -> dict:
    """Called by Sphinx."""
    app.add_directive("room", Room)
    app.add_directive("rooms", Rooms)
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    app.connect("missing-reference", leave_type_variables)
    app.connect("html-page-context", lead_back)
    app.connect("html-page-context", keep_contents)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class Room(SphinxDirective):
    """The directive `room`: one room, or one module that is a room by itself."""

    required_arguments = 1

    def run(self):
        """The paragraph of the room, and one section for each of its modules that shows something."""
        name = self.arguments[0]
        text = [*as_rst(documentation(name)), ""]
        by_module = shown(name)
        for module, names in by_module.items():
            self.env.note_dependency(str(path_of(module)))
            alone = module == f"mindreader.{name}"
            if not alone:
                title = module.removeprefix(f"mindreader.{name}.")
                text += [title, "-" * len(title), "", *as_rst(documentation(module)), ""]
            text += _table(names) + [line for entry in names for line in _entry(module, *entry)]
        holder = nodes.Element()
        nested_parse_with_titles(self.state, StringList(text, source=f"mindreader.{name}"), holder)
        domain = self.env.get_domain("py")
        for module, names in by_module.items():
            for path, what in names:
                defined = f"{module}.{path.rpartition('.')[2]}"
                if path in domain.objects and defined not in domain.objects:  # so that both names lead here
                    domain.note_object(defined, what, domain.objects[path].node_id, aliased=True)
        return holder.children


class Rooms(SphinxDirective):
    """The directive `rooms`."""

    def run(self):
        """Each room with its first line, leading to its page."""
        items = nodes.definition_list(classes=["rooms"])
        for page in self.env.external_site_map[self.env.docname].child_files():
            name = page.rpartition("/")[2]
            self.env.note_dependency(str(path_of(f"mindreader.{name}")))
            link = addnodes.pending_xref("", nodes.literal("", name), refdomain="std", reftype="doc", refexplicit=True,
                                         reftarget=f"/{page}", refwarn=True, refdoc=self.env.docname)
            words, _ = self.state.inline_text(documentation(name).split("\n\n")[0].replace("\n", " "), self.lineno)
            items += nodes.definition_list_item("", nodes.term("", "", link), nodes.definition("", nodes.paragraph("", "", *words)))
        return [items]


def shown(room: str) -> dict[str, list[tuple[str, str]]]:
    """Of each module of a room, in its own order, the public names with what each is: "function", "class" or "data"."""
    public = getattr(importlib.import_module(f"mindreader.{room}"), "__all__", None)
    own = {module: definitions(module) for module in modules_of(room)}
    if public is None:  # taken by the modules' names, or a module itself
        kept = {module: [(f"{module}.{name}", what) for name, what in names.items() if what != "data"]
                for module, names in own.items()}
    else:
        said = _said(own, public)
        kept = {module: [(f"mindreader.{room}.{name}" if name in public else f"{module}.{name}", what)
                         for name, what in names.items() if name in public or what == "class" and name in said]
                for module, names in own.items()}
    return {module: names for module, names in kept.items() if names}


def _said(own: dict[str, dict], public) -> set[str]:
    """Names in the annotations of what is public: what a reader is given or must give, though no other room takes it."""
    said, more = set(), set(public)
    trees = {module: ast.parse(path_of(module).read_text("utf-8")).body for module in own}
    while more - said:
        said |= more
        for node in (node for body in trees.values() for node in body if getattr(node, "name", "") in said):
            for part in ast.walk(node):
                asked = [getattr(part, "annotation", None), getattr(part, "returns", None)]
                more |= {name for a in asked if a for name in re.findall(r"\w+", ast.unparse(a))}
        more = {name for name in more if any(names.get(name) == "class" for names in own.values())} | set(public)
    return said


def modules_of(room: str) -> list[str]:
    """The modules of a room by their full names, those in folders of it included."""
    folder = PACKAGE / room
    if not folder.is_dir():
        return [f"mindreader.{room}"]
    paths = sorted(folder.rglob("*.py"), key=lambda path: (path.parent != folder, path))
    return [".".join(["mindreader", *path.relative_to(PACKAGE).with_suffix("").parts]) for path in paths
            if path.name not in ("__init__.py", "__main__.py")]


def path_of(module: str) -> Path:
    """The file of a module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def documentation(name: str) -> str:
    """The docstring of a room or module, indented as it stands there."""
    path = path_of(name if name.startswith("mindreader") else f"mindreader.{name}")
    return (ast.get_docstring(ast.parse(path.read_text("utf-8")), clean=False) or "").strip()


def definitions(module: str) -> dict[str, str]:
    """Public names that stand at the top of a module's text, in its order, with what each is."""
    found = {}
    for node in ast.parse(path_of(module).read_text("utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = "function" if isinstance(node, ast.FunctionDef) else "class"
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in getattr(node, "targets", None) or [node.target]:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name):
                        found[name.id] = "data"
    return {name: what for name, what in found.items() if not name.startswith("_")}


def _table(names) -> list[str]:
    listed = [f"   ~{path}" for path, what in names if what != "data"]
    return [".. autosummary::", "   :nosignatures:", "", *listed, ""] if len(listed) > 1 else []


def _entry(module: str, path: str, what: str) -> list[str]:
    if what != "data":
        more = {"class": ["   :members:", "   :member-order: bysource"]}.get(what, [])
        return [f".. auto{what}:: {path}", *more, ""]
    parent, _, name = path.rpartition(".")
    value = getattr(importlib.import_module(parent), name)
    words = "" if isinstance(value, Path) else inspect.cleandoc(repr(value))       # a path is another one elsewhere
    brief = [f"   :value: {words}"] if 0 < len(words) < 90 and "\n" not in words and " at 0x" not in words else []
    return [f".. py:data:: {path}", *brief, "", *textwrap.indent("\n".join(as_rst(comment(module, name))), "   ").split("\n"), ""]


def comment(module: str, name: str) -> str:
    """What the source says of a constant: the comment before it or at the end of its line."""
    lines = path_of(module).read_text("utf-8").split("\n")
    at = next(i for i, line in enumerate(lines) if re.match(rf"{name}\b|.*\b{name}\b.* = ", line) and not line.startswith((" ", "#")))
    before = at
    while before and lines[before - 1].startswith("# "):
        before -= 1
    trailing = re.search(r"  # (.*)$", lines[at])
    words = " ".join(line[2:] for line in lines[before:at]) or (trailing[1] if trailing else "")
    return "" if words.startswith("──") else words


def as_rst(docstring: str) -> list[str]:
    """The lines of a docstring as reStructuredText with sections in NumPy's style.

    Indented blocks after a paragraph (formulas, diagrams, commands) become literal, and lines of aligned columns
    ("betas   (n_trials, n_voxels)   z-scored") a list; a sentence after a section of parameters ends it.
    """
    lines, out, i, in_section = docstring.split("\n"), [], 0, False
    while i < len(lines):
        line = lines[i]
        ahead = lines[i + 1] if i + 1 < len(lines) else ""
        before = out[-1] if out else ""
        if SECTION.match(line) and set(ahead) == {"-"}:
            in_section = True
            out += [line, ahead]
            i += 2
            continue
        if in_section and line and not before and not ahead.startswith(" ") and not re.match(r"[\w*, ]+( :|$)", line):
            in_section = False
            out.append("")
        if not in_section and line.startswith("    ") and not before.strip() and not line.lstrip().startswith((">>>", "- ", "* ")):
            block = []
            while i < len(lines) and (not lines[i] or lines[i].startswith("    ")):
                block.append(lines[i])
                i += 1
            while not block[-1]:
                block.pop()
            out += ["::", "", *block, ""]
            continue
        if not in_section and COLUMNS.match(line) and ">>>" not in line:
            rows = []
            while i < len(lines) and lines[i] and (COLUMNS.match(lines[i]) or rows and lines[i].startswith(" ")):
                if lines[i].startswith(" "):
                    rows[-1][1] += " " + lines[i].strip()
                else:
                    rows.append(list(COLUMNS.match(lines[i]).groups()))
                i += 1
            out += ["", *(f"- **{name}**: {_escape(re.sub(' {2,}', '; ', rest))}" for name, rest in rows), ""]
            continue
        out.append(line if line.lstrip().startswith((">>>", "...")) else _escape(line))
        i += 1
    return out


def _escape(text: str) -> str:
    """Bars and trailing underscores are no references here."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"(?<=\w)_(?!\w)", r"\\_", part.replace("|", r"\|"))
                   for part in parts)


def before_napoleon(app, what, name, obj, options, lines: list[str]) -> None:
    """Give napoleon docstrings that are marked as `as_rst` says."""
    lines[:] = as_rst("\n".join(lines))


def after_napoleon(app, what, name, obj, options, lines: list[str]) -> None:
    """Take a property's words from its docstring: napoleon reads what stands before a colon as a type."""
    if what in ("property", "attribute") and inspect.getdoc(obj):
        lines[:] = as_rst(inspect.getdoc(obj))


def leave_type_variables(app, env, node, contnode):
    """A type variable in a signature is text: there is nothing of its name to lead to."""
    module, _, name = node.get("reftarget", "").rpartition(".")
    return contnode if isinstance(getattr(sys.modules.get(module), name, None), TypeVar) else None


BACK = re.compile(r'id="((\w+)([\w.]*))">\n<a class="viewcode-back" href="([^"#]*)#[^"]*"')


def lead_back(app, page: str, template: str, context: dict, doctree) -> None:
    """On a page of source, lead each name back to where it stands: viewcode takes all names of a module for one room's."""
    if page.startswith("_modules/mindreader/"):
        module = page.removeprefix("_modules/").replace("/", ".")
        at = {name: entry.node_id for name, entry in app.env.get_domain("py").objects.items() if name.startswith(f"{module}.")}
        context["body"] = BACK.sub(lambda found: 'id="{0}">\n<a class="viewcode-back" href="{3}#{1}{2}"'.format(
            found[1], at.get(f"{module}.{found[2]}", f"{module}.{found[2]}"), found[3], found[4]), context["body"])


def keep_contents(app, page: str, template: str, context: dict, doctree) -> None:
    """Make the list of contents once for all pages of source code in folders of one depth: its links from there are the same.

    None of them stands in the list itself. It takes Sphinx longer than such a page, and there are more of these than of all others.
    """
    if not page.startswith("_modules/") or "toctree" not in context:
        return
    make, kept = context["toctree"], vars(app.builder).setdefault("kept_contents", {})

    def toctree(**how):
        key = page.count("/"), *sorted(how.items())
        if key not in kept:
            kept[key] = make(**how)
        return kept[key]

    context["toctree"] = toctree
