"""Tell which machine this is, as far as that decides the last bits of a result."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path

from ... import core
from .trees import Tree

LEVELS = ("avx2", "sse4")   # instruction sets to which `elsewhere` cuts down
FILE = "machine.json"       # in figures/: the machine that made the committed record
# Variables that say how many threads, and which instructions.
ROUNDING = re.compile(r"(OMP|MKL|OPENBLAS|BLIS|VECLIB|NUMEXPR|ATEN|DNNL|ONEDNN|KMP|NPY)_\w+")
_DECISIVE = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile",
             "amx_bf16", "asimd", "asimddp", "bf16", "sve", "i8mm")


def this_machine() -> dict[str, str]:
    """Versions, processor, instruction sets, number format of trainings and threads, as this process has them."""
    import torch    # here and not above: a page without a report needs none

    from ...training import compute_dtype

    made, cpu = core.provenance(), _processor()
    chosen = {name: value for name, value in sorted(os.environ.items()) if ROUNDING.fullmatch(name)}
    return {"python": made["python"], "machine": made["machine"],
            **{name: str(version) for name, version in made["versions"].items()},
            "processor": cpu["model"], "instruction sets": cpu["flags"] or "not known here",
            "instruction sets of torch": torch.backends.cpu.get_cpu_capability(),
            "number format of trainings": str(compute_dtype("bfloat16")).removeprefix("torch."),
            "threads": str(torch.get_num_threads()),
            "instructions and threads as set": ", ".join(f"{name}={value}" for name, value in chosen.items()) or "nothing set"}


def of_record(tree: Tree) -> dict[str, str]:
    """The machine that signed the record (`sign`); empty where none did."""
    try:
        return json.loads((tree.figures / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def sign(figures: Path) -> Path:
    """Write down that this machine made the record in this folder of figures; the file is to be committed with it."""
    core.write_json(this_machine(), figures / FILE)
    return figures / FILE


def _processor() -> dict[str, str]:
    """Name and instruction sets of the processor, as the system tells them."""
    try:
        told = dict(re.findall(r"^([^:\n]+?)\s*: (.*)$", Path("/proc/cpuinfo").read_text().partition("\n\n")[0], re.M))
    except OSError:
        told = {}
    numbers = [told[name] for name in ("cpu family", "model", "CPU implementer", "CPU part") if name in told]
    model = told.get("model name") or _asked("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or "not known"
    flags = (told.get("flags") or told.get("Features") or "").split()
    return {"model": f"{model} ({', '.join(numbers)})" if numbers else model,
            "flags": " ".join(name for name in _DECISIVE if name in flags)}


def _asked(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
