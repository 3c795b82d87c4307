"""Take a notebook's parameters as they were meant, check them in the cell right after, and show progress that leaves no trace."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import sys
import types
import typing
from collections.abc import Iterable

from .paths import warn_of_other_checkout

PRESETS = ("smoke", "book", "paper", "shared1000")
_SHELL = {"In", "Out", "get_ipython", "exit", "quit", "open"}
SUBJECT = r"twin\d\d|subj0[1-8]"  # simulated, or NSD's
DEVICE = r"cpu|cuda(:\d+)?"
_TRUE, _FALSE, _NOTHING = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "null", "~")
_MINUS = str.maketrans(dict.fromkeys("\u2212\u2013\ufe63\uff0d", "-"))     # as word processors and PDFs write it
_LONGEST = 120  # characters of a run's name: with a suffix and a mark of its own below the 255 bytes of a file system


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
        namespace[name] = _as_parameter(name, namespace[name], rule)
        _check(name, namespace[name], rule)
    preset = namespace.get("preset", "book")
    replaced = os.environ.get("MINDREADER_PRESET")
    if replaced and not _was_injected(namespace, "preset"):
        preset = choice(replaced, PRESETS)
        _check("MINDREADER_PRESET", preset, PRESETS)
    return preset


def as_meant(value, hint):
    """The value as a type hint wants it, where a person can have meant nothing else; unchanged, to be refused, where not.

    Values come from YAML, which takes 4e-4 for text, from a command line, which gives all as text, and from Python.

    Parameters
    ----------
    value : object
    hint : type
        int, float, bool, str, dict, a tuple of them such as tuple[int, ...], or one of these or None.

    >>> as_meant("4e-4", float), as_meant("1e3", int), as_meant("(8, 2)", tuple[int, ...]), as_meant("yes", bool)
    (0.0004, 1000, (8, 2), True)
    >>> as_meant("none", float | None), as_meant("0,5", float), as_meant(2.5, int)
    (None, '0,5', 2.5)
    """
    value = value.tolist() if hasattr(value, "tolist") else value     # of NumPy
    value = os.fspath(value) if isinstance(value, os.PathLike) else value
    value = value.strip() if isinstance(value, str) else value
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if types.NoneType in kinds and (value is None or isinstance(value, str) and value.casefold() in _NOTHING):
        return None
    kind = next(kind for kind in kinds if kind is not types.NoneType)
    if typing.get_origin(kind) is tuple:
        return _as_tuple(value, typing.get_args(kind))
    return _AS_MEANT.get(kind, lambda value: value)(value)


def choice(value, names: Iterable[str]):
    """The one of these names that is meant, in whatever case; unchanged where it is none of them.

    >>> choice(" Book", PRESETS), choice(None, ("none", "all")), choice("bok", PRESETS)
    ('book', 'none', 'bok')
    """
    names = list(names)
    if value is None and "none" in names:   # as YAML and papermill read it
        return "none"
    alike = [name for name in names if isinstance(value, str) and isinstance(name, str)
             and name.casefold() == value.strip().casefold()]
    return value if value in names or len(alike) != 1 else alike[0]


def check_device(device: str) -> None:
    """Raise ParameterError where trainings are to run on a GPU that is not there, or that the installed torch cannot compute on."""
    if device == "cpu":
        return
    import torch

    n = torch.cuda.device_count()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    shown = f" (CUDA_VISIBLE_DEVICES={hidden!r} says which)" if hidden is not None else ""
    if not n:
        cpu_alone = torch.version.cuda is None and torch.version.hip is None
        why = ", which is built for processors alone" if cpu_alone else shown
        raise ParameterError(f"device={device!r}: this machine has no GPU that torch can use{why}; expected cpu, or " + (
            "a torch that is built for your GPU" if cpu_alone else "a GPU and a driver that `nvidia-smi` lists"))
    number = int(device.partition(":")[2]) if ":" in device else torch.cuda.current_device()
    if number >= n:
        raise ParameterError(f"device={device!r}: this machine has {', '.join(f'cuda:{i}' for i in range(n))}{shown}; expected cpu or "
                             "one of those")
    name, capability = torch.cuda.get_device_name(number), torch.cuda.get_device_capability(number)
    built_for = torch.cuda.get_arch_list()
    if torch.version.hip is None and not _runs_on(capability, built_for):
        raise ParameterError(f"device={device!r}: {name} is of compute capability {capability[0]}.{capability[1]}, and the installed "
                             f"torch {torch.__version__} is built for {', '.join(built_for)}; expected cpu, or a torch that is built for "
                             f"sm_{capability[0]}{capability[1]}")
    try:
        _compute_on(number)
    except RuntimeError as error:   # one that is full, broken, or taken by another user alone
        raise ParameterError(f"device={device!r}: {name} does not compute ({str(error).strip().splitlines()[0]}); expected a GPU that is "
                             "free, or cpu") from error


def _runs_on(capability: tuple[int, int], built_for: list[str]) -> bool:
    """Whether a GPU of this compute capability runs code for one of these: of its own generation, or such as the driver translates."""
    for architecture in built_for:
        if match := re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", architecture):
            built = int(match[2]), int(match[3])
            same = built == capability if match[4] else built[0] == capability[0] and built <= capability
            if same or match[1] == "compute" and not match[4] and built <= capability:
                return True
    return False


def _compute_on(number: int) -> None:
    """One tiny computation on this GPU."""
    import torch

    (torch.ones(2, device=f"cuda:{number}") * 2).sum().item()


def run_name(stem: str, given: dict, usual: dict) -> str:
    """"" for a run with every parameter as usual, else a folder name such as "03_gan__cond-img".

    given, usual: the values of this run and those written in the committed notebook, by parameter.
    """
    unusual = {name: value for name, value in given.items() if name in usual and value != usual[name]}
    return name_of(stem, unusual) if unusual else ""


def name_of(stem: str, values: dict) -> str:
    """The name of a run with these values: no other run has it, on any file system.

    It tells the values; where it cannot tell all (too long, signs that a name cannot have, two names of which some file
    systems make one, settings in `overrides`), the last eight digits tell it from the others.

    >>> name_of("03_gan", {"cond": "img", "seed": 3})
    '03_gan__cond-img__seed-3'
    >>> name_of("03_gan", {"overrides": {"gan.kimg": 1.0}})
    '03_gan__gan.kimg-1.0-a6d04543'
    """
    told = [(name, _told(value)) for name, value in _flat(values)]
    text = stem + "".join(f"__{name.removeprefix('overrides.')}-{value}" for name, value in told)
    plain = re.sub(r"[^\w.=+-]", "_", text, flags=re.ASCII)
    tells_all = plain == text and len(text) <= _LONGEST and not any(
        name.startswith("overrides") or "__" in value or value != value.lower() for name, value in told)
    digits = hashlib.sha256(json.dumps([stem, told]).encode()).hexdigest()[:8]
    return plain if tells_all else f"{plain[:_LONGEST - 9]}-{digits}"


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


def _as_parameter(name: str, value, rule):
    """The value of a notebook's parameter as it was meant."""
    if not isinstance(rule, type):
        return choice(value, rule)
    if rule is dict and value is None:
        return {}
    value = as_meant(value, rule)
    if name == "preset":
        return choice(value, PRESETS)
    if name == "subject":
        return "" if value is None else subject_meant(value)
    return value


