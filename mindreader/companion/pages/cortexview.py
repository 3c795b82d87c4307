"""Show values on fsaverage's cortex to turn and point at, without any server: the directive `cortexview`.

    {cortexview} 06_encoding_cycle    reads cortex.csv and cortex.json of figures/06_encoding_cycle, which `cortex_surface` made

The values stand in the page itself, and the mesh, from the installed nilearn, is one script beside it, so that it works from a
folder with the network off. Without scripts, and on paper, a sentence says where the cortex is shown instead.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pandas as pd
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ... import core
from . import ORIGIN
from .scripted import all_there, load_where, with_data

CLASS, NAME = "cortex-view", "cortexview"
FALLBACK = "The cortex that can be turned needs a script and WebGL, which are off here; the figure above shows it from four sides."
_COLUMNS = ("hemisphere", "vertex", "region", "voxel", "n_voxels", "r", "ceiling")
_UNIT, _MM = 1e-4, 0.01        # of packed values, and of packed places in mm
_GAP = {"inflated": 46, "pial": 36}   # mm, from the midline to the middle of a hemisphere


class CortexView(SphinxDirective):
    """The directive `cortexview`; its argument is the chapter's name."""

    required_arguments = 1

    def run(self):
        """The cortex's place in the page, with its values."""
        section = self.arguments[0]
        table, card = (core.FIGURES / section / f"cortex.{suffix}" for suffix in ("csv", "json"))
        if not all_there(self, (table, card), "to turn"):
            return []
        up = "../" * self.env.docname.count("/")
        origin = json.loads(card.read_text(encoding="utf-8"))["origin"]
        content = markup(pd.read_csv(table), origin, f"{up}_static/{NAME}/fsaverage5.js", section)
        return [nodes.raw("", content, format="html", classes=[CLASS])]


def markup(table: pd.DataFrame, origin: str, mesh: str, section: str) -> str:
    """HTML for one cortex: its values as JSON, the address of its mesh, and a sentence for where no script runs.

    table: that of `ch06_encoding_cycle.cortex_surface`; vertices without a value are left out. ValueError where a column is lacking.
    """
    lacking = [name for name in _COLUMNS if name not in table]
    if lacking:
        raise ValueError(f"the cortex of {section} has no column {lacking[0]!r}, expected {', '.join(_COLUMNS)}; run the chapter again")
    known = table[np.isfinite(table.r) & np.isfinite(table.ceiling)]
    regions = sorted(known.region.unique())

    def highest(values: pd.Series) -> float:
        return max(0.01, float(np.round(values.abs().quantile(0.98), 3))) if len(values) else 1.0

    same = highest(pd.concat([known.r, known.ceiling]))
    sides = {side: {"vertex": pack(part.vertex, "<u2"), "region": pack([regions.index(name) for name in part.region], "u1"),
                    "r": pack(np.round(part.r / _UNIT), "<i2"), "ceiling": pack(np.round(part.ceiling / _UNIT), "<i2")}
             for side, part in ((side, known[known.hemisphere == side]) for side in ("lh", "rh"))}
    data = {"origin": ORIGIN[origin], "n_voxels": int(known.drop_duplicates("voxel").n_voxels.sum()), "regions": regions,
            "unit": _UNIT, "limit": {"less": highest(known.r - known.ceiling), "r": same, "ceiling": same}, "sides": sides}
    return with_data(CLASS, data, mesh, section, FALLBACK)


def mesh_script() -> str:
    """A script that defines the mesh: triangles, and for each hemisphere two surfaces about their middle, and sulci."""
    from ..surface import read_hemisphere  # here and not above: no other page needs it, or the scipy that it brings along

    sides = {}
    for side in ("lh", "rh"):
        brain = read_hemisphere(side)
        surfaces = {name: getattr(brain, name) for name in _GAP}
        sides[side] = {name: pack(np.round((at - (at.min(0) + at.max(0)) / 2) / _MM), "<i2") for name, at in surfaces.items()}
        sides[side]["sulc"] = pack(np.where(brain.sulc > 0, 1, -1), "i1")
    mesh = {"faces": pack(brain.faces, "<u2"), "sides": sides, "unit": _MM, "gap": _GAP}     # both have the same triangles
    return f"globalThis.cortexMesh = {json.dumps(mesh, separators=(',', ':'))};\n"


def pack(values, kind: str) -> str:
    """Numbers as base64 of their bytes."""
    return base64.b64encode(np.ascontiguousarray(np.asarray(values), dtype=kind).tobytes()).decode()


def add_script(app, pagename, templatename, context, doctree) -> None:
    """Load the script and the style only on pages that have a cortex; for Sphinx's html-page-context."""
    load_where(app, doctree, nodes.raw, CLASS, NAME)


def write_mesh(app, error) -> None:
    """Put the mesh beside the pages, if a chapter has a cortex; for Sphinx's build-finished."""
    if error is None and app.builder.format == "html" and any(core.FIGURES.glob("*/cortex.csv")):
        target = Path(app.outdir) / "_static" / NAME / "fsaverage5.js"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(mesh_script(), encoding="utf-8")
