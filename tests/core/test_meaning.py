"""A fingerprint of code follows what it means: what changes no result changes no key, and anything else does."""

import json
import subprocess
from pathlib import Path

import pytest

from mindreader.core import meaning, paths
from mindreader.core.keys import UNCOUNTED

LIBRARY = {
    "stage.py": '"""A stage."""\n\nfrom .tools import scale\n\n\ndef run(x):\n    """Run."""\n    return scale(x) + 1  # why\n',
    "tools.py": "import numpy as np\nfrom . import kept\n\nRATE = 2\n\n\ndef scale(x):\n    kept.note(x)\n    return np.multiply(x, RATE)"
                "\n\n\ndef unused(x):\n    return x\n",
    "kept.py": "def note(x):\n    return x\n",
}


@pytest.fixture
def seen(tmp_path):
    """The fingerprint of `stage` in a library whose files are these, None for a file that is not there."""
    def fingerprint(changes=None, names=("stage",), uncounted=("kept",)):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, text in (LIBRARY | (changes or {})).items():
            if text is not None:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
        return meaning.fingerprint_source(root, names, uncounted)

    return fingerprint


def edited(name, before, after):
    assert before in LIBRARY[name]
    return {name: LIBRARY[name].replace(before, after)}


@pytest.mark.parametrize("change", [
    edited("stage.py", "# why", "# because"),
    edited("stage.py", '"""Run."""', '"""Runs it."""'),
    edited("stage.py", '    """Run."""\n', ""),
    edited("stage.py", '"""A stage."""', ""),
    edited("stage.py", "\n\n\ndef", "\n\n\n\n\ndef"),
    edited("stage.py", "def run(x)", "def run(x: int) -> int"),
    edited("stage.py", "scale(x) + 1", "(scale(x)\n            + 1)"),
    edited("tools.py", "return x\n", "return 2 * x\n"),
    edited("kept.py", "return x", "return 3"),
    {"tools.py": LIBRARY["tools.py"] + "\n\nOTHER = 5\n"},
    {"stage.py": LIBRARY["stage.py"] + '\n\nif __name__ == "__main__":\n    run(1)\n'},
    {"room/__init__.py": "from .tools import scale\n", "room/tools.py": LIBRARY["tools.py"].replace("from . import", "from .. import"),
     "tools.py": None, **edited("stage.py", "from .tools", "from .room")},
    {"room/__init__.py": "", "room/tools.py": LIBRARY["tools.py"].replace("from . import", "from .. import"), "tools.py": None,
     **edited("stage.py", "from .tools", "from .room.tools")},
    {"rate.py": "RATE = 2\n", **edited("tools.py", "RATE = 2", "from .rate import RATE")},
    {"stage.py": LIBRARY["stage.py"].replace("from .tools import scale\n", "").replace(
        "    return", "    from mindreader.tools import scale\n    return")},
], ids=["comment", "docstring", "no docstring", "module docstring", "blank lines", "type hints", "layout", "unused definition",
        "uncounted module", "new definition", "command line", "moved module behind a face", "moved module", "moved definition",
        "local import"])
def test_what_changes_no_result_changes_no_fingerprint(seen, change):
    assert seen(change) == seen()


@pytest.mark.parametrize("change", [
    edited("stage.py", "+ 1", "+ 1.0"),
    edited("stage.py", "+ 1", "- 1"),
    edited("stage.py", "x)", "x=0)"),
    edited("tools.py", "RATE = 2", "RATE = 3"),
    edited("tools.py", "np.multiply(x, RATE)", "np.multiply(RATE, x)"),
    edited("tools.py", "import numpy as np", "import jax.numpy as np"),
    edited("tools.py", "kept.note(x)", "kept.other(x)") | {"kept.py": "def other(x):\n    return x\n"},
    edited("tools.py", "def scale", "@print\ndef scale"),
    edited("tools.py", "RATE = 2\n", "RATE = 2\nnp.seterr(all='raise')\n"),
    edited("tools.py", "RATE = 2\n", "RATE = 2\nif RATE:\n    RATE = 4\n"),
    {"other.py": LIBRARY["tools.py"].replace("RATE = 2", "RATE = 5"), **edited("stage.py", ".tools", ".other")},
], ids=["type of a number", "operator", "default", "constant", "order", "another library", "another kept function", "decorator",
        "what importing does", "constant, conditionally", "another module's definition"])