def subject_meant(value):
    """The name of a subject as NSD writes it; unchanged where it is none.

    >>> subject_meant("Subj1"), subject_meant("sub-08"), subject_meant("S2"), subject_meant("twin1"), subject_meant("9")
    ('subj01', 'subj08', 'subj02', 'twin01', '9')
    """
    if not isinstance(value, str):
        return value
    told = re.fullmatch(r"(subject|subj|sub|s|twin)[ _-]?(\d\d?)", value.strip().casefold())
    return f"{'twin' if told[1] == 'twin' else 'subj'}{int(told[2]):02d}" if told else value.casefold()


def read_settings(text: str):
    """What a text says in YAML; `yaml.YAMLError` where it is none.

    Raises ParameterError where it gives a name twice, of which YAML itself would keep the last without a word.
    """
    import yaml

    class OneOfEach(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
            for twice in (name for name in names if names.count(name) > 1):
                raise ParameterError(f"got {twice} twice in {text.strip()!r}, expected it once; keep the one that is meant")
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader=OneOfEach)


def _as_bool(value):
    if isinstance(value, str) and value.casefold() in _TRUE + _FALSE:
        return value.casefold() in _TRUE
    return bool(value) if type(value) is int and value in (0, 1) else value


def _as_float(value):
    number = _number(value)
    try:
        return float(number) if isinstance(number, int | float) and not isinstance(number, bool) else value
    except OverflowError:   # a whole number beyond all floats
        return value


