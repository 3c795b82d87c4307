"""Which module may import which: the house is a star around the records, and the arrows only point down.

A new module, or a new arrow, is a decision: write it into the table below, at its layer.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mindreader"

MAY_IMPORT = {
    # layer 0
    "__init__": set(),
    "augment": set(),
    "canvas": set(),
    "flatmap": set(),
    "intervals": set(),
    "layers": set(),
    "losses": set(),
    "meaning": set(),
    "memory": set(),
    "halfwidth": set(),
    "paths": set(),
    "plots": set(),
    "records": set(),
    "rendering": set(),
    "scenes": set(),
    "sheet": set(),
    "smallnets": set(),
    # layer 1
    "_papermill": {"paths"},
    "annotations": {"records"},
    "appearance_living": {"canvas"},
    "appearance_objects": {"canvas"},
    "appearance_stuff": {"canvas", "scenes"},
    "captions": {"records"},
    "design": {"records"},
    "distances": {"intervals", "records"},
    "mentions": {"scenes"},
    "params": {"paths"},
    "plots_pictures": {"plots"},
    "plots_mapping": {"plots"},
    "plots_subject": {"plots"},
    "reconstruct": {"records"},
    "recovery": {"records"},
    "regions": {"records"},
    "sampling": {"scenes"},
    "retrieval": {"intervals", "records"},
    "store": {"meaning", "paths", "rendering"},
    "stylegan": {"layers"},
    "tables": {"paths"},
    "voxels": {"records"},
    # layer 2
    "fitting": {"memory", "records", "store"},
    "cache": {"store"},
    "claims": {"intervals", "retrieval", "tables"},
    "controls": {"records", "retrieval"},
    "cortex": {"regions"},
    "hubness": {"intervals", "records", "retrieval"},
    "identification": {"intervals", "records", "retrieval"},
    "judging": {"distances", "identification", "records"},
    "modelcards": {"paths", "plots", "rendering", "tables"},
    "nb": {"paths", "store"},
    "outlines": {"annotations"},
    "parallel": {"store"},
    "picturebrowser": {"paths", "sheet"},
    "protocols": {"controls", "identification", "intervals", "records", "retrieval"},
    "scene_rendering": {
        "appearance_living", "appearance_objects", "appearance_stuff", "canvas", "sampling", "scenes",
    },
    "schooling": {"paths", "records", "store"},
    "sentences": {"appearance_living", "sampling", "scenes"},
    "sphinxext": {"modelcards", "paths", "picturebrowser", "tables"},
    "weights": {"paths", "records", "store"},
    # layer 3
    "auxiliary": {"fitting", "losses"},
    "readout": {"fitting", "intervals", "records"},
    "brain": {"cortex", "regions", "scenes"},
    "coco": {"scene_rendering", "scenes", "sentences"},
    "world": {"paths", "sampling", "scene_rendering", "scenes", "sentences", "store"},
    "embed": {"augment", "records", "smallnets", "weights"},
    "gan_steps": {"layers", "losses", "parallel", "stylegan"},
    "nsd": {"annotations", "cache", "design", "records", "regions"},
    # layer 4
    "mapping": {"auxiliary", "fitting", "halfwidth", "losses", "records"},
    "gan": {"gan_steps", "memory", "parallel", "records", "store", "stylegan", "weights"},
    "eight": {"embed", "intervals", "protocols", "records"},
    "pretrain_clip": {"embed", "scenes", "schooling", "store", "weights", "world"},
    "pretrain_nets": {"losses", "schooling", "smallnets", "weights", "world"},
    "session": {"brain", "cortex"},
    "twinfiles": {"cortex", "nsd", "regions"},
    # layer 5
    "baselines": {"fitting", "mapping", "records"},
    "encoding": {"fitting", "losses", "mapping", "records"},
    "limits": {"losses", "mapping", "nsd", "params"},
    "released": {"mapping", "records"},
    "critic": {"embed", "gan", "gan_steps", "losses"},
    "watch": {"gan", "sheet", "store", "stylegan"},
    "joint": {"fitting", "gan", "gan_steps", "losses"},
    "twin": {
        "brain", "coco", "cortex", "nsd", "params", "sampling", "scene_rendering", "scenes", "sentences", "session",
        "store", "twinfiles",
    },
    # layer 6
    "experiments": {
        "captions", "embed", "encoding", "gan", "limits", "mapping", "nsd", "params", "readout", "store",
        "stylegan", "twin",
    },
    "pretrain_generator": {
        "critic", "embed", "gan", "gan_steps", "judging", "params", "paths", "schooling", "sheet", "stylegan",
        "weights", "world",
    },
    # layer 7
    "pipeline": {
        "baselines", "captions", "embed", "encoding", "experiments", "gan", "gan_steps", "joint", "losses", "mapping", "nsd",
        "params", "paths", "reconstruct", "records", "store", "twin", "watch", "weights",
    },
    "pretrain": {"params", "pretrain_clip", "pretrain_generator", "pretrain_nets", "weights", "world"},
    # layer 8
    "finetune": {"experiments", "parallel", "params", "pipeline", "records"},
    "grid": {
        "claims", "distances", "experiments", "hubness", "intervals", "mapping", "params", "paths", "pipeline",
        "records", "retrieval", "store",
    },
    "costs": {"experiments", "fitting", "grid", "losses", "mapping", "paths", "store"},
    "gan_grid": {
        "claims", "distances", "experiments", "gan_steps", "grid", "identification", "intervals", "joint", "params",
        "paths", "pipeline", "records", "store",
    },
    "chapter": {"experiments", "gan_grid", "params", "paths", "pipeline", "rendering", "store"},
    "report.common": {"identification", "pipeline", "records"},
    "report.screening": {"captions", "intervals", "pipeline", "readout", "records", "tables"},
    "report.held_out": {
        "params", "pipeline", "sampling", "scene_rendering", "scenes", "sentences", "store", "weights", "world",
    },
    "report.subject": {
        "design", "flatmap", "nsd", "outlines", "paths", "pipeline", "records", "recovery", "regions", "twin",
    },
    # layer 9
    "report.categories": {"params", "pipeline", "readout", "report.common", "tables"},
    "report.decoding": {"intervals", "pipeline", "recovery", "report.common", "report.subject", "scenes"},
    "report.finetuning": {"claims", "gan_grid", "params", "pipeline", "records", "report.common", "report.pictures", "tables"},
    "report.ablation": {
        "claims", "costs", "embed", "experiments", "grid", "intervals", "params", "pipeline", "retrieval", "tables",
    },
    "report.hubs": {"controls", "hubness", "mapping", "pipeline", "records", "report.common", "retrieval"},
    "report.mapping": {"controls", "mapping", "pipeline", "protocols", "records", "report.common", "retrieval", "tables"},
    "report.misses": {"intervals", "pipeline", "report.common", "retrieval"},
    "report.pictures": {
        "controls", "distances", "embed", "experiments", "identification", "pipeline", "records", "report.common",
        "retrieval", "tables",
    },
    "report.splits": {"baselines", "controls", "nsd", "paths", "pipeline", "records", "report.common", "retrieval", "store"},
    "report.targets": {"augment", "controls", "intervals", "mapping", "pipeline", "records", "recovery", "report.common"},
    "report.stimulation": {"intervals", "pipeline", "reconstruct", "records", "report.common"},
    "report.shipped_clip": {
        "embed", "identification", "intervals", "mentions", "pipeline", "pretrain_clip", "readout", "records",
        "report.common", "report.held_out", "scenes",
    },
    # layer 10
    "report.recovered": {
        "intervals", "pipeline", "pretrain_clip", "readout", "recovery", "regions", "report.decoding",
        "report.screening", "report.subject", "retrieval", "scenes", "voxels", "weights",
    },
    "report.pretrained": {
        "gan", "intervals", "judging", "pipeline", "report.common", "report.held_out", "report.shipped_clip", "weights",
    },
    "report.browser": {
        "eight", "embed", "experiments", "identification", "pipeline", "report.common", "report.pictures", "sheet",
        "store",
    },
    "report.fidelity": {"distances", "pipeline", "report.pictures"},
    "report.encoding": {"controls", "encoding", "pipeline", "records", "report.common", "report.pictures", "voxels"},
    "report.foreign": {
        "experiments", "gan", "intervals", "pipeline", "reconstruct", "records", "report.common", "report.held_out",
        "report.pictures", "scene_rendering", "weights",
    },
    "report.showings": {
        "intervals", "pipeline", "readout", "records", "recovery", "report.common", "report.pictures", "scenes",
    },
    "report.unmet": {
        "experiments", "grid", "identification", "intervals", "paths", "pipeline", "records", "report.common",
        "report.pictures", "store",
    },
    # layer 11
    "report.supplied": {
        "controls", "eight", "embed", "experiments", "identification", "intervals", "pipeline", "records",
        "report.common", "report.fidelity", "report.pictures",
    },
    "report.interpolation": {
        "embed", "gan", "intervals", "pipeline", "report.held_out", "report.pretrained", "report.shipped_clip",
    },
    "report": {
        "report.categories", "report.common", "report.decoding", "report.encoding", "report.mapping", "report.pictures",
        "report.recovered", "report.screening", "report.stimulation", "report.subject", "report.browser", "report.fidelity",
        "report.supplied",
    },
}

# papermill and Sphinx import these: no torch there
LIGHT = {"paths", "params", "picturebrowser", "rendering", "sheet", "store", "tables", "_papermill"}


def name_of(path):
    return ".".join(part for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__") or "__init__"


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path):
    """Modules of this library that the module at `path` imports, anywhere in its text."""
    package, found = path.relative_to(PACKAGE).parts[:-1], set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "mindreader"):
            module = (node.module or "").split(".") if node.module else []
            base = [*package[:len(package) - node.level + 1], *module] if node.level else module[1:]
            named = {".".join([*base, alias.name]) for alias in node.names} & set(MODULES)
            found |= named or {".".join(base)}
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_what_the_house_allows(module):
    assert module in MAY_IMPORT, (f"mindreader.{module} is not in the table of tests/test_architecture.py; "
                                  "add it there with what it may import, or take it out of the library")
    beyond = imports(MODULES[module]) - set(MAY_IMPORT[module])
    assert not beyond, f"mindreader.{module} imports {', '.join(sorted(beyond))}, which its row does not allow"


def test_the_table_lists_no_module_that_is_gone():
    assert set(MAY_IMPORT) <= set(MODULES)


def test_the_arrows_never_lead_back():
    seen, path = set(), []

    def visit(module):
        assert module not in path, " imports ".join([*path[path.index(module):], module])
        if module not in seen:
            path.append(module)
            for below in MAY_IMPORT.get(module, ()):
                visit(below)
            path.pop()
            seen.add(module)

    for module in MAY_IMPORT:
        visit(module)


@pytest.mark.parametrize("module", sorted(LIGHT))
def test_light_modules_import_nothing_heavy_at_the_top(module):
    for node in ast.parse(MODULES[module].read_text()).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else \
            [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {n.split(".")[0] for n in names} & {"torch", "open_clip", "matplotlib", "seaborn", "sklearn"}


def test_a_forbidden_import_is_seen(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "records.py").write_text("def f():\n    from . import pipeline\n    from .report.common import x\n")
    assert imports(tmp_path / "records.py") == {"pipeline", "report.common"}
