"""Fingerprint source code by what it means: the definitions that a computation reaches, wherever and however they are written.

Two sources have the same fingerprint where they cannot differ in a result: a comment, a docstring, a blank line, a moved
definition or module, and the Python version that parses them do not count. Any other change of a reached definition does.

Needs the standard library alone, so that another Python than the running one can be asked (tests/core/test_meaning.py).
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

LIBRARY = "mindreader"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_DOCUMENTED = (*_DEFINITIONS, ast.Module)
_WITHOUT_MEANING = {"ctx", "kind", "type_comment", "returns"}  # notes of the parser, and what nothing is computed from


def fingerprint_source(root: Path, names: Iterable[str], uncounted: Iterable[str] = ()) -> str:
    """16 hexadecimal digits for all definitions that these names reach within the library.

    Parameters
    ----------
    root : Path
        The library's folder.
    names : iterable of str
        Modules below `root` such as "mapping.network" (all their definitions), single definitions such as
        "core.seeds:child_seed", or single methods such as "pipeline:Pipeline.mapper" (with what they use of `self`).
    uncounted : iterable of str
        Modules, definitions or methods that are not followed, since they change no result; only their names count.

    Raises
    ------
    ValueError
        There is no such module, or it has no such definition.
    """
    files = sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in root.rglob("*.py"))
    library = _library(root, frozenset(uncounted), tuple(files))
    return hashlib.sha256("\n".join(sorted(map(library.meaning, library.reached(names)))).encode()).hexdigest()[:16]


def canonical(node: ast.AST) -> str:
    """The code as text that is the same for every Python that can parse it, without imports, docstrings and type hints."""
    return json.dumps(_plain(node), separators=(",", ":"), ensure_ascii=True)


@lru_cache(maxsize=2)
def _library(root: Path, uncounted: frozenset[str], files: tuple) -> _Library:
    """The library as its files are now; a long run asks for a dozen stages, and parses it once."""
    return _Library(root, uncounted)


@dataclass(frozen=True, order=True)
class _Definition:
    """A top-level name of a module, or "Class.method"; the name "" stands for what the module does when imported."""

    module: str
    name: str


@dataclass
class _Module:
    """What a module binds at its top level, and what its imports stand for."""

    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)  # "outside", dotted; or "library", module, name

    def of(self, name: str) -> list[ast.stmt]:
        """The statements that bind a top-level name, or the methods that are "Class.method"."""
        owner, _, method = name.partition(".")
        if not method:
            return self.statements.get(name, [])
        return [inner for statement in self.statements.get(owner, ()) if isinstance(statement, ast.ClassDef)
                for inner in statement.body if isinstance(inner, _DEFINITIONS) and inner.name == method]

    def binds(self, name: str) -> bool:
        return bool(self.of(name))


class _Library:
    def __init__(self, root: Path, uncounted: frozenset[str]):
        self.root, self.uncounted = root, uncounted
        self._modules: dict[str, _Module] = {}
        self._texts: dict[_Definition, str] = {}
        self._meanings: dict[_Definition, str] = {}
        self._uses: dict[_Definition, dict[str, _Definition | str]] = {}

    # ── what is there ──────────────────────────────────────────────────────────────────────────────────────────────
    def reached(self, names: Iterable[str]) -> set[_Definition]:
        """The named definitions and all that they use, directly or not."""
        waiting: list[_Definition] = []
        for name in names:
            module, _, definition = name.partition(":")
            has = self.module(module)
            if definition and not has.binds(definition):
                raise ValueError(f"no {definition!r} in module {module!r} of {self.root}; it has "
                                 f"{', '.join(filter(None, has.statements))}")
            waiting += [_Definition(module, own) for own in ([definition] if definition else has.statements)]
        found: set[_Definition] = set()
        while waiting:
            definition = waiting.pop()
            if definition in found:
                continue
            found.add(definition)
            if "" in self.module(definition.module).statements:
                waiting.append(_Definition(definition.module, ""))
            waiting += [used for used in self.uses(definition).values()
                        if isinstance(used, _Definition) and not self.is_uncounted(used)]
        return found

    def is_uncounted(self, definition: _Definition) -> bool:
        return bool({definition.module, f"{definition.module}:{definition.name}"} & self.uncounted)

    def meaning(self, definition: _Definition) -> str:
        """The definition's code, and for each name that it uses from elsewhere the code that the name stands for."""
        if definition not in self._meanings:
            used = {name: target if isinstance(target, str) else
                    f"kept {target.name}" if self.is_uncounted(target) else _digest(self.text(target))
                    for name, target in self.uses(definition).items()}
            self._meanings[definition] = _digest(json.dumps([self.text(definition), sorted(used.items())]))
        return self._meanings[definition]

    def text(self, definition: _Definition) -> str:
        """The statements that bind this name, in their order."""
        if definition not in self._texts:
            self._texts[definition] = "\n".join(map(canonical, self.module(definition.module).of(definition.name)))
        return self._texts[definition]

    def uses(self, definition: _Definition) -> dict[str, _Definition | str]:
        """What the names in this definition stand for: another definition, or text for what is not of this library."""
        if definition not in self._uses:
            module, found = self.module(definition.module), {}
            owner = definition.name.rpartition(".")[0]
            for statement in module.of(definition.name):
                for chain in _chains(statement):
                    head = chain[0]
                    if head == "self" and owner and module.binds(f"{owner}.{''.join(chain[1:2])}"):
                        found[f"self.{chain[1]}"] = _Definition(definition.module, f"{owner}.{chain[1]}")
                    elif head in module.imports:
                        found |= self._imported(module.imports[head], chain)
                    elif head in module.statements and head != definition.name:
                        found[head] = _Definition(definition.module, head)
            self._uses[definition] = found
        return self._uses[definition]

    def _imported(self, source: tuple[str, ...], chain: tuple[str, ...]) -> dict[str, _Definition | str]:
        """What a chain of attributes that starts at an import stands for."""
        if source[0] == "outside":
            return {chain[0]: source[1]}
        _, module, name = source
        rest = chain[1:]
        if name:
            target = self.resolve(module, name)
        else:
            target = module
        spelled = chain[0]
        while isinstance(target, str):  # a module: its attribute is what is meant
            if not rest:
                return {f"{spelled}.{own}": _Definition(target, own) for own in self.module(target).statements}
            spelled, target, rest = f"{spelled}.{rest[0]}", self.resolve(target, rest[0]), rest[1:]
        return {spelled: target} if target is not None else {}

    def resolve(self, module: str, name: str) -> _Definition | str | None:
        """Where `name` of a module is defined: a definition, a module, or None for what is not of this library."""
        has = self.module(module)
        if name in has.statements:
            return _Definition(module, name)
        if name in has.imports:
            source = has.imports[name]
            if source[0] == "outside":
                return None
            return self.resolve(source[1], source[2]) if source[2] else source[1]
        inner = f"{module}.{name}" if module else name
        if self._path(inner) is not None:
            return inner
        if name.startswith("__"):
            return None
        raise ValueError(f"module {module or LIBRARY!r} of {self.root} has no {name!r}, which another module takes from it")

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────
    def module(self, name: str) -> _Module:
        """The module of this dotted name; the name "" is the library's own face."""
        if name not in self._modules:
            path = self._path(name)
            if path is None and not name:
                return _Module()  # a folder without a face
            if path is None:
                raise ValueError(f"no module {name!r} in {self.root}; expected the name of one of its files")
            package = name.split(".") if name else []
            if path.name != "__init__.py":
                package = package[:-1]
            self._modules[name] = self._read(ast.parse(path.read_text(encoding="utf-8")), package)
        return self._modules[name]

    def _path(self, name: str) -> Path | None:
        path = self.root.joinpath(*name.split(".")) if name else self.root
        for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if candidate.is_file():
                return candidate
        return None

    def _read(self, tree: ast.Module, package: list[str]) -> _Module:
        module = _Module()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    module.imports[name] = self._outside_or_library(alias.name if alias.asname else name)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    module.imports[alias.asname or alias.name] = self._source(node, package, alias.name)
            elif isinstance(node, ast.keyword) and node.arg == "submod_attrs":  # of lazy_loader.attach: a face
                for inner, names in ast.literal_eval(node.value).items():
                    module.imports |= {name: ("library", ".".join([*package, inner]), name) for name in names}
        for statement in tree.body:
            if not _says_nothing(statement):
                for name in _bound(statement) or [""]:
                    module.statements.setdefault(name, []).append(statement)
        return module

    def _outside_or_library(self, dotted: str) -> tuple[str, ...]:
        first, _, rest = dotted.partition(".")
        return ("library", rest, "") if first == LIBRARY else ("outside", dotted)

    def _source(self, node: ast.ImportFrom, package: list[str], name: str) -> tuple[str, ...]:
        if not node.level and (node.module or "").partition(".")[0] != LIBRARY:
            return ("outside", f"{node.module}.{name}")
        base = package[:len(package) - node.level + 1] if node.level else []
        named = (node.module or "").split(".") if node.module else []
        return ("library", ".".join([*base, *(named if node.level else named[1:])]), name)