def _as_int(value):
    number = _number(value)
    if isinstance(number, float) and number.is_integer() and abs(number) < 2**53:
        return int(number)
    return number if type(number) is int else value


def _number(value):
    """The number that a text is, if it is one and everybody reads it alike: 010 may be eight, and 1,000 may be one."""
    if not isinstance(value, str):
        return value
    text = value.translate(_MINUS)
    if re.fullmatch(r"[+-]?\.?inf(inity)?", text, re.I):
        return float(text.replace(".", ""))
    if not re.fullmatch(r"[+-]?(0|[1-9][\d_]*|(?=\.))(\.[\d_]*)?(e[+-]?\d+)?", text, re.I):
        return value
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return value


def _as_dict(value):
    """The mapping that a text is in YAML, as papermill's -y takes it."""
    if not isinstance(value, str):
        return value
    import yaml

    try:
        read = read_settings(value)
    except yaml.YAMLError:
        return value
    return read if isinstance(read, dict) else {} if read is None and value else value


def _as_tuple(value, kinds: tuple):
    """A tuple of what the entries of a list mean; a text may be one, with or without its brackets."""
    if isinstance(value, str):
        bare = value[1:-1] if value[:1] + value[-1:] in ("()", "[]") else value
        if bare == value and "," not in value:
            return value
        value = [entry.strip().strip("'\"") for entry in bare.split(",") if entry.strip()]
    if not isinstance(value, list | tuple | range):
        return value
    return tuple(as_meant(entry, kinds[0] if kinds[-1] is Ellipsis or i >= len(kinds) else kinds[i]) for i, entry in enumerate(value))


_AS_MEANT = {bool: _as_bool, int: _as_int, float: _as_float, dict: _as_dict}


def _flat(values: dict, above: str = "") -> typing.Iterator[tuple[str, object]]:
    """Every value with its dotted name; those within a mapping in the order of their names, which says nothing."""
    for name, value in (sorted(values.items(), key=lambda item: str(item[0])) if above else values.items()):
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _told(value) -> str:
    """A value as a name tells it; papermill's text and Python's value alike."""
    text = str(value)
    return text.lower() if text in ("True", "False", "None") else text


def _check(name: str, value, rule) -> None:
    if isinstance(rule, type):
        good = isinstance(value, rule) and (rule is bool or not isinstance(value, bool))
        good = good or (rule is float and isinstance(value, int) and not isinstance(value, bool))
        want = {dict: "a mapping; give it to papermill as -y 'overrides: {gan.kimg: 0.5}'", int: "a whole number",
                float: "a number, such as 0.5 or 5e-1", bool: "true or false", str: "text"}.get(rule, f"a value of type {rule.__name__}")
    else:
        good, want = isinstance(value, str | int | float) and value in rule, " or ".join(map(str, rule))
    if good and name == "preset":
        good, want = value in PRESETS, " or ".join(PRESETS)
    if name == "subject":
        good = good and (value == "" or bool(re.fullmatch(SUBJECT, value)))
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
