"""The files around the library agree with each other and with what was promised."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mindreader import experiments, limits

ROOT = Path(__file__).resolve().parents[1]
TOP = {"book", "notebooks", "mindreader", "figures", "tests", "_config.yml", "_toc.yml", "environment.yml", "README.md"}
BESIDE = {"pyproject.toml", "requirements.txt", "Makefile", "LICENSE", ".ci", ".github", ".gitattributes", ".gitignore",
          "CITATION.cff", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks"}
PAGES_IN_ORDER = ["01_screening", "02_mapping", "03_gan", "04_microstimulation", "05_category_auc", "06_encoding_cycle"]


def committed():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [line for line in done.stdout.splitlines() if line]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def asked_for():
    """What the package needs, and what its optional extras do."""
    return [*project()["dependencies"], *(t for extra in project()["optional-dependencies"].values() for t in extra)]


def pins():
    """Name -> exact version, of requirements.txt."""
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    split = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines]
    assert all(split), [line for line, found in zip(lines, split) if not found]
    return {canonicalize_name(found[1]): found[2] for found in split}


def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text())


def test_the_top_level_has_what_was_mandated_and_nothing_else():
    top = {path.split("/")[0] for path in committed()}
    assert top >= TOP - {"figures"}
    assert top <= TOP | BESIDE


@pytest.mark.parametrize("name, target", [
    ("_toc.yml", "../_toc.yml"), ("_config.yml", "../_config.yml"), ("notebooks", "../notebooks"),
])
def test_the_book_reaches_the_top_level_by_links(name, target):
    link = ROOT / "book" / name
    assert link.is_symlink(), f"book/{name} is no link; unpack or clone with symbolic links on (git: core.symlinks=true)"
    assert str(link.readlink()) == target


def test_every_pin_lies_in_the_range_that_the_package_asks_for():
    exact = pins()
    for text in asked_for():
        wanted = Requirement(text)
        version = exact.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is in pyproject.toml but not pinned in requirements.txt"
        assert wanted.specifier.contains(version), f"{wanted} is asked for, {version} is pinned"


def test_the_conda_environment_has_the_same_pins():
    listed = next(d["pip"] for d in conda()["dependencies"] if isinstance(d, dict))
    assert "-e ." in listed
    same = {canonicalize_name(r.name): str(r.specifier)[2:] for r in (Requirement(t) for t in listed if t != "-e .")}
    assert set(same) == {canonicalize_name(Requirement(t).name) for t in asked_for()}
    exact = pins()
    assert same == {name: exact[name] for name in same}


def test_the_conda_environment_finds_the_package_and_the_right_python():
    assert conda()["variables"] == {"PYTHONPATH": "."}
    assert "python=3.11" in conda()["dependencies"]
    assert project()["requires-python"] == ">=3.11"


def test_torch_and_torchvision_are_a_pair():
    exact = pins()
    torch, vision = exact["torch"].split("."), exact["torchvision"].split(".")
    assert int(vision[1]) - int(torch[1]) == 29 - 15, "torchvision 0.(n+14) goes with torch 2.n"
    ranges = {Requirement(t).name: str(Requirement(t).specifier) for t in project()["dependencies"]}
    assert (ranges["torch"], ranges["torchvision"]) == (">=2.11", ">=0.26")


def test_requirements_name_no_host_and_no_index():
    for name in ("requirements.txt", "environment.yml", "pyproject.toml", "Makefile", ".ci/run"):
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", (ROOT / name).read_text()), name


def test_ci_runs_the_readme_s_test_command():
    ci = (ROOT / ".ci" / "run").read_text()
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "set -euo pipefail" in ci and re.search(r"^make test$", ci, re.M)
    readme = (ROOT / "README.md").read_text()
    assert re.search(r"^make test\b", readme, re.M) and re.search(r"^make book\b", readme, re.M)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    steps = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in steps and "make book" in steps
    check = [step.get("run") or step["uses"].partition("@")[0] for step in workflow["jobs"]["check"]["steps"]]
    assert check.index("make site") < check.index("actions/upload-pages-artifact"), "what is published was built before"


def test_the_book_has_all_chapters_in_the_paper_s_order():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    listed = [c["file"] for part in parts for c in part["chapters"] if c["file"].startswith("notebooks/")]
    stems = sorted(p.stem for p in (ROOT / "notebooks").glob("[0-9]*.py"))
    assert listed == [f"notebooks/{stem}" for stem in stems]
    assert [int(stem[:2]) for stem in stems] == list(range(len(stems)))  # pages are numbered by place, from 0
    assert stems[1:7] == PAGES_IN_ORDER


def test_every_page_of_the_table_of_contents_exists():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    pages = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    for page in pages:
        assert any((ROOT / "book" / f"{page}{suffix}").is_file() for suffix in (".md", ".py")), page


def test_the_licence_is_bsd_3():
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("BSD 3-Clause License") and "Neither the name" in text
    assert project()["license"] == "BSD-3-Clause"


def test_departures_that_the_code_cites_are_in_the_ledger():
    ledger = set(re.findall(r"^## (D-\d\d) ", (ROOT / "book" / "departures.md").read_text(), re.M))
    assert len(ledger) > 25
    for path in [*(ROOT / "mindreader").rglob("*.py"), *(ROOT / "notebooks").glob("*.py")]:
        cited = set(re.findall(r"\bD-\d+", path.read_text()))
        assert cited <= ledger, f"{path.name} cites {', '.join(sorted(cited - ledger))}, which the ledger does not have"


def test_departures_are_numbered_without_gaps_and_answered_in_full():
    text = (ROOT / "book" / "departures.md").read_text()
    entries = re.split(r"^## ", text, flags=re.M)[1:]
    assert [e[:4] for e in entries] == [f"D-{n:02d}" for n in range(1, len(entries) + 1)]
    for entry in entries:
        assert re.findall(r"^(The paper|The code|We|It changes)$", entry, re.M) == ["The paper", "The code", "We", "It changes"]


def test_references_that_pages_cite_are_in_the_bibliography():
    known = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.M))
    for page in [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.py")]:
        for keys in re.findall(r"\{cite:[pt]\}`([^`]+)`", page.read_text()):
            assert set(keys.replace(" ", "").split(",")) <= known, (page.name, keys)


# ── the page of parameters ─────────────────────────────────────────────────────────────────────────────────────────────
def parameters_page():
    return (ROOT / "book" / "parameters.md").read_text(encoding="utf-8")


def cells(row):
    """What stands in a table's cells as code or as plain values, read as YAML."""
    return [yaml.safe_load(cell.strip().strip("`")) for cell in row.strip().strip("|").split("|")]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("[0-9]*.py")), ids=lambda p: p.stem)
