"""Check a notebook's parameters in the cell right after them, and show progress that leaves no trace in it."""

from __future__ import annotations

import difflib
import os
import re
import sys
import types

from .paths import warn_of_other_checkout

PRESETS = ("smoke", "book", "paper")
_SHELL = {"In", "Out", "get_ipython", "exit", "quit", "open"}
SUBJECT = r"twin\d\d|subj0[1-8]"  # simulated, or NSD's
DEVICE = r"cpu|cuda(:\d+)?"


class ParameterError(ValueError):
    """A parameter that a notebook does not have, or a value it cannot take; shown as one sentence."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def begin(namespace: dict, **allowed) -> str:
    """The preset to run, once every parameter of the notebook has a name and a value that it may have.

    papermill says little about a name that the notebook does not have, and nothing about a value.

    Parameters
    ----------
    namespace : dict
        The notebook's `globals()`.
    **allowed
        For each parameter its type, or a container of the values it may take: `seed=int, cond=("img", "cap")`.
        `preset`, `subject` and `seed` are also held to what they mean.

    Returns
    -------
    str
        The preset. $MINDREADER_PRESET replaces the one written in the notebook, never one given to papermill.

    Raises
    ------
    ParameterError
        One sentence: what was given, what is allowed.
    """
    warn_of_other_checkout()
    if not namespace.get("_mindreader_begun"):
        _refuse_unknown(namespace, allowed)
        namespace["_mindreader_begun"] = True
    for name, rule in allowed.items():
        if name not in namespace:
            raise ParameterError(f"parameter {name!r} is missing; expected it in the cell tagged "
                                 "'parameters'")
        if rule is bool and namespace[name] in ("true", "false"):  # as typed after `-p`, which papermill leaves as text
            namespace[name] = namespace[name] == "true"
        _check(name, namespace[name], rule)
    preset = namespace.get("preset", "book")
    replaced = os.environ.get("MINDREADER_PRESET")
    if replaced and not _was_injected(namespace, "preset"):
        _check("MINDREADER_PRESET", replaced, PRESETS)
        preset = replaced
    return preset


def check_device(device: str) -> None:
    """Raise ParameterError where trainings are to run on a GPU that is not there."""
    if device == "cpu":
        return
    import torch

    n = torch.cuda.device_count()
    if int(device.partition(":")[2] or 0) >= n:
        has = ", ".join(f"cuda:{i}" for i in range(n)) or "no GPU that torch can use"
        raise ParameterError(f"device={device!r}: this machine has {has}; expected cpu" + (" or one of those" if n else ""))


def run_name(stem: str, given: dict, usual: dict) -> str:
    """"" for a run with every parameter as usual, else a folder name such as "03_gan__cond-img".

    given, usual: the values of this run and those written in the committed notebook, by parameter.
    """
    unusual = [name for name in given if name in usual and given[name] != usual[name]]
    tail = "".join(f"__{name}-{given[name]}" for name in unusual)
    return re.sub(r"[^\w.=+-]", "_", f"{stem}{tail}")[:120] if tail else ""


def progress(iterable=None, desc: str | None = None, total: int | None = None, **kwargs):
    """A tqdm bar around `iterable` that writes to the terminal behind a notebook's kernel, never into it.

    Stored bars would change the notebook on every run. Under nbval, which has no terminal, the bar is silent.
    """
    from tqdm import tqdm

    seconds = 0.5 if sys.stderr.isatty() else 15.0
    options = dict(desc=desc, total=total, mininterval=seconds, leave=False) | kwargs
    if "ipykernel" not in sys.modules:
        return tqdm(iterable, **options)
    descriptor = getattr(sys.stderr, "_original_stdstream_copy", None)
    if descriptor is None:
        return tqdm(iterable, disable=True, **options)
    return tqdm(iterable, file=_terminal(descriptor), **options)


_terminals: dict = {}


def _terminal(descriptor: int):
    if descriptor not in _terminals:
        _terminals[descriptor] = os.fdopen(os.dup(descriptor), "w")
    return _terminals[descriptor]


def _refuse_unknown(namespace: dict, allowed: dict) -> None:
    extra = sorted(name for name, value in namespace.items()
                   if not name.startswith("_") and name not in _SHELL and name not in allowed
                   and not isinstance(value, types.ModuleType))
    if extra:
        near = difflib.get_close_matches(extra[0], allowed, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ParameterError(f"unknown parameter {extra[0]!r}{hint} "
                             f"(this notebook takes {', '.join(allowed)})")


def _check(name: str, value, rule) -> None:
    if isinstance(rule, type):
        good = isinstance(value, rule) and (rule is bool or not isinstance(value, bool))
        good = good or (rule is float and isinstance(value, int) and not isinstance(value, bool))
        want = {"dict": "a mapping; give it to papermill as -y 'overrides: {gan.kimg: 0.5}'"}.get(
            rule.__name__, f"a value of type {rule.__name__}")
    else:
        good, want = isinstance(value, str | int | float) and value in rule, " or ".join(map(str, rule))
    if good and name == "preset":
        good, want = value in PRESETS, " or ".join(PRESETS)
    if good and name == "subject":
        good = value == "" or bool(re.fullmatch(SUBJECT, value))
        want = "twin01 (simulated) or one of subj01 to subj08 (your copy of NSD)"
    if good and name == "seed":
        good, want = value >= 0, "a whole number from 0"
    if not good:
        choices = [] if isinstance(rule, type) else [str(choice) for choice in rule]
        near = difflib.get_close_matches(str(value), choices, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ParameterError(f"{name}={value!r}: expected {want}{hint}")


def _was_injected(namespace: dict, name: str) -> bool:
    """Whether papermill's own cell set `name`; the kernel's history is the only place that still knows."""
    cells = [cell for cell in map(str, namespace.get("In", ())) if cell.lstrip().startswith("# Parameters")]
    return any(re.search(rf"^{name}\s*=", cell, re.M) for cell in cells)
