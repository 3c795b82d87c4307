"""Execute the committed chapters: run each notebooks/NN_x.py with papermill and write NN_x.ipynb beside it.

    python -m mindreader.companion.nb              every chapter, in order; those that are current are skipped
    python -m mindreader.companion.nb 03_gan       one
    python -m mindreader.companion.nb --check      report what would change, write nothing
    python -m mindreader.companion.nb --force      skip nothing

Times and papermill's metadata are dropped, so that a rerun that changes no result changes no byte. A chapter is skipped
when its source, the library's code, the weights, the packages and whatever the environment names are those of its last run
here, and the notebook and figures that it wrote are unchanged.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
from functools import cache
from importlib import metadata
from pathlib import Path

import jupytext
import nbformat
import papermill

from .. import core
from ..core import atomic_write, fingerprint, peak_bytes, provenance, source_fingerprint
from ._papermill import short_excepthook
from .kernels import KernelManager, end_when_terminated
from .rendering import linked
from .reproduction.machine import ROUNDING

KEPT_METADATA = {"kernelspec", "jupytext"}
NOT_COMPUTING = {"nb", "sphinxext", "_papermill", "kernels", "__init__"}   # modules, and two folders
ONLY_SHOWN = {"reproduction", "pages"}
OWN_DATA = re.compile(r"""^[^#]*["'](subj0[1-8]|paper)["']""", re.M)    # parameters with which a chapter reads NSD


def chapters() -> list[str]:
    """Names of all chapters, in order, e.g. "01_screening"."""
    return sorted(path.stem for path in core.NOTEBOOKS.glob("[0-9]*.py"))


def source(stem: str) -> nbformat.NotebookNode:
    """Read the chapter from its .py file, without outputs, tidy; raises ValueError if there is none."""
    path = core.NOTEBOOKS / f"{stem}.py"
    if not path.is_file():
        raise ValueError(f"no chapter {stem!r}; there is {', '.join(chapters())}")
    return tidy(jupytext.read(path))


def run(stem: str, scratch: Path) -> nbformat.NotebookNode:
    """Execute the chapter at its own parameters; papermill's copy stays in `scratch` if a cell fails."""
    scratch.mkdir(parents=True, exist_ok=True)
    plain, executed = scratch / f"{stem}.source.ipynb", scratch / f"{stem}.ipynb"
    nbformat.write(source(stem), plain)
    papermill.execute_notebook(plain, executed, kernel_name="python3", cwd=core.NOTEBOOKS,
                               progress_bar=sys.stderr.isatty(), kernel_manager_class=KernelManager)
    return tidy(nbformat.read(executed, 4))


def tidy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop times, machine names and papermill's metadata; name cells by their position; link to figures."""
    notebook.metadata = nbformat.from_dict({k: v for k, v in notebook.metadata.items() if k in KEPT_METADATA})
    notebook.metadata["language_info"] = {"name": "python"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.setdefault("kernelspec", kernel)
    notebook.metadata.setdefault("jupytext", {})["formats"] = "ipynb,py:percent"
    notebook.metadata["jupytext"].pop("text_representation", None)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for place, cell in enumerate(notebook.cells):
        cell["id"] = f"c{place:02d}"
        for passing in ("papermill", "execution"):
            cell.metadata.pop(passing, None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        if "outputs" in cell:  # warnings name folders of this machine
            cell["outputs"] = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                output.get("metadata", {}).pop("papermill", None)
                if "data" in output:
                    output["data"] = nbformat.from_dict(linked(output.data))
    return notebook


def inputs(stem: str) -> str:
    """Fingerprint all that could change the chapter: its source, the code, the weights, the packages, the environment."""
    files = (path.relative_to(core.PACKAGE).with_suffix("") for path in sorted(core.PACKAGE.rglob("*.py")))
    modules = [".".join(file.parts) for file in files if file.name not in NOT_COMPUTING and not ONLY_SHOWN & {*file.parts}]
    tables = [*sorted(core.PACKAGE.rglob("*.csv")), *sorted(core.WEIGHTS.glob("*/card.json")),
              *sorted((core.FIGURES / "tables").glob("*.csv"))]
    return fingerprint([_digest([core.NOTEBOOKS / f"{stem}.py"]), source_fingerprint(*modules),
                        _digest(tables), provenance(), surroundings(stem)])


def surroundings(stem: str) -> dict:
    """What could change the chapter from outside the checkout, as the environment has it.

    Of MINDREADER_HOME it is the imported weights alone: what else is kept there has a key of its own.
    """
    chapter = core.NOTEBOOKS / f"{stem}.py"
    weights = {"metrics": core.named("MINDREADER_METRICS"), "own": core.named("MINDREADER_WEIGHTS"), "imported": core.home() / "weights"}
    nsd = None
    if chapter.is_file() and OWN_DATA.search(chapter.read_text(encoding="utf-8").partition("# %%\n")[0]):
        nsd = core.nsd_root()
    return {"packages": _packages(), "processors": core.how_many(sys.maxsize),
            "rounding": {name: value for name, value in os.environ.items() if ROUNDING.fullmatch(name)},
            "weights": {kind: {str(path.relative_to(folder)): _checksum(path, *_state(path)) for path in _files(folder, "**/*")}
                        for kind, folder in weights.items() if folder},
            "nsd": nsd and {str(path.relative_to(nsd)): _state(path) for path in _files(nsd, "**/*")}}


def outputs(stem: str) -> list[Path]:
    """Paths of the files that the chapter writes: notebook, figures, results."""
    return [core.NOTEBOOKS / f"{stem}.ipynb", core.RESULTS / f"{stem}.json",
            *sorted(p for p in (core.FIGURES / stem).rglob("*") if p.is_file())]


def is_current(stem: str) -> bool:
    """Whether the chapter's last run here had the same inputs, and the files that it wrote are unchanged."""
    try:
        stamp = json.loads(_stamp(stem).read_text(encoding="utf-8"))
        return stamp == {"inputs": inputs(stem), "outputs": _digest(outputs(stem))}
    except (OSError, ValueError):
        return False


def build(stem: str, *, check: bool = False, force: bool = False) -> bool:
    """Build one chapter; return whether a file that it writes changed (with `check`, also whether its notebook would)."""
    if not force and is_current(stem):
        _print(f"{stem}: nothing to do")
        return False
    start = time.monotonic()
    before, written = inputs(stem), _digest(outputs(stem))
    path = core.NOTEBOOKS / f"{stem}.ipynb"
    text = nbformat.writes(run(stem, core.ROOT / ".make" / "chapters"), version=4) + "\n"
    other = not path.is_file() or path.read_text(encoding="utf-8") != text
    if other and not check:
        with atomic_write(path) as part:
            part.write_text(text, encoding="utf-8")
    now = _digest(outputs(stem))
    changed = other or now != written
    if not check:
        with atomic_write(_stamp(stem)) as part:
            stamp = {"inputs": before, "outputs": now}
            part.write_text(json.dumps(stamp), encoding="utf-8")
    peak = peak_bytes(children=True) / 1e9
    _print(f"{stem}: {'changed' if changed else 'unchanged'}, {time.monotonic() - start:.0f} s, "
           f"largest process so far {peak:.1f} GB")
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `python -m mindreader.companion.nb`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.companion.nb", description=__doc__.splitlines()[0])
    parser.add_argument("chapter", nargs="*", help="e.g. 03_gan; all of them if none is named")
    parser.add_argument("--check", action="store_true", help="write no notebook; exit 1 if one would change")
    parser.add_argument("--force", action="store_true", help="run also chapters that are current")
    chosen = parser.parse_args(arguments)
    core.require_checkout()
    unknown = [stem for stem in chosen.chapter if stem not in chapters()]
    if unknown:
        parser.error(f"no chapter {unknown[0]!r}; there is {', '.join(chapters())}")
    os.environ.pop("MINDREADER_PRESET", None)  # the committed chapters are what their own cells say
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # as papermill does: kernels warn of Python's frozen modules
    core.hold_folders()
    changed = [build(stem, check=chosen.check, force=chosen.force) for stem in chosen.chapter or chapters()]
    return int(chosen.check and any(changed))


def _digest(files: list[Path]) -> str:
    whole = hashlib.sha256()
    for path in files:
        content = path.read_bytes() if path.is_file() else b"absent"
        whole.update(f"{path.relative_to(core.ROOT)}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()[:16]


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file())


def _state(path: Path) -> tuple[int, int]:
    return path.stat().st_size, path.stat().st_mtime_ns


@cache
def _checksum(path: Path, size: int, time_ns: int) -> str:
    """Of the content, which alone counts; asked once for each state of a file, since weights are large."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _packages() -> dict[str, str]:
    """The installed versions of what the library needs."""
    try:
        needed = metadata.requires("mindreader-paper") or []
    except metadata.PackageNotFoundError:
        needed = []
    names = {re.match(r"[\w.-]+", line)[0] for line in needed if "extra ==" not in line}
    installed = {name: [found.version for found in metadata.distributions(name=name)][:1] for name in sorted(names)}
    return {name: version[0] for name, version in installed.items() if version}


def _stamp(stem: str) -> Path:
    return core.ROOT / ".make" / "stamps" / f"{stem}.json"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.excepthook = short_excepthook
    end_when_terminated()
    sys.exit(main())
