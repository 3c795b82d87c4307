"""Let `papermill notebooks/x.ipynb -p name value` run without an output path, and report errors in one sentence.

Stock papermill wants an output path at a terminal, prints the run notebook when its output is no terminal, and
takes the path for the *output* when its input is a pipe. It imports the `papermill.io` entry points before it
reads its command line, and that is where this module steps in: only for the papermill command, only when one path
is given, only for a notebook of a checkout. `papermill x.ipynb -` still prints, and two paths mean what they did.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import sys
from pathlib import Path

PARAMETER = {"-p", "--parameters", "-r", "--parameters_raw"}
SOURCES = {"-b": "base64", "--parameters_base64": "base64", "-f": "file", "--parameters_file": "file",
           "-y": "yaml", "--parameters_yaml": "yaml"}   # of several parameters at once
TWO_VALUES = PARAMETER
ONE_VALUE = {
    "-f", "--parameters_file", "-y", "--parameters_yaml", "-b", "--parameters_base64", "--engine",
    "--autosave-cell-every", "-k", "--kernel", "-l", "--language", "--cwd", "--stdout-file", "--stderr-file",
    "--log-level", "--start-timeout", "--start_timeout", "--execution-timeout",
}
NO_RUN = {"-h", "--help", "--version", "--help-notebook"}
ONE_SENTENCE = {"ParameterError", "LayoutError", "Unfit"}
DISK = re.compile(r"(?:\[Errno \d+\] )?(the (?:disk|folder) .*)", re.S)   # a full one, a closed one: of `core.files`

INTERRUPTED = "interrupted before its end; run it again to finish"
KERNEL_DIED = "the kernel died, expected it to live; was it out of memory?"


class NoHandler:
    """The target that the entry point must name; no path is ever routed to it."""


def split_arguments(arguments: list[str]) -> tuple[list[int], dict]:
    """Which arguments are paths (their positions), and the parameters given, in the order in which papermill takes them."""
    paths, given = _sorted(arguments)
    parameters: dict = {}
    for source in ("base64", "file", "yaml"):
        for text in given[source]:
            try:
                parameters |= _several(source, text)
            except ValueError:      # which is said before papermill begins
                parameters |= {source: text}
    return paths, parameters | dict(given["single"])


def refused(arguments: list[str]) -> str:
    """Why papermill would end with a long story, or lose some of these parameters without a word; "" where it would not."""
    from ..core import as_meant

    given, settings = _sorted(arguments)[1], []
    try:
        for source in ("base64", "file", "yaml"):
            settings += [_several(source, text).get("overrides") for text in given[source]]
        settings += [text for name, text in given["single"] if name == "overrides"]
        settings = [as_meant(some, dict) for some in settings if some]
    except ValueError as problem:
        return str(problem)
    if any(some != settings[0] for some in settings):
        return (f"got overrides {len(settings)} times, expected them once, as papermill would keep one of these alone; write all settings "
                "in one -y 'overrides: {gan.kimg: 0.5, seed: 1}'")
    return ""


def _sorted(arguments: list[str]) -> tuple[list[int], dict[str, list]]:
    """Positions of the paths, and by source the texts of parameters, or names and values."""
    paths, i = [], 0
    given: dict[str, list] = {"base64": [], "file": [], "yaml": [], "single": []}
    while i < len(arguments):
        word, after = arguments[i], arguments[i + 1:i + 3]
        name, equals, joined = word.partition("=")
        if word in PARAMETER:
            given["single"] += [tuple(after)] if len(after) == 2 else []
            i += 3
        elif word in ONE_VALUE:
            if word in SOURCES and after:
                given[SOURCES[word]].append(after[0])
            i += 2
        else:
            if equals and name in SOURCES:
                given[SOURCES[name]].append(joined)
            elif word[:2] in SOURCES:
                given[SOURCES[word[:2]]].append(word[2:])
            elif word == "-" or not word.startswith("-"):
                paths.append(i)
            i += 1
    return paths, given


def _several(source: str, value: str) -> dict:
    """The parameters of a file or text in YAML; ValueError, one sentence, where it has none or gives one twice."""
    import yaml

    from ..core import read_settings

    try:
        text = {"file": lambda: Path(value).read_text(encoding="utf-8"), "base64": lambda: base64.b64decode(value).decode(),
                "yaml": lambda: value}[source]()
        read = read_settings(text) or {}
    except OSError as problem:
        raise ValueError(f"{value} cannot be read ({problem.strerror}), expected a file of parameters in YAML; name another") from problem
    except yaml.YAMLError as problem:
        why = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        raise ValueError(f"{value.strip()!r} cannot be read as YAML ({why}), expected names and values such as 'seed: 1'; indent with "
                         "spaces, and close what is opened") from problem
    except (binascii.Error, UnicodeDecodeError) as problem:
        raise ValueError(f"{value!r} cannot be read ({problem}), expected parameters in YAML, as {source}; give them with -y") from problem
    if not isinstance(read, dict):
        raise ValueError(f"got {value.strip()!r}, expected names and values such as 'seed: 1'; put a colon and a space between them")
    return read


def with_output(arguments: list[str]) -> list[str]:
    """The arguments with an output path under `figures/runs`, where one notebook of a checkout is given."""
    from ..core import name_of

    paths, parameters = split_arguments(arguments)
    root = chapter_s_root(arguments, paths)
    if len(paths) != 1 or root is None:
        return list(arguments)
    output = root / "figures" / "runs" / (name_of(Path(arguments[paths[0]]).stem, parameters) + ".ipynb")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"the folder {output.parent} cannot be written ({error.strerror}), and the run notebook goes there; name another "
                 "path after the notebook's")
    return [*arguments[:paths[0] + 1], os.path.relpath(output), *arguments[paths[0] + 1:]]


def chapter_s_root(arguments: list[str], paths: list[int]) -> Path | None:
    """The checkout whose notebook is to be run; None where none is."""
    from ..core import checkout_of

    if NO_RUN & set(arguments) or not paths or not arguments[paths[0]].endswith(".ipynb"):
        return None
    notebook = Path(arguments[paths[0]]).resolve()
    root = checkout_of(notebook.parent)
    return root if root is not None and notebook.is_file() and notebook.parent == root / "notebooks" else None


def is_papermill(program: str, original: list[str]) -> bool:
    """Whether this process is the papermill command; with `python -m papermill` its name is still "-m" here."""
    return "papermill" in original[1:] if program == "-m" else Path(program).stem == "papermill"


def short_excepthook(kind, error, traceback) -> None:
    """Print one sentence for an error in parameters, layout or the disk's state, or an early end, the traceback for all else."""
    name, sentence = getattr(error, "ename", kind.__name__), getattr(error, "evalue", str(error))   # of a cell, or of this process
    disk = DISK.fullmatch(sentence) if name in ("OSError", "PermissionError") else None
    if name in ONE_SENTENCE or disk:
        print(f"{name}: {disk[1] if disk else sentence}", file=sys.stderr)
    elif kind is KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
    elif issubclass(kind, RuntimeError) and sentence.startswith("Kernel died"):     # of nbclient and of jupyter_client
        print(KERNEL_DIED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def prepare() -> None:
    """Let this process, which is the papermill command, run a chapter as typed and say what went wrong in one sentence."""
    from ..core import hold_folders

    if chapter_s_root(sys.argv[1:], split_arguments(sys.argv[1:])[0]) is not None:
        from .kernels import end_when_terminated, use_for_papermill

        try:
            hold_folders()
        except ValueError as error:
            sys.exit(str(error))
        if why := refused(sys.argv[1:]):
            sys.exit(why)
        use_for_papermill()
        end_when_terminated()
    sys.argv[1:] = with_output(sys.argv[1:])
    sys.excepthook = short_excepthook


if is_papermill(sys.argv[0] if sys.argv else "", sys.orig_argv):
    prepare()