def _chains(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Every name that is used, with the attributes that follow it: `a.b.c` gives ("a", "b", "c")."""
    inner: set[int] = set()
    for node in ast.walk(tree):  # from the outside in, so that the longest chain is met first
        if id(node) in inner:
            continue
        if isinstance(node, ast.arg | ast.FunctionDef | ast.AsyncFunctionDef):  # hints are read by nobody
            hint = node.annotation if isinstance(node, ast.arg) else node.returns
            inner |= {id(part) for part in ast.walk(hint)} if hint else set()
        names, at = [], node
        while isinstance(at, ast.Attribute):
            names.append(at.attr)
            at = at.value
            inner.add(id(at))
        if isinstance(at, ast.Name):
            yield (at.id, *reversed(names))


def _bound(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement binds, each once."""
    if isinstance(statement, _DEFINITIONS):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return list(dict.fromkeys(n.id for t in targets for n in ast.walk(t)
                                  if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)))
    inner = [child for child in ast.walk(statement) if child is not statement and isinstance(child, ast.stmt)]
    return list(dict.fromkeys(name for child in inner for name in _bound(child)
                              if not isinstance(child, ast.For | ast.With | ast.If | ast.Try)))


def _says_nothing(statement: ast.stmt) -> bool:
    """Whether a top-level statement changes no result: imports (followed elsewhere), docstrings, faces, command lines."""
    if isinstance(statement, _IMPORTS):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.If):
        return _names_in(statement.test) & {"__name__", "TYPE_CHECKING"} != set()
    return isinstance(statement, ast.Assign) and "__all__" in _bound(statement)


