"""Run every chapter on a rehearsal's folder and weights, in a copy of the checkout that is thrown away."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from ...checkpoints import import_file
from .. import nb
from .._papermill import KERNEL_DIED
from ..kernels import KernelManager
from ..reproduction.elsewhere import copy_checkout
from .folder import write_folder
from .meter import COLUMNS
from .published import write_clip_folder, write_generator, write_network
from .sizes import GENERATOR, Size

SUBJECT, CLIP = "subj01", "clip"
SIMULATED_ONLY = {"07_pretrained": "networks that were trained on the simulated world"}     # and how it refuses any other subject
FOLDERS = {"MINDREADER_HOME": "home", "MINDREADER_NSD": "nsd", "MINDREADER_WEIGHTS": "weights"}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Run:
    """One chapter as it was rehearsed.

    parts     table kind ("cell" or "stage"), name, seconds, memory, gpu_memory (bytes): see `meter`
    errors    one sentence for each cell that failed, less those that only miss what an earlier one should have made
    """

    chapter: str
    seconds: float
    parts: pd.DataFrame
    errors: tuple[str, ...]

    @property
    def refused(self) -> bool:
        """Whether the chapter is about the simulated subject alone, and said so."""
        return self.chapter in SIMULATED_ONLY and any(SIMULATED_ONLY[self.chapter] in error for error in self.errors)

    @property
    def failed(self) -> bool:
        """Whether something went wrong: a cell failed, or a chapter ran that should have refused."""
        return not self.refused if self.chapter in SIMULATED_ONLY else bool(self.errors)


def prepare(folder: Path, size: Size) -> None:
    """Write all that a reader would bring: the NSD folder, the files of weights, and the generator's imported into the home."""
    for name in ("weights", "home"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_folder(folder / "nsd", size.subject)
    for name in size.networks:
        write_network(folder / "weights", name)
    if size.clip:
        write_clip_folder(folder / CLIP, size.clip)
    published = write_generator(folder / f"{GENERATOR}.pkl", size.generator)
    with _named(folder):
        import_file(published)
    published.unlink()


def rehearse(folder: Path, size: Size, chapters: list[str], *, device: str = "cpu") -> Iterator[Run]:
    """Run chapters on what `prepare` wrote to this folder; figures and tables go to its copy of the checkout."""
    copy = copy_checkout(folder)
    for stem in chapters:
        yield run_chapter(copy, folder, size, stem, device=device)


def run_chapter(copy: Path, folder: Path, size: Size, stem: str, *, device: str = "cpu") -> Run:
    """Run one chapter in a kernel of its own; a cell that fails does not stop those after it, unless it is to refuse."""
    parts, began = folder / f"{stem}.jsonl", time.monotonic()
    parts.unlink(missing_ok=True)
    notebook, own = nb.source(stem), {"start": GENERATOR, "device": device}
    own |= {"embed.clip": f"local-dir:{folder / CLIP}"} if size.clip else {}
    at = next(at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    given = {"preset": "paper", "subject": SUBJECT, "overrides": size.settings | own}
    lines = ["# Parameters", *(f"{name} = {value!r}" for name, value in given.items()),     # as papermill gives them
             "import mindreader.companion.rehearsal.meter as _meter", f"_meter.start({str(parts)!r})"]
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    environment = {name: value for name, value in os.environ.items() if name not in ("MINDREADER_PRESET", "MINDREADER_METRICS")}
    environment |= {name: str(folder / place) for name, place in FOLDERS.items()} | {"PYTHONPATH": str(copy)}
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", kernel_manager_class=KernelManager,
                            allow_errors=stem not in SIMULATED_ONLY, resources={"metadata": {"path": str(copy / "notebooks")}})
    died = []
    try:
        with client.setup_kernel(env=environment):      # unlike `client.execute`, it leaves signals to this process
            for place, cell in enumerate(notebook.cells):
                client.execute_cell(cell, place)
    except CellExecutionError:
        pass    # which the notebook has, as it has all others
    except DeadKernelError:
        died = [KERNEL_DIED]
    nbformat.write(notebook, copy / "notebooks" / f"{stem}.ipynb")
    lines = parts.read_text(encoding="utf-8").splitlines() if parts.is_file() else []
    table = pd.DataFrame([json.loads(line) for line in lines], columns=COLUMNS)
    return Run(stem, time.monotonic() - began, table, (*_errors(notebook), *died))


def _errors(notebook) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    found = [f"{output.ename}: {_ANSI.sub('', output.evalue)}" for output in outputs]
    return [error for at, error in enumerate(found) if at == 0 or not error.startswith("NameError")]


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
    """The rehearsal's folders in place of the reader's."""
    before = {name: os.environ.get(name) for name in FOLDERS}
    os.environ.update({name: str(folder / place) for name, place in FOLDERS.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
