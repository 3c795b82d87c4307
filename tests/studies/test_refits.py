"""Refits: each is another fit of the whole chain, found again after a kill, scored as the chapters score, and read back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mindreader import pipeline, scoring, uncertainty
from mindreader.companion.refitted import beside_record
from mindreader.core import Store
from mindreader.experiments import experiment
from mindreader.pipeline import NEEDS, Pipeline
from mindreader.records import LayoutError
from mindreader.studies import refits
from mindreader.studies.refits import fits, record

TINY = {"twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1], "encoder.epochs": 1, "category.epochs": 1,
        "evaluate.ways": [2, 5],
        "evaluate.n_retrieval": 8}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A run whose finetunings take no time, their calls, and the record of two fits of everything."""
    calls, patch = [], pytest.MonkeyPatch()

    def train(images, rows, conditions, config, **settings):
        calls.append((settings["seed"], config.repeat, conditions))
        return settings["start"]

    patch.setattr(pipeline.generator, "train_gan", train)
    run, root = Pipeline(experiment("smoke", TINY), Store(tmp_path_factory.mktemp("store"))), tmp_path_factory.mktemp("figures")
    refits.write_record(run, 2, root=root)
    yield run, calls, refits.read_record(run, root), root
    patch.undo()


# ── fits ───────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_first_fit_is_the_run_itself_and_others_change_the_keys_of_what_is_fitted_alone():
    run = Pipeline(experiment("smoke"))
    other = refits.refit(run, 2)
    assert refits.refit(run, 0) is run and refits.refit(run, 2) is other
    for stage in ("subject", "embeddings", "captions", "low level"):
        assert other.key(stage, {}) == run.key(stage, {})
    for stage in fits.FITTED:
        assert stage in NEEDS and other.key(stage, {})["repeat"] == 2 and "repeat" not in run.key(stage, {})
    assert other.mapper_key("image", run.recipe("image"), 2) == run.mapper_key("image", run.recipe("image"), 2)


def test_each_generator_is_finetuned_on_its_own_mappers_from_its_own_seed(quick):
    run, calls, _, _ = quick
    seeds = [seed for seed, _, _ in calls]
    assert len(calls) == len(set(seeds)) == 6       # three conditions, two fits
    for repeat in (0, 1):
        trained = [conditions for _, each, conditions in calls if each == repeat]
        this = refits.refit(run, repeat)
        mine = this.training(this.mapped["image"]).vectors
        assert sum(np.array_equal(conditions[0], mine) for conditions in trained) == 2      # of "img" and of "both"
    assert not np.allclose(refits.refit(run, 1).mapped["image"].vectors, run.mapped["image"].vectors)
    assert not np.allclose(refits.refit(run, 1).encoder.predict(run.truth["image"]), run.encoder.predict(run.truth["image"]))


def test_a_refits_mapper_is_that_of_the_grids(quick):
    run, _, _, _ = quick
    mine, theirs = refits.refit(run, 1).mapper("caption"), run.mapper("caption", repeat=1)
    for one, two in zip(mine.network.parameters(), theirs.network.parameters()):
        assert torch.equal(one, two)


# ── scores ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_first_fit_scores_as_the_chapters_score(quick):
    run, _, found, _ = quick
    features = fits.picture_features(run, 0, "both")
    two_way = scoring.identification(features, run.true_features, n_choices=2)
    first = found.by_fit[(found.by_fit.fit == 0)].set_index(["name", "metric"]).value
    assert first["both", "2-way identification"] == pytest.approx(two_way.value[0], abs=1e-5)
    real = run.validation(run.true_features)
    assert first["img", "FD (twin features)"] == pytest.approx(
        scoring.frechet_distance(fits.picture_features(run, 0, "img"), real), rel=1e-4)
    batch = scoring.retrieval_batch(run.validation(run.mapped["image"]), run.truth["image"], n=8, seed=0)
    assert first["image mapper", "retrieval backward"] == pytest.approx(scoring.hits(batch, "backward").mean(), abs=1e-5)
    labels = scoring.category_labels(run.subject.stimuli)
    table = scoring.category_table({"fMRI": fits.category_logits(run, 0, "fMRI")}, run.subject.validation, labels, n_bootstrap=2)
    assert first["fMRI", "AUC overall"] == pytest.approx(table.set_index("metric").value["AUC overall"], abs=1e-5)