def test_the_page_of_parameters_has_every_parameter_of_a_chapter_with_its_default(path):
    cell = path.read_text(encoding="utf-8").split('tags=["parameters"]')[1].split("# %%")[0]
    given = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(cell).body if isinstance(node, ast.AnnAssign)}
    shared, *own = re.split(r"^### ", parameters_page(), flags=re.M)
    section = next((text for text in own if text.startswith(path.stem)), "").partition("\n## ")[0]
    rows = {name: yaml.safe_load(default) for name, default in re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", section, re.M)}
    usual = {name: given.pop(name) for name in ("preset", "subject", "seed", "overrides")}
    assert given == rows
    assert all(f"| `{name}` |" in shared for name in usual)
    assert usual == {"preset": "book", "subject": "", "seed": 0, "overrides": {}}


def test_the_page_of_parameters_has_every_setting_in_which_presets_differ():
    presets = [dict(limits.settings(experiments.experiment(name))) for name in experiments.EXPERIMENTS]
    lists = [{name: list(v) if isinstance(v, tuple) else v for name, v in preset.items()} for preset in presets]
    differing = {name: [p[name] for p in lists] for name in lists[0] if len({repr(p[name]) for p in lists}) > 1}
    table = parameters_page().partition("| setting |")[2].partition("\n\n")[0].splitlines()[2:]
    assert {name: values for name, *values in map(cells, table)} == {k: v for k, v in differing.items() if k != "name"}


def test_the_page_of_parameters_has_every_environment_variable():
    files = [*(ROOT / "mindreader").rglob("*.py"), *(ROOT / "notebooks").glob("*.py"), ROOT / "Makefile"]
    read = {name for path in files for name in re.findall(r"MINDREADER_[A-Z]+", path.read_text(encoding="utf-8"))}
    assert read == set(re.findall(r"^\| `(MINDREADER_[A-Z]+)` \|", parameters_page(), re.M))


def test_the_readme_names_every_room_and_a_first_file_that_is_there():
    table = re.findall(r"^\| (`[^|]*) \| [^|]* \| ([^|]*) \| [^|]* \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    rooms = [(name, first) for names, first in table for name in re.findall(r"`(\w+)`", names)]
    there = {path.stem for path in (ROOT / "mindreader").glob("*") if path.name not in ("__init__.py", "__pycache__", "weights")}
    assert {name for name, _ in rooms} == there
    for name, first in rooms:
        for file in re.findall(r"`(\w+)`", first):
            assert any((ROOT / "mindreader" / folder / f"{file}.py").is_file() for folder in (name, "")), f"{name}: no {file}.py"
