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
    "layers": set(),
    "losses": set(),
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
    "bottleneck": {"records"},
    "captions": {"records"},
    "design": {"records"},
    "mentions": {"scenes"},
    "params": {"paths"},
    "plots_pictures": {"plots"},
    "plots_mapping": {"plots"},
    "plots_subject": {"plots"},
    "reconstruct": {"records"},
    "recovery": {"records"},
    "regions": {"records"},
    "sampling": {"scenes"},
    "scores": {"records"},
    "store": {"paths", "rendering"},
    "stylegan": {"layers"},
    "tables": {"paths"},
    # layer 2
    "fitting": {"memory", "records", "store"},
    "cache": {"store"},
    "claims": {"scores", "tables"},
    "controls": {"records", "scores"},
    "cortex": {"regions"},
    "frechet": {"records", "scores"},
    "hubness": {"records", "scores"},
    "judging": {"records", "scores"},
    "kinds": {"records", "scores"},
    "modelcards": {"paths", "plots", "rendering", "tables"},
    "nb": {"paths", "store"},
    "outlines": {"annotations"},
    "parallel": {"store"},
    "picturebrowser": {"paths", "sheet"},
    "protocols": {"controls", "records", "scores"},
    "scene_rendering": {
        "appearance_living", "appearance_objects", "appearance_stuff", "canvas", "sampling", "scenes",
    },
    "schooling": {"paths", "records", "store"},
    "sentences": {"appearance_living", "sampling", "scenes"},
    "sphinxext": {"modelcards", "paths", "picturebrowser", "tables"},
    "weights": {"paths", "records", "store"},
    # layer 3
    "auxiliary": {"fitting", "losses"},
    "readout": {"fitting", "records", "scores"},
    "brain": {"cortex", "regions", "scenes"},
    "coco": {"scene_rendering", "scenes", "sentences"},
    "world": {"paths", "sampling", "scene_rendering", "scenes", "sentences", "store"},
    "embed": {"augment", "records", "smallnets", "weights"},
    "gan_steps": {"layers", "losses", "parallel", "stylegan"},
    "nsd": {"annotations", "cache", "design", "records", "regions"},
    # layer 4
    "mapping": {"auxiliary", "fitting", "halfwidth", "losses", "records"},
    "gan": {"gan_steps", "memory", "parallel", "records", "store", "stylegan", "weights"},
    "eight": {"embed", "protocols", "records", "scores"},
    "pretrain_clip": {"embed", "scenes", "schooling", "store", "weights", "world"},
    "pretrain_nets": {"losses", "schooling", "smallnets", "weights", "world"},
    "session": {"brain", "cortex"},
    "twinfiles": {"cortex", "nsd", "regions"},
    # layer 5
    "baselines": {"fitting", "mapping", "records"},
    "encoding": {"fitting", "losses", "mapping", "records", "scores"},
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
        "claims", "experiments", "hubness", "mapping", "params", "paths", "pipeline", "records", "scores", "store",
    },
    "costs": {"experiments", "fitting", "grid", "losses", "mapping", "paths", "store"},
    "gan_grid": {
        "claims", "experiments", "frechet", "gan_steps", "grid", "joint", "params", "paths", "pipeline", "records", "scores",
        "store",
    },
    "chapter": {"experiments", "gan_grid", "params", "paths", "pipeline", "rendering", "store"},
    "report.common": {"pipeline", "records", "scores"},
    "report.screening": {"captions", "pipeline", "records", "scores", "tables"},
    "report.held_out": {
        "params", "pipeline", "sampling", "scene_rendering", "scenes", "sentences", "store", "weights", "world",
    },
    "report.subject": {
        "design", "flatmap", "nsd", "outlines", "paths", "pipeline", "records", "recovery", "regions", "twin",
    },
    # layer 9
    "report.categories": {"params", "pipeline", "readout", "report.common", "scores", "tables"},
    "report.decoding": {"pipeline", "recovery", "report.common", "report.subject", "scenes", "scores"},
    "report.finetuning": {"claims", "gan_grid", "params", "pipeline", "records", "report.common", "report.pictures", "tables"},
    "report.ablation": {"claims", "costs", "embed", "experiments", "grid", "params", "pipeline", "scores", "tables"},
    "report.hubs": {"controls", "hubness", "mapping", "pipeline", "records", "report.common", "scores"},
    "report.mapping": {
        "controls", "mapping", "pipeline", "protocols", "records", "report.common", "scores", "tables",
    },
    "report.misses": {"pipeline", "report.common", "scores"},
    "report.pictures": {
        "controls", "embed", "experiments", "kinds", "pipeline", "records", "report.common", "scores", "tables",
    },
    "report.splits": {
        "baselines", "controls", "nsd", "paths", "pipeline", "records", "report.common", "scores", "store",
    },
    "report.targets": {"augment", "mapping", "pipeline", "records", "recovery", "report.common", "scores"},
    "report.stimulation": {"pipeline", "reconstruct", "records", "report.common", "scores"},
    "report.shipped_clip": {
        "embed", "mentions", "pipeline", "pretrain_clip", "records", "report.common", "report.held_out", "scenes",
        "scores",
    },
    # layer 10
    "report.recovered": {
        "pipeline", "pretrain_clip", "readout", "recovery", "regions", "report.decoding", "report.screening",
        "report.subject", "scenes", "scores", "weights",
    },
    "report.pretrained": {
        "gan", "judging", "pipeline", "report.common", "report.held_out", "report.shipped_clip", "scores", "weights",
    },
    "report.browser": {
        "eight", "embed", "experiments", "kinds", "pipeline", "report.common", "report.pictures", "scores", "sheet", "store",
    },
    "report.fidelity": {"frechet", "pipeline", "report.pictures", "scores"},
    "report.encoding": {"encoding", "pipeline", "records", "report.common", "report.pictures", "scores"},
    "report.foreign": {
        "experiments", "gan", "pipeline", "reconstruct", "records", "report.common", "report.held_out",
        "report.pictures", "scene_rendering", "scores", "weights",
    },
    "report.showings": {
        "pipeline", "records", "recovery", "report.common", "report.pictures", "scenes", "scores",
    },
    "report.unmet": {
        "experiments", "grid", "kinds", "paths", "pipeline", "records", "report.common", "report.pictures", "scores", "store",
    },
    # layer 11
    "report.supplied": {
        "bottleneck", "eight", "embed", "experiments", "kinds", "pipeline", "records", "report.common", "report.fidelity",
        "report.pictures", "scores",
    },
    "report.interpolation": {
        "embed", "gan", "pipeline", "report.held_out", "report.pretrained", "report.shipped_clip", "scores",
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
