"""Tables 1 and 5: every variant is trained as it says, kept, scored by an outside count, and compared pair by pair."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from mindreader import generator
from mindreader.studies import generator_grid as grid
from mindreader.experiments import CONDITIONS, experiment
from mindreader.generator.steps import BUGS
from mindreader.pipeline import Pipeline
from mindreader.records import Diverged, LayoutError
from mindreader.core.store import Store

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1], "grid.painter_kimg": 0.008,
        "gan.pseudo_kimg": 0.008, "gan.tick_kimg": 0.008}
BASE, END = grid.BASE["both"], next(row for row in grid.ROWS if row.end_to_end == 0.1 and not row.bugs)
SUPERVISED = replace(BASE, start="supervised")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Pipeline(experiment("smoke", TINY), Store(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def found(run):
    return grid.train_rows(run, (BASE, SUPERVISED, END), 1)


# ── the rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_tables_cross_heads_starts_and_the_low_level_loss_once_each():
    cells = {(row.cond, row.start, row.low_level) for row in grid.TABLE1}
    assert len(cells) == len(grid.TABLE1) == 3 * 2 * 2 and {cond for cond, *_ in cells} == set(CONDITIONS)
    assert len({row.name for row in grid.ROWS}) == len(grid.ROWS)


def test_every_published_bug_is_a_row_and_every_comparison_has_its_rows():
    assert {bug for row in grid.ROWS for bug in row.bugs} == set(BUGS)
    assert all(c.better in grid.ROWS and c.worse in grid.ROWS for c in grid.COMPARISONS)
    for c in grid.COMPARISONS:  # one thing differs, or the claim would be of two
        differs = [name for name in ("cond", "start", "low_level", "end_to_end", "bugs")
                   if getattr(c.better, name) != getattr(c.worse, name)]
        assert len(differs) == 1, c


def test_a_row_changes_what_it_names_and_nothing_else():
    usual = experiment("smoke")
    row = grid.Row("tables", "cap", "supervised", low_level=True, end_to_end=0.1, bugs=("zero_z",))
    changed = row.variant(usual, 2)
    assert (changed.start, changed.end_to_end, changed.gan.low_level) == ("generator_sup", 0.1, True)
    assert changed.gan.published_bugs == ("zero_z",) and changed.gan.repeat == 2 and changed.gan.kimg == usual.grid.painter_kimg
    back = replace(changed, start=usual.start, end_to_end=0.0, gan=usual.gan)
    assert back == usual


def test_each_question_has_rows_and_none_has_none():
    for ablation in grid.ABLATIONS:
        assert bool(grid.rows_of(ablation)) == (ablation != "none")
    with pytest.raises(ValueError, match="got ablation 'table', expected one of record, none, tables"):
        grid.rows_of("table")


# ── training and scoring ───────────────────────────────────────────────────────────────────────────────────────────────
def test_rows_are_scored_as_an_outside_count_scores_them(run, found):
    trained = found[BASE, 0]
    line = trained.lines[trained.lines.metric == "2-way identification"].iloc[0]
    embeddings, real = trained.features, run.true_features
    ids = np.unique(embeddings.image_ids)
    near = cosine_similarity(embeddings.vectors, real.at(ids))
    own = np.searchsorted(ids, embeddings.image_ids)
    mine = near[np.arange(len(own)), own]
    won = [(near[i, np.arange(len(ids)) != own[i]] < mine[i]).mean() for i in range(len(own))]
    assert line.value == pytest.approx(np.mean(won), abs=1e-6) and line.n == len(own)
    assert abs(line.drawn - line.value) < 4 * line.drawn_sd + 0.02


def test_the_key_of_a_row_is_that_of_its_own_training(run, found):
    keys = {row.name: trained.lines.key.unique().tolist() for (row, _), trained in found.items()}
    assert all(len(key) == 1 for key in keys.values()) and len({key for (key,) in keys.values()}) == 3
    assert keys[END.name] == [grid.row_key(run, END)]
    # the mappers were trained along: the conditions moved, in both spaces
    together = grid.variant(run, END)
    for space in CONDITIONS["both"]:
        assert not np.allclose(together.conditions("both")[space].vectors, run.mapped[space].vectors)


def test_finished_rows_are_found_again(run, found, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(generator, "train_gan", refuse)
    monkeypatch.setattr(generator, "train_jointly", refuse)
    again = grid.train_rows(run, (BASE, END), 1)
    for row in (BASE, END):
        pd.testing.assert_frame_equal(again[row, 0].lines, found[row, 0].lines)


def test_a_training_that_diverged_says_so_and_is_in_no_comparison(run, found, monkeypatch):
    def diverge(*_, **__):
        raise Diverged("the generator's loss 'clip' is nan at step 3")

    monkeypatch.setattr(generator, "train_gan", diverge)
    lost = grid.train_row(run, replace(BASE, low_level=True))
    assert lost.features is None and np.isnan(lost.lines.value).all()
    assert lost.lines.note.str.contains("diverged: the generator's loss 'clip'").all()
    low = grid.compare(run, found | {(replace(BASE, low_level=True), 0): lost})
    assert "low-level loss helps" not in set(low.claim)


# ── comparisons ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_gain_is_the_difference_of_the_two_scores(run, found):
    table = grid.compare(run, found)
    line = table[(table.worse == SUPERVISED.name) & table.metric.str.startswith("2-way")].iloc[0]
    scores = [found[row, 0].lines.set_index("metric").value["2-way identification"] for row in (BASE, SUPERVISED)]
    assert line.value == pytest.approx(scores[0] - scores[1], abs=1e-9) and line.low <= line.value <= line.high
    far = table[(table.worse == SUPERVISED.name) & table.metric.str.startswith("FD")].iloc[0]
    distances = [found[row, 0].lines.set_index("metric").value["FD (twin features)"] for row in (BASE, SUPERVISED)]
    assert far.value == pytest.approx(distances[1] - distances[0], rel=1e-4)
    assert set(table.claim) == {"language-free start beats supervised", "frozen mappers beat end to end"}


def test_seeds_differ_in_mappers_and_finetuning_and_are_averaged(run, found):
    again = grid.train_rows(run, (BASE, SUPERVISED), 2)
    assert again[BASE, 0].lines.equals(found[BASE, 0].lines)
    first, second = (grid.variant(run, BASE, seed) for seed in (0, 1))
    for space in CONDITIONS["both"]:
        assert not np.allclose(first.mapped[space].vectors, second.mapped[space].vectors)
    assert grid.row_key(run, BASE, 0) != grid.row_key(run, BASE, 1)
    values = [again[BASE, seed].lines.set_index("metric").value for seed in (0, 1)]
    means = grid.over_seeds(run, again).set_index(["name", "metric"])
    for metric in ("2-way identification", "FD (twin features)"):
        line = means.loc[(BASE.name, metric)]
        assert line.value == pytest.approx(np.mean([value[metric] for value in values]), abs=1e-5)
        assert line.low < line.value < line.high and line.n_seeds == 2 and line.covers.endswith("x 2 fits")
    line, = grid.compare(run, again).query("metric == '2-way identification, difference'").itertuples()
    apart = [again[BASE, seed].lines.value.iloc[0] - again[SUPERVISED, seed].lines.value.iloc[0] for seed in (0, 1)]
    assert (line.lowest, line.highest) == pytest.approx((min(apart), max(apart)), abs=1e-6) and line.n_seeds == 2


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_record_is_what_was_trained_until_something_changes(run, found, tmp_path, monkeypatch):
    monkeypatch.setattr(grid, "ROWS", (BASE, SUPERVISED, END))
    for path in grid.write_record(run, 1, root=tmp_path):
        assert path.is_file() and path.with_suffix(".json").is_file()
    table, means, compared, stale = grid.read_record(run, tmp_path)
    assert stale is None and len(compared) == 4 and len(means) == 6
    pd.testing.assert_frame_equal(table[table.name == BASE.name].reset_index(drop=True)[["metric", "value", "low", "high"]],
                                  found[BASE, 0].lines[["metric", "value", "low", "high"]], check_dtype=False)
    other = Pipeline(replace(run.experiment, gan=replace(run.experiment.gan, learning_rate=0.001)), run.store)
    assert "for 3 of its 3 trainings; `make tables` makes it anew" in grid.read_record(other, tmp_path)[3]


def test_without_a_record_it_says_how_to_make_one(run, tmp_path):
    with pytest.raises(LayoutError, match="no table1.csv in .*, expected the record of Tables 1 and 5; run `make tables`"):
        grid.read_record(run, tmp_path)


# ── starts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_without_a_pretrained_generator_one_is_trained_from_pseudo_conditions(run, monkeypatch):
    trained, train = [], generator.train_gan

    def watch(pictures, rows, conditions, config, **options):
        trained.append((config.noise_levels, options["start"] is None, conditions))
        return train(pictures, rows, conditions, config, **options)

    monkeypatch.setattr(generator, "train_gan", watch)
    mine = grid.variant(run, grid.Row("nothing pretrained", "img", "none"))
    mine.generator("img")
    (first, second) = trained
    assert first[:2] == ((0.75, 0.75), True) and second[:2] == (run.experiment.gan.noise_levels, False)
    truth = run.training(run.truth["image"]).vectors
    assert np.array_equal(first[2][0], truth) and np.array_equal(second[2][0], run.training(run.mapped["image"]).vectors)
