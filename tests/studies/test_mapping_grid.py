"""Tables 3 and 4: the rows are the paper's, every fit is kept, a killed grid loses and repeats nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from mindreader import pipeline
from mindreader.studies import mapping_grid as grid
from mindreader.scoring import distances, intervals, ranking
from mindreader.studies.claims import CLAIMS, fits, verdicts
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline
from mindreader.records import LayoutError
from mindreader.core.store import Store
from mindreader.core.paper import paper_value

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "evaluate.n_retrieval": 10, "grid.n_pictures": 0,
        "mapping.n_blocks": 1, "mapping.hidden": 8, "mapping.fc_hidden": 8}
SOME = ("threshold", "no threshold", "MSE+cos", "MSE+cos then +Contra")   # of the caption mapper
CODE = """
import json, sys
from mindreader.core import Store
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline
from mindreader.studies import mapping_grid as grid

run = Pipeline(experiment("smoke", json.loads(sys.argv[1])), Store(sys.argv[2]))
rows = [row for row in grid.TABLE3 if row.mapper == "f_mc" and row.name in sys.argv[3].split(",")]
grid.run_grid(run, rows, 2).to_csv(sys.argv[4], index=False)
"""


def caption_rows(*names):
    return [row for row in grid.TABLE3 if row.mapper == "f_mc" and row.name in names]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Pipeline(experiment("smoke", TINY), Store(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def table(run):
    return grid.run_grid(run, caption_rows(*SOME), 2)


# ── the rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("row", (*grid.TABLE3, *grid.TABLE4), ids=lambda row: f"{row.table} {row.mapper} {row.name}")
def test_every_row_stands_in_the_paper(row):
    counts = [paper_value(row.printed, row.mapper, row.name, f"{direction} hits of 300") for direction in ranking.DIRECTIONS]
    assert all(0 < count < 300 for count in counts)


def test_the_rows_are_all_that_the_claims_ask_for():
    assert set(fits(CLAIMS)) <= {(row.mapper, row.name) for row in (*grid.TABLE3, *grid.TABLE4)}


def test_each_question_has_rows_and_none_has_none():
    for ablation in grid.ABLATIONS:
        assert bool(grid.rows_of(ablation)) == (ablation != "none")
    assert {row.name for row in grid.rows_of("captions")} == {"fixed caption", "random caption", "average caption"}
    with pytest.raises(ValueError, match="got ablation 'loses', expected one of record, none, clamp"):
        grid.rows_of("loses")


def test_rows_that_are_one_recipe_are_fitted_once():
    config = experiment("book")
    fitted = grid.fits_of(config, (*grid.TABLE3, *grid.TABLE4), 3)
    assert len(fitted) == 3 * (12 - 2 + 13 - 2 + 1)      # the base stands thrice for each mapper; f_res is one more
    names = [names for (space, recipe, repeat), names in fitted.items()
             if space == "image" and recipe.loss == "mse+cos" and recipe.clamp and recipe.augment and repeat == 2
             and recipe.auxiliary == "none"]
    assert names == ["f_mi threshold, f_mi image augmentation, f_mi MSE+cos"]
    assert {recipe.epochs for _, recipe, _ in fitted} == {config.grid.epochs[:1], config.grid.epochs}
    lengths = [len(recipe.phases) for _, recipe, _ in fitted]
    assert lengths == sorted(lengths)                    # what others start from comes first


# ── the scores ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_one_line_for_each_row_seed_and_direction(table):
    assert len(table) == len(SOME) * 2 * 2 and set(table.seed) == {0, 1}
    assert set(intervals.SCORE_COLUMNS) <= set(table.columns) and (table.note == "").all() and (table.protocol != "").all()
    same = table.set_index(["name", "seed", "metric"]).sort_index()
    pd.testing.assert_frame_equal(same.loc["threshold", ["value", "key"]], same.loc["MSE+cos", ["value", "key"]])
    assert same.loc["threshold", "key"].nunique() == 2


def test_a_count_is_what_counting_by_hand_gives(run, table):
    recipe = caption_rows("no threshold")[0].recipes(run.experiment)[0][1]
    embeddings, truth = run.decoded("caption", recipe, 1), grid.candidates(run, "caption", replace(recipe, caption_choice="average"))
    batch, _ = grid.row_batch(run, caption_rows("no threshold")[0], 1)
    order = np.argsort(embeddings.keys)[:10]
    assert np.array_equal(batch.keys, embeddings.keys[order])
    assert set(truth.image_ids) == set(run.split.validation) and len(truth) == len(set(truth.image_ids))
    ids = embeddings.image_ids[order]
    found = sum(ids[j] == ids[batch.similarity[:, j].argmax()] for j in range(10))
    line = table[(table.name == "no threshold") & (table.seed == 1) & (table.metric == "retrieval forward")].iloc[0]
    assert line.hits == found and line.value == found / 10


@pytest.mark.parametrize("choice", ["first", "average"])
def test_the_candidates_are_what_the_mapper_aims_at(run, choice):
    recipe = replace(run.experiment.mapping, caption_choice=choice, clamp=None)
    raw, given = run.validation(run.aims("caption")), grid.candidates(run, "caption", recipe)
    for image in given.image_ids[:20]:
        mine = raw.take(raw.image_ids == image)
        wanted = mine.vectors.mean(0) if choice == "average" else mine.vectors[mine.keys.argmin()]
        assert cosine_similarity(given.at([image]), wanted[None]) == pytest.approx(1, abs=1e-6)


def test_the_sum_of_two_mappers_is_scored_on_other_trials_than_its_weights(run, monkeypatch):
    chosen, choose = [], ranking.choose_weights
    monkeypatch.setattr(ranking, "choose_weights", lambda batches, **how: chosen.append(batches) or choose(batches, **how))
    row = grid.TABLE4[3]
    one = replace(row, fits=(row.fits[1], ("resnet", ())))      # the caption mapper and the third, for speed
    batch, weights = grid.row_batch(run, one, 0)
    assert not set(batch.keys) & set(chosen[0][0].keys) and len(chosen[0]) == 2
    assert sum(map(float, weights.split())) == pytest.approx(1)


def test_hits_are_listed_trial_by_trial_and_tested_in_pairs(run, table):
    found = grid.hits(run, caption_rows(*SOME), 2)
    for (_, name), trials in found.items():
        for direction in ranking.DIRECTIONS:
            counts = table[(table.name == name) & (table.metric == f"retrieval {direction}")].set_index("seed").hits
            assert trials.groupby("seed")[direction].sum().tolist() == counts.tolist()
    tested = verdicts([claim for claim in CLAIMS if claim.mapper == "f_mc"], found)
    assert "2 seeds in common, 3 are needed" in set(tested.note)


def test_a_row_that_stands_in_both_tables_is_listed_once(run):
    alone, twice = (grid.hits(run, rows, 1)["f_mc", "MSE+cos then +Contra"] for rows in (
        caption_rows("MSE+cos then +Contra"), (*caption_rows("MSE+cos then +Contra"), grid.TABLE4[1])))
    assert (grid.TABLE4[1].mapper, grid.TABLE4[1].name) == ("f_mc", "MSE+cos then +Contra")
    pd.testing.assert_frame_equal(alone, twice)


def test_a_row_that_diverges_is_kept_with_its_step_and_the_others_go_on(run, monkeypatch):
    wild = replace(caption_rows("MSE")[0], fits=(("caption", (("loss", "mse"), ("learning_rate", 1e30))),))
    table = grid.run_grid(run, [wild, *caption_rows("MSE+cos")], 1)
    lost, fine = table[table.name == "MSE"], table[table.name == "MSE+cos"]
    assert lost.value.isna().all() and fine.value.notna().all() and len(lost) == len(fine) == 2
    assert lost.note.str.match(r"diverged: the loss '1 squared error' became (nan|inf) at .*epoch 1").all()
    assert set(grid.hits(run, [wild, *caption_rows("MSE+cos")], 1)) == {("f_mc", "MSE+cos")}


def test_the_starting_generator_s_distance_is_kept(run, monkeypatch):
    small = Pipeline(replace(run.experiment, grid=replace(run.experiment.grid, n_pictures=8)), run.store)
    recipe = caption_rows("MSE+cos")[0].recipes(small.experiment)[0][1]
    first = grid.starting_distance(small, "caption", recipe, 0)
    embeddings = small.decoded("caption", recipe, 0)
    features = small.picture_features(small.reconstruct({"caption": embeddings.take(np.argsort(embeddings.keys)[:8])}, "cap", finetuned=False))
    assert first.value[0] == distances.frechet_distance(features, small.validation(small.true_features))
    monkeypatch.setattr(pipeline.Pipeline, "reconstruct", None)
    pd.testing.assert_frame_equal(grid.starting_distance(small, "caption", recipe, 0), first)


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def recorded(run, tmp_path_factory):
    """Both tables, of a few rows, written as the committed ones are."""
    root = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "TABLE3", tuple(caption_rows(*SOME)))
        patch.setattr(grid, "TABLE4", (grid.TABLE4[2],))
        grid.write_record(run, 2, root=root)
    return root


def test_the_record_is_read_back_and_holds(run, table, recorded):
    table3, table4, stale = grid.read_record(run, recorded)
    assert stale is None and set(table4.name) == {"alone"}
    columns = ["name", "metric", "value", "low", "high", "n", "seed", "hits", "key", "protocol"]
    pd.testing.assert_frame_equal(table3[columns], table[columns], check_dtype=False, rtol=1e-5)
    now, then = grid.hits(run, caption_rows(*SOME), 2), grid.read_hits(recorded)
    for names, trials in now.items():
        by = ["seed", "key"]
        pd.testing.assert_frame_equal(then[names].sort_values(by, ignore_index=True)[trials.columns],
                                      trials.sort_values(by, ignore_index=True), check_dtype=False)
    assert json.loads((recorded / "tables" / "table3.json").read_text())["experiment"]["name"] == "smoke"


def test_a_record_of_other_settings_or_numbers_says_so(run, recorded, tmp_path):
    other = Pipeline(replace(run.experiment, mapping=replace(run.experiment.mapping, batch=16)), run.store)
    assert "made with other settings, code or weights than this run has, for 10 of its 10 rows" in \
        grid.read_record(other, recorded)[2]
    (tmp_path / "tables").mkdir()
    for name in ("table3", "table4"):
        changed = pd.read_csv(recorded / "tables" / f"{name}.csv")
        if name == "table3":
            changed.loc[0, "hits"] += 1
        changed.to_csv(tmp_path / "tables" / f"{name}.csv", index=False)
    assert "hits for f_mc, threshold, seed 0, where this machine finds" in grid.read_record(run, tmp_path)[2]
    with pytest.raises(LayoutError, match="no table3.csv in .*run `make tables`"):
        grid.read_record(run, tmp_path / "nowhere")


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--processes", "0"]])
def test_the_command_refuses_zero_seeds_or_processes(arguments, capsys):
    with pytest.raises(SystemExit):
        grid.main(["--preset", "smoke", *arguments])
    assert "expected whole numbers from 1" in capsys.readouterr().err


# ── killed, and side by side ───────────────────────────────────────────────────────────────────────────────────────────
def begin(store, out, names=SOME):
    return subprocess.Popen([sys.executable, "-c", CODE, json.dumps(TINY), str(store), ",".join(names), str(out)],
                            start_new_session=True, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "2"})


def finished(store):
    """Each finished stage of the mappers and when it was made."""
    return {path.parent.name: path.stat().st_mtime_ns for path in (store / "mapped").glob("[0-9a-f]*/made.json")}


def test_a_grid_killed_between_rows_and_inside_one_loses_nothing_and_repeats_nothing(table, tmp_path):
    store = tmp_path / "store"
    for moment in ("mapped/*/embeddings.npz", "unfinished/mapped/*/checkpoint.pt"):
        before = finished(store)
        child = begin(store, tmp_path / "never.csv")
        while not [p for p in store.glob(moment) if p.parent.name not in before]:
            assert child.poll() is None, f"it ended, {child.returncode}, before there was a new {moment}"
            time.sleep(0.002)
        os.killpg(child.pid, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
        assert before.items() <= finished(store).items()
    half = finished(store)
    assert begin(store, tmp_path / "whole.csv").wait(600) == 0
    assert half.items() <= finished(store).items() and len(finished(store)) > len(half) > 0
    whole = pd.read_csv(tmp_path / "whole.csv", dtype=dict.fromkeys(grid.WORDS, str)).fillna({"note": "", "weights": ""})
    pd.testing.assert_frame_equal(whole, table.reset_index(drop=True), check_dtype=False, check_exact=False, rtol=1e-12)


def test_two_processes_give_the_bits_of_one(run, table, tmp_path):
    pair = Pipeline(run.experiment, Store(tmp_path))
    pd.testing.assert_frame_equal(grid.run_grid(pair, caption_rows(*SOME), 2, processes=2), table, check_exact=True)
    for (space, recipe, repeat) in grid.fits_of(run.experiment, caption_rows(*SOME), 2):
        assert np.array_equal(pair.decoded(space, recipe, repeat).vectors, run.decoded(space, recipe, repeat).vectors)
