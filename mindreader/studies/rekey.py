"""Renew the keys of the committed records after a change of code that changed no result, once that is proven.

    git worktree add /tmp/before COMMIT                         the code that the records are current for
    python -m mindreader.studies rekey /tmp/before              compares, and writes nothing but keys

A key follows from settings, code and weights (`core.keys`), so that a renamed function makes every record call itself stale
though no number could differ. Training all rows again would prove it in an hour; this proves it in minutes:

1. the committed keys are those that the code before gives: the records were current;
2. the code before and the code of today compute every record at the preset smoke (every row, tiny), to the same digits;
3. today's settings at the record's preset are those in the records' cards.

Then, and only then, the keys are replaced in the tables' text, in which no other character changes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from .. import core
from ..experiments import experiment
from ..pipeline import Pipeline
from . import coverage, exam, failures, found, generator_grid, held_out, mapping_grid, refits, stimulated

ONE_KEY = {"held_out": held_out.key, "exam": exam.key, "found": found.key, "failures": failures.key,
           **dict.fromkeys(stimulated.RECORDS, stimulated.key)}     # of a run; one for all rows
TABLES = ("table3", "table4", "table1", "table1_claims", "hits", "refits", "refits_by_fit", "coverage", *ONE_KEY)
PLACE = {"table1": ["name", "seed"], "refits": ["block"], "refits_by_fit": ["block"], "coverage": [], **dict.fromkeys(ONE_KEY, [])}
N_FITS, N_STUDIES = 2, 1        # with which those records are computed for a comparison
DESCRIPTION = "description.json"


def current_keys(preset: str = "book") -> dict[str, dict[str, str]]:
    """The key that today's code gives each row of each committed record: table -> row -> key."""
    run = Pipeline(experiment(preset))
    sizes = run.experiment.grid
    tables = {name: {f"{row.table}/{row.mapper}/{row.name}/{seed}": mapping_grid.row_key(run, row, seed)
                     for row in rows for seed in range(sizes.n_seeds)}
              for name, rows in (("table3", mapping_grid.TABLE3), ("table4", mapping_grid.TABLE4))}
    several = refits.keys_of(run, pd.read_csv(core.FIGURES / "tables" / "refits.csv"))    # of as many fits as are committed
    tables |= {
        "table1": {f"{row.name}/{seed}": generator_grid.row_key(run, row, seed)
                   for row in generator_grid.ROWS for seed in range(sizes.n_painter_seeds)},
        "refits": several, "refits_by_fit": several,
        "coverage": {"": coverage.key()}} | {name: {"": key(run)} for name, key in ONE_KEY.items()}
    return {name: keys for name, keys in tables.items() if (core.FIGURES / "tables" / f"{name}.csv").is_file()}


def describe(folder: Path) -> Path:
    """Path of a description of today's code: the keys of all rows, and all records at the preset smoke, in `folder`."""
    run = Pipeline(experiment("smoke"))
    for study in (mapping_grid, generator_grid, held_out, exam, found):
        study.write_record(run, root=folder)
    for study in (refits, stimulated, failures):
        study.write_record(run, N_FITS, root=folder)
    coverage.write_record(N_STUDIES, root=folder)
    path = folder / DESCRIPTION
    path.write_text(json.dumps({"keys": current_keys(), "settings": core.plain(asdict(experiment("book")))}), encoding="utf-8")
    return path


def numbers(path: Path) -> list[list[str]]:
    """The numbers of a table as they stand in its text, row by row; words and keys left out."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table if path.stem == "hits" else table.drop(columns="key", errors="ignore")    # there it is the trial's
    return [[cell for cell in row if re.fullmatch(r"-?[\d.]+(e[-+]?\d+)?|", cell)] for row in table.to_numpy().tolist()]


def differences(before: Path, after: Path) -> list[str]:
    """What differs between two descriptions but keys and words: sentences, none where it is proven that nothing does."""
    differing = []
    for name in TABLES:
        paths = [folder / "tables" / f"{name}.csv" for folder in (before, after)]
        gone = [str(path) for path in paths if not path.is_file()]
        if gone:
            differing.append(f"{gone[0]} is missing")
        elif numbers(paths[0]) != numbers(paths[1]):
            differing.append(f"{name} has other numbers in {paths[1]} than in {paths[0]}")
    old, new = (json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")) for folder in (before, after))
    for table, rows in old["keys"].items():
        if set(rows) != set(new["keys"].get(table, {})):
            differing.append(f"{table} has other rows")
    return differing + ([] if old["settings"] == new["settings"] else ["the settings of the preset book differ"])


def renewed(path: Path, old: dict[str, str], new: dict[str, str]) -> str:
    """The text of a record's table with the key of each row replaced; raises ValueError where a row has not its old key."""
    table, swap = pd.read_csv(path, dtype=str, keep_default_na=False), {}
    for row, key in zip(rows_of(path.stem, table), table.key):
        if old.get(row) != key or swap.setdefault(key, new[row]) != new[row]:
            raise ValueError(f"{path} has the key {key} for {row or 'its rows'}, where the code before gives {old.get(row)}; "
                             "expected a record that is current for that code")
    return re.sub(rf"(?<=,)({'|'.join(swap)})(?=,|\n|$)", lambda key: swap[key[0]], path.read_text(encoding="utf-8"))


def rows_of(name: str, table: pd.DataFrame) -> list[str]:
    """The row that each line of a record belongs to, under the names of `current_keys`."""
    return ["/".join(row) for row in table[PLACE.get(name, ["table", "mapper", "name", "seed"])].to_numpy().tolist()]


def main(arguments: list[str] | None = None) -> int:
    """Entry point of `python -m mindreader.studies rekey`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m mindreader.studies rekey", description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="a checkout of the code before, or a folder that --describe left there")
    parser.add_argument("--after", type=Path, help="a folder that --describe left here, if it was run before")
    parser.add_argument("--describe", action="store_true", help="only describe this checkout's code into that folder")
    chosen = parser.parse_args(arguments)
    if chosen.describe:
        sys.stdout.write(f"{describe(chosen.before)}\n")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        before = chosen.before
        if not (before / DESCRIPTION).is_file():
            before = Path(scratch) / "before"
            subprocess.run([sys.executable, "-m", "mindreader.studies", "rekey", "--describe", before], cwd=chosen.before,
                           env=os.environ | {"PYTHONPATH": str(chosen.before)}, check=True)
        after = chosen.after or describe(Path(scratch) / "after").parent
        differing = differences(before, after)
        if differing:
            sys.stderr.write("No key was renewed: " + "; ".join(differing) + ".\n")
            return 1
        old, new = (json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["keys"] for folder in (before, after))
    paths = [core.FIGURES / "tables" / f"{table}.csv" for table in old]
    for path, text in {path: renewed(path, old[path.stem], new[path.stem]) for path in paths}.items():
        with core.atomic_write(path) as part:
            part.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}: {len(set(old[path.stem].values()))} keys renewed, nothing else\n")
    return 0
