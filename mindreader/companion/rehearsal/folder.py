"""Write an NSD folder for a rehearsal: the simulated subject in NSD's layout, without anything that says what was simulated."""

from __future__ import annotations

import json
from pathlib import Path

from ...nsd import MARKER, REHEARSAL
from ...twin import TwinConfig, write_twin

_WHAT = "Simulated responses to drawn scenes, for a rehearsal: nothing that is computed from them is a result."


def write_folder(root: Path, config: TwinConfig, *, seed: int = 0) -> Path:
    """The root of a folder that is loaded as NSD's own would be; its marker says that it is a rehearsal.

    Unlike a simulated subject's, its networks are those of photographs, and the truth behind its responses is not kept.
    """
    write_twin(root, config, seed=seed)
    (root / REHEARSAL).write_text(json.dumps({"origin": "rehearsal", "what": _WHAT}, indent=1) + "\n", encoding="utf-8")
    (root / MARKER).unlink()
    root.with_name(f"{root.name}.plant.npz").unlink()
    return root