def test_what_could_change_a_result_changes_the_fingerprint(seen, change):
    assert seen(change) != seen()


def test_two_definitions_of_one_name_are_told_apart_by_who_uses_them(seen):
    two = {"a.py": "def f():\n    return 1\n", "b.py": "def f():\n    return 2\n"}
    uses = "from . import a, b\n\n\ndef run():\n    return {}.f() - 2 * {}.f()\n"
    assert seen(two | {"stage.py": uses.format("a", "b")}) != seen(two | {"stage.py": uses.format("b", "a")})
    once = "from .{} import f\nfrom .{} import f as g\n\n\ndef run():\n    return f() - 2 * g()\n"
    assert seen(two | {"stage.py": once.format("a", "b")}) != seen(two | {"stage.py": once.format("b", "a")})


CLASS = "from .tools import scale\n\n\nclass Line:\n    def first(self):\n        return scale(2)\n\n    def second(self):\n" \
        "        return self.first() + 1\n\n    def third(self):\n        return 3\n"


def test_a_method_counts_with_the_methods_that_it_calls_and_no_others(seen):
    def of(text, uncounted=("kept",), **changes):
        return seen({"stage.py": text} | changes, ("stage:Line.second",), uncounted)

    usual = of(CLASS)
    assert of(CLASS.replace("return 3", "return 4")) == usual
    assert of(CLASS.replace("scale(2)", "scale(3)")) != usual
    assert of(CLASS, **edited("tools.py", "RATE = 2", "RATE = 3")) != usual
    assert of(CLASS.replace("scale(2)", "scale(3)"), ("kept", "stage:Line.first")) == of(CLASS, ("kept", "stage:Line.first"))


@pytest.mark.parametrize("name, says", [("mapingg", "no module 'mapingg'"), ("stage:walk", "no 'walk' in module 'stage'.*it has run"),
                                        ("stage:run.x", "no 'run.x'")])
def test_a_name_that_is_not_there_is_refused(seen, name, says):
    with pytest.raises(ValueError, match=says):
        seen(names=(name,))


# ── other Pythons ──────────────────────────────────────────────────────────────────────────────────────────────────
# Everything whose syntax tree differs from one Python to the next, or could.
TRICKY = '''
def f(a, /, b: int = 1, *c, d=None, **e) -> "int":
    x = f"{a!r:>{b}} {{}} {d=} " "tail" f"{'nested'}" f"" + b'a'.hex()
    match x:
        case {"k": [1, *rest], **more} if rest: pass
        case str() | None: pass
    async def g():
        async with a as y, b: yield (await y)
    return lambda *q, r=...: [z := 1, *(i for i in c if i), 1_000j, -0.0, 1e400, b"\\xff", "\\ud800", {**e}, x[1:, ...]]
@f
class C(dict, metaclass=type):
    n: int
    m: "str" = 'a' "b"
try: pass
except* ValueError as err: raise
'''
FINGERPRINT = "import importlib.util, json, sys\n" \
    "spec = importlib.util.spec_from_file_location('meaning', sys.argv[1]); m = importlib.util.module_from_spec(spec)\n" \
    "sys.modules['meaning'] = m; spec.loader.exec_module(m)\nfrom pathlib import Path\n" \
    "print(json.dumps([m.fingerprint_source(Path(sys.argv[2]), [n], json.loads(sys.argv[4])) for n in json.loads(sys.argv[3])]))"


def test_syntax_that_pythons_parse_differently_has_one_fingerprint(seen):
    assert seen({"stage.py": TRICKY}) == "5bcd88a40173281e"


def others():
    """Other Pythons from 3.11 on this machine."""
    found = [*Path("/usr/bin").glob("python3.1[1-9]"), *Path("/usr/local/bin").glob("python3.1[1-9]"),
             *Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python")]
    return {str(path.resolve()): path for path in found}


@pytest.mark.parametrize("python", others().values(), ids=str)
def test_the_library_has_the_same_fingerprints_under_other_pythons(python):
    names = ["pipeline", "twin.subject", "generator.finetuning", "generator.joint", "mapping.network"]
    ours = [meaning.fingerprint_source(paths.PACKAGE, [name], UNCOUNTED) for name in names]
    done = subprocess.run([python, "-c", FINGERPRINT, meaning.__file__, paths.PACKAGE, json.dumps(names), json.dumps(UNCOUNTED)],
                          capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ours
