"""Let `papermill notebooks/x.ipynb -p name value` run without an output path, and report errors in one sentence.

Stock papermill wants an output path at a terminal, prints the run notebook when its output is no terminal, and
takes the path for the *output* when its input is a pipe. It imports the `papermill.io` entry points before it
reads its command line, and that is where this module steps in: only for the papermill command, only when one path
is given, only for a notebook of a checkout. `papermill x.ipynb -` still prints, and two paths mean what they did.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path

TWO_VALUES = {"-p", "--parameters", "-r", "--parameters_raw"}
ONE_VALUE = {
    "-f", "--parameters_file", "-y", "--parameters_yaml", "-b", "--parameters_base64", "--engine",
    "--autosave-cell-every", "-k", "--kernel", "-l", "--language", "--cwd", "--stdout-file", "--stderr-file",
    "--log-level", "--start-timeout", "--start_timeout", "--execution-timeout",
}
NO_RUN = {"-h", "--help", "--version", "--help-notebook"}
ONE_SENTENCE = {"ParameterError", "LayoutError"}
FULL_DISK = f"[Errno {errno.ENOSPC}] "


class NoHandler:
    """The target that the entry point must name; no path is ever routed to it."""


def split_arguments(arguments: list[str]) -> tuple[list[int], dict[str, str]]:
    """Which arguments are paths (their positions), and the parameters given with -p or -r."""
    paths, parameters, i = [], {}, 0
    while i < len(arguments):
        word = arguments[i]
        if word in TWO_VALUES:
            if len(arguments) > i + 2:
                parameters[arguments[i + 1]] = arguments[i + 2]
            i += 3
        elif word in ONE_VALUE:
            i += 2
        else:
            if word == "-" or not word.startswith("-"):
                paths.append(i)
            i += 1
    return paths, parameters


def with_output(arguments: list[str]) -> list[str]:
    """The arguments with an output path under `figures/runs`, where one notebook of a checkout is given."""
    from ..core import checkout_of

    paths, parameters = split_arguments(arguments)
    if NO_RUN & set(arguments) or len(paths) != 1 or not arguments[paths[0]].endswith(".ipynb"):
        return list(arguments)
    notebook = Path(arguments[paths[0]]).resolve()
    root = checkout_of(notebook.parent)
    if root is None or not notebook.is_file() or notebook.parent != root / "notebooks":
        return list(arguments)
    tail = "".join(f"__{name}-{value}" for name, value in parameters.items())
    output = root / "figures" / "runs" / (re.sub(r"[^\w.=+-]", "_", notebook.stem + tail)[:120] + ".ipynb")
    output.parent.mkdir(parents=True, exist_ok=True)
    return [*arguments[:paths[0] + 1], os.path.relpath(output), *arguments[paths[0] + 1:]]


def is_papermill(program: str, original: list[str]) -> bool:
    """Whether this process is the papermill command; with `python -m papermill` its name is still "-m" here."""
    return "papermill" in original[1:] if program == "-m" else Path(program).stem == "papermill"


def short_excepthook(kind, error, traceback) -> None:
    """Print one sentence for an error in parameters or layout and for a full disk, the traceback for anything else."""
    name, sentence = getattr(error, "ename", ""), getattr(error, "evalue", "")
    if name in ONE_SENTENCE or (name == "OSError" and sentence.startswith(FULL_DISK)):
        print(f"{name}: {sentence.removeprefix(FULL_DISK)}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


if is_papermill(sys.argv[0] if sys.argv else "", sys.orig_argv):
    sys.argv[1:] = with_output(sys.argv[1:])
    sys.excepthook = short_excepthook
