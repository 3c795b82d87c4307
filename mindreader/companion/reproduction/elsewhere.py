"""Run chapters as another machine would: in a copy of the checkout, with fewer instruction sets and one thread."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from ... import core
from .. import nb
from .machine import ROUNDING
from .trees import Tree

LEFT_OUT = (".git", ".venv", ".make", "_build", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", "runs", "scratch",
            "*.egg-info")
_CUT = {    # what the libraries beneath may use of a processor; they obey no common word
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
             "OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": ("X86_V4", "AVX512_ICL", "AVX512_SPR")},
    "sse4": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
             "OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR")}}


def lower_level() -> str:
    """The level below what torch uses on this processor: "avx2" where it uses AVX-512, else "sse4"."""
    import torch    # here and not above: a report alone needs none of it

    return "avx2" if torch.backends.cpu.get_cpu_capability() in ("AVX512", "AMX") else "sse4"


def cut_down(level: str, threads: int = 1) -> dict[str, str]:
    """The environment variables that leave the libraries these instruction sets ("avx2", "sse4") and so many threads."""
    from numpy._core._multiarray_umath import __cpu_features__ as features     # NumPy complains of names that it does not know

    cut = dict(_CUT[level])
    off = [name for name in cut.pop("NPY_DISABLE_CPU_FEATURES") if features.get(name)]
    return cut | ({"NPY_DISABLE_CPU_FEATURES": " ".join(off)} if off else {}) | {
        f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}


def copy_checkout(folder: Path) -> Path:
    """A copy of this checkout at `folder`/checkout, made anew, without anything that a run makes; the checkout is only read."""
    copy = folder / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(core.ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for path in (*copy.glob("figures/[0-9]*"), copy / "figures" / "results"):
        shutil.rmtree(path, ignore_errors=True)     # so that what a run does not make is missed
    return copy


def run_chapters(folder: Path, chapters: list[str], *, preset: str = "book", variables: dict[str, str] | None = None) -> Tree:
    """Run chapters in a copy of the checkout, with a home of its own that stays, so that a run that was stopped goes on.

    Parameters
    ----------
    folder : Path
        Gets `checkout` and `home`; nothing is written anywhere else.
    chapters : list of str
        e.g. ["01_screening"].
    preset : str
        "book" runs the chapters as `make book` does, any other as papermill does.
    variables : dict, optional
        For the environment, such as `cut_down`; what else decides how numbers are rounded is taken out.

    Returns
    -------
    Tree
        The record that was made.
    """
    copy = copy_checkout(folder)
    environment = _environment(variables or {}) | {"MINDREADER_HOME": str(folder / "home"), "PYTHONPATH": str(copy)}
    if preset == "book":
        subprocess.run([sys.executable, "-m", "mindreader.companion.nb", *chapters], cwd=copy, env=environment, check=True)
        return Tree(copy, str(copy))
    record = copy / "record"
    for stem in chapters:
        chapter, executed = copy / "notebooks" / f"{stem}.ipynb", record / "notebooks" / f"{stem}.ipynb"
        executed.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nb.source(stem), chapter)
        subprocess.run([sys.executable, "-m", "papermill", chapter, executed, "-p", "preset", preset, "--no-progress-bar",
                        "--cwd", chapter.parent], cwd=copy, env=environment, check=True)
        for made in copy.glob(f"figures/runs/{stem}__*"):
            shutil.copytree(made, record / "figures", dirs_exist_ok=True)
    return Tree(record, f"a run at {preset} in {folder}")


def machine_with(variables: dict[str, str]) -> dict[str, str]:
    """This machine as a process has it that starts with these environment variables; see `machine.this_machine`."""
    code = "import json; from mindreader.companion.reproduction import machine; print(json.dumps(machine.this_machine()))"
    told = subprocess.check_output([sys.executable, "-c", code], cwd=core.ROOT, env=_environment(variables))
    return json.loads(told)


def _environment(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment, in which nothing but these variables decides how numbers are rounded, or what is run."""
    kept = {name: value for name, value in os.environ.items()
            if not ROUNDING.fullmatch(name) and name not in ("MINDREADER_PRESET", "MINDREADER_METRICS", "MINDREADER_NSD")}
    return kept | variables