def test_every_headline_number_has_its_interval_and_says_what_it_covers(quick):
    _, _, found, _ = quick
    for name, metric in (("image mapper", "retrieval forward"), ("both mappers", "retrieval backward"), ("both", "2-way identification"),
                         ("cap", "FD (twin features)"), ("both less img", "2-way identification, difference"),
                         ("img, before less after finetuning", "FD (twin features), difference"), ("after the cycle", "2-way identification"),
                         ("all voxels", "encoding r, mean over voxels"), ("fMRI → CLIP", "AUC things")):
        row = found.row(name, metric)
        assert row.low <= row.value <= row.high and row.covers == f"{row.n_pictures} pictures x 2 fits", (name, metric)
        values = found.by_fit[(found.by_fit.name == name) & (found.by_fit.metric == metric)].value
        assert row.value == pytest.approx(values.mean(), rel=1e-4, abs=1e-5) and row.lowest == pytest.approx(values.min(), abs=1e-5)
    assert (found.scores.metric == "change of cosine").any()
    with pytest.raises(LayoutError, match="has 0 scores 'img', 'beauty', expected one"):
        found.row("img", "beauty")


# ── the record ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_kept_contributions_give_the_rows_interval_again_and_any_difference(quick):
    _, _, found, _ = quick
    one, two = (found.contributions(cond, "2-way identification") for cond in ("both", "cap"))
    row = found.row("both", "2-way identification")
    again = uncertainty.score_interval(one, null=0.5)
    assert (again.low, again.high) == pytest.approx((row.low, row.high), rel=1e-4)
    apart, row = uncertainty.score_interval(one - two), found.row("both less cap", "2-way identification, difference")
    assert (apart.low, apart.high) == pytest.approx((row.low, row.high), rel=1e-3, abs=1e-5)
    with pytest.raises(LayoutError, match="no both--5-way-identification.npz"):
        found.contributions("both", "5-way identification")


def test_a_record_is_current_until_something_changes(quick):
    run, _, found, root = quick
    assert found.is_current
    assert not refits.read_record(Pipeline(replace(run.experiment, seed=1), run.store), root).is_current
    stale = refits.read_record(Pipeline(experiment("smoke", TINY | {"encoder.epochs": 2}), run.store), root)
    assert "made with other settings, code or weights" in stale.source and f"for {(found.scores.block == 'encoder').sum()} of" in stale.source
    with pytest.raises(LayoutError, match="no refits.csv in .*, expected the record of refits"):
        refits.read_record(run, root / "none")


def test_a_chapter_sets_its_fit_beside_the_record_of_this_run_and_of_no_other(quick):
    run, _, found, root = quick
    own = pd.DataFrame({"name": ["both heads", "both heads", "nobody"], "metric": ["2-way identification", "beauty", "beauty"],
                        "value": [0.25, 0.5, 0.75]})
    beside = beside_record(run, own, {"both heads": "both"}, root=root)
    row = found.row("both", "2-way identification")
    assert list(beside.name) == ["both heads"] and beside["this fit"][0] == 0.25
    assert (beside.fits[0], beside.low[0], beside.high[0], beside.n_seeds[0]) == (row.value, row.low, row.high, 2)
    other = Pipeline(replace(run.experiment, seed=1), run.store)
    assert "made with other settings" in beside_record(other, own, root=root)
    assert "Left out: no refits.csv in" in beside_record(run, own, root=root / "none")
    photographs = type("OfNSD", (Pipeline,), {"origin": "nsd"})(run.experiment, run.store)
    assert "the simulated subject's" in beside_record(photographs, own, root=root / "none")


def test_a_run_that_was_killed_goes_on_where_it_was(quick, tmp_path, monkeypatch):
    run, _, found, _ = quick
    fresh, done, train = Pipeline(run.experiment, Store(tmp_path)), [], pipeline.generator.train_gan

    def killed(*given, **settings):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(settings["seed"])
        return train(*given, **settings)

    monkeypatch.setattr(pipeline.generator, "train_gan", killed)
    with pytest.raises(KeyboardInterrupt):
        refits.run_refits(fresh, 2)
    monkeypatch.setattr(pipeline.generator, "train_gan", lambda *given, **settings: done.append(settings["seed"]) or train(*given, **settings))
    monkeypatch.setattr(pipeline.mapping, "fit_mapper", lambda *_, **__: pytest.fail("a mapper was fitted again"))
    refits.write_record(Pipeline(run.experiment, Store(tmp_path)), 2, root=tmp_path / "figures")
    assert len(done) == len(set(done)) == 6
    again = refits.read_record(run, tmp_path / "figures")
    assert again.scores.equals(found.scores) and again.by_fit.equals(found.by_fit)


def test_files_of_scores_have_names_of_their_own(quick):
    _, _, found, root = quick
    kept = sorted(path.stem for path in (root / record.FOLDER).iterdir())
    names = {record.slug(row.name_, row.metric) for row in found.scores.rename(columns={"name": "name_"}).itertuples()}
    assert set(kept) < names and len(kept) == len(set(kept)) > 20
    assert sum(path.stat().st_size for path in (root / record.FOLDER).iterdir()) < 1_000_000


def test_more_than_one_fit_of_a_score_is_asked_for_by_default():
    assert record._counts(None) == {"mappers": 5, "generators": 3, "encoder": 3, "classifiers": 3} 