def _names_in(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _plain(node):
    """The tree as lists, without empty fields: some Pythons have more of them than others."""
    if isinstance(node, list):
        return [_plain(item) for item in node if not isinstance(item, _IMPORTS)]
    if isinstance(node, ast.Constant):
        return ["Constant", type(node.value).__name__, repr(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", _joined(node.values)]
    if not isinstance(node, ast.AST):
        return node
    fields, passed_over = [], _WITHOUT_MEANING | ({"annotation"} if isinstance(node, ast.arg) else set())
    for name in node._fields:
        value = getattr(node, name, None)
        if name == "body" and isinstance(node, _DOCUMENTED):
            value = _without_docstring(value)
        if name not in passed_over and value is not None and value != []:
            fields.append([name, _plain(value)])
    return [type(node).__name__, fields]


def _joined(values: list[ast.expr]) -> list:
    """The parts of an f-string, its literal pieces put together: Pythons cut them differently."""
    parts: list = []
    for value in values:
        if isinstance(value, ast.Constant) and parts and parts[-1][0] == "text":
            parts[-1][1] += value.value
        elif isinstance(value, ast.Constant):
            parts.append(["text", value.value])
        else:
            parts.append(_plain(value))
    return [part for part in parts if part != ["text", ""]]


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return body[1:] if documented else body


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
