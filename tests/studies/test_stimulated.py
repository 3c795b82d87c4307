"""Stimulation by several fits: planted ones are found beside random voxels, others are not, and sentences are judged by the stated rule."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from mindreader.companion.chapter import start
from mindreader.records import SPACES, Unfit
from mindreader.studies import stimulated
from mindreader.studies.claims import CONTRADICTED, DIRECTION_ONLY, LEVEL, SUPPORTED, UNTESTABLE, WITHIN_NOISE
from mindreader.studies.refits import refit
from mindreader.studies.stimulated import detectors, effects, regions, sentences, states


@pytest.fixture(scope="module")
def run():
    """The chapter's own smoke run, in the home that all tests share, so that what it trains is trained once."""
    return start("04_microstimulation", "smoke")


class Planted(torch.nn.Module):
    """A mapper that carries the mean of one region to one direction, and all voxels alike to directions of their own."""

    def __init__(self, voxels, direction, seed=0):
        super().__init__()
        n = len(voxels)
        self.n_voxels, rng = n, np.random.default_rng(seed)
        weights = 0.02 * rng.standard_normal((len(direction), n)) + 3 * np.outer(direction, voxels / voxels.sum())
        self.weights = torch.nn.Parameter(torch.tensor(weights, dtype=torch.float32))

    def forward(self, betas):
        return betas @ self.weights.T


@pytest.fixture
def planted(run, monkeypatch):
    """The run, whose caption mappers carry the word region to the sentence about words; three fits of it."""
    voxels, sentence = regions.region_voxels(run, "floc-words"), states.sentence_embeddings(run)["words"]
    fits = {("fit", space, repeat): SimpleNamespace(network=Planted(voxels, sentence, repeat))
            for space in SPACES for repeat in range(3)}
    monkeypatch.setattr(run, "memo", {"sentences": run.memo["sentences"], **fits})
    return run


def test_a_planted_region_is_found_and_another_one_is_not(planted):
    table = stimulated.figure_table(planted, "moved", 3.0, ["floc-words", "floc-bodies"], fits=range(3)).set_index(["name", "metric"])
    words, bodies = table.loc["words", "to words"], table.loc["bodies", "to words"]
    assert words.p == pytest.approx(2 / 51) and words.value > words.random_high and words.lowest > 0 and words.fits == 3
    assert bodies.value < bodies.random_high and bodies.value < words.value / 5    # random sets have some of the word voxels


def test_the_same_planted_region_moves_the_same_coordinates(planted):
    table = stimulated.figure_table(planted, "same_coordinates", 3.0, ["floc-words"], fits=range(2))
    assert set(table.metric) == {f"{measure}, {space}" for measure in (effects.ALIKE, effects.SAME) for space in SPACES}
    assert (table.value > 0.9).all() and (table.fits == 2).all()


def test_effects_are_changes_of_what_the_mapper_decodes(run):
    trials, voxels = states.first_trials(run, effects.N_TRIALS), regions.region_voxels(run, "V1")
    found = effects.effects(run, "V1", 4.0)
    before = run.mapper("caption").predict(trials).vectors
    after = run.mapper("caption").predict(trials.replace(np.where(voxels, np.float32(4), trials.betas))).vectors
    assert np.allclose(found["share of coordinates lower, caption"].region[0], (after < before).mean(1), atol=0.02)
    wanted = np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)
    assert np.allclose(found["size, caption"].region[0], wanted, rtol=1e-3)
    assert len(np.unique(trials.image_ids)) == len(trials)


def test_pictures_of_a_stimulated_state_are_those_of_the_pipeline(run):
    trials, voxels = states.first_trials(run, 3), regions.region_voxels(run, "V1")
    stimulated = trials.replace(np.where(voxels, np.float32(4), trials.betas))
    wanted = run.reconstruct({space: run.mapper(space).predict(stimulated) for space in SPACES}, "both").images[:, 0]
    assert np.abs(states.generate(run, "both", trials, voxels, 4.0)[0].astype(int) - wanted).mean() < 1


def test_another_fit_is_that_of_the_refits_and_the_first_is_the_runs(run):
    trials, voxels = states.first_trials(run, 4), regions.region_voxels(run, "V1")
    stimulated = trials.replace(np.where(voxels, np.float32(4), trials.betas))
    for repeat in (0, 1):
        wanted = refit(run, repeat).mapper("caption").predict(stimulated).vectors
        assert np.allclose(states.decode(run, "caption", trials, voxels, 4.0, repeat=repeat)[0], wanted, atol=1e-4)
    assert not np.allclose(*(states.decode(run, "caption", trials, voxels, 4.0, repeat=repeat) for repeat in (0, 1)), atol=1e-2)


def test_trials_are_the_first_of_as_many_pictures(run):
    trials, known = states.first_trials(run, 9), run.subject.validation
    first = {image: known.trial_ids[known.image_ids == image].min() for image in np.unique(known.image_ids)}
    assert dict(zip(trials.image_ids, trials.trial_ids)) == dict(sorted(first.items(), key=lambda item: item[1])[:9])


def test_no_fit_is_refused(run):
    with pytest.raises(ValueError, match="got no fit of the mappers, expected at least one"):
        effects.effects(run, "V1", 4.0, fits=[])


def test_silencing_with_what_was_measured_changes_nothing(run):
    """A region at a value that it has anyway: all measures of the pictures are as before."""
    trials = states.first_trials(run, 2)
    same = states.generate(run, "both", trials, np.zeros((1, run.subject.n_voxels), bool), 9.0)
    assert np.array_equal(same, states.generate(run, "both", trials))


def test_pictures_are_measured_on_each_trial_and_what_is_not_known_is_left_out(run, monkeypatch):
    monkeypatch.setattr(effects, "N_PICTURES", 4)
    monkeypatch.setattr(regions, "N_SETS", 3)
    monkeypatch.setattr(run, "memo", {"sentences": states.sentence_embeddings(run)})
    regions_shown = ["floc-faces", "OFA"]
    table = pd.concat([stimulated.figure_table(run, figure, 10.0, regions_shown) for figure in ("detected", "patterns")])
    table = table.set_index(["name", "metric"])
    trials, voxels = states.first_trials(run, 4), regions.region_voxels(run, "floc-faces")
    before, after = (states.generate(run, "both", trials, *state)[0] for state in ((), (voxels, 10.0)))
    assert table.loc[("faces", effects.CHANGE), "value"] == pytest.approx(np.abs(after / 255 - before / 255).mean(), rel=1e-4)
    was, found = (detectors.evidence(run, pictures)["faces"] > detectors.threshold(run, "faces") for pictures in (before, after))
    assert table.loc[("faces", "detected faces"), "value"] == pytest.approx(found.mean() - was.mean())
    assert set(table.index) == {(name, metric) for name in ("faces", "OFA") for metric in (*effects.DETECTED, *effects.PATTERNS)}
    assert stimulated.figure_table(run, "silenced", 10.0, []).empty


def test_pairs_of_random_sets_account_for_the_sizes_of_two_regions():
    rng = np.random.default_rng(0)
    large = effects.Effect("m", np.full((1, 6), 2.0), rng.normal(2, 0.1, (1, 100, 4)), np.arange(6), "outside it")
    small = effects.Effect("m", np.full((1, 6), 1.0), rng.normal(1, 0.1, (1, 100, 4)), np.arange(6), "outside it")
    assert large.minus(small, "m").p() > 0.3                      # twice as much, as random voxels of these sizes do
    assert effects.Effect("m", np.full((1, 6), 3.0), large.sets, large.image_ids, "").minus(small, "m").p() == pytest.approx(2 / 101)


# ── detectors ────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_detectors_know_their_category_on_stimuli_that_they_were_not_fitted_to(run):
    table = stimulated.detector_table(run).set_index(["region", "what"])
    assert table.loc["bodies", "stimuli"].value > 0.8 and table.loc["faces", "stimuli"].value > 0.8
    assert (table.low <= table.value).all() and (table.value <= table.high).all()


def test_few_stimuli_without_a_category_reach_its_threshold(run):
    stimuli = run.subject.stimuli
    without = np.isin(stimuli.ids, run.split.validation) & ~detectors.shown(run, "bodies")
    odds = detectors.evidence(run, stimuli.images[without])["bodies"]
    assert np.mean(odds > detectors.threshold(run, "bodies")) <= 0.1


def test_what_all_stimuli_show_is_never_detected(run, monkeypatch):
    monkeypatch.setattr(run, "memo", {})
    monkeypatch.setattr(detectors, "shown", lambda run, word: np.ones(len(run.subject.stimuli.ids), bool))
    assert detectors.threshold(run, "bodies") == np.inf


def test_where_nothing_was_planted_the_annotations_say_what_is_shown(run, monkeypatch):
    monkeypatch.setattr(type(run), "origin", "nsd")
    stimuli = run.subject.stimuli
    person = np.isin(stimuli.ids, stimuli.annotations.image_id[stimuli.annotations.category == "person"])
    assert np.array_equal(detectors.shown(run, "bodies"), person)
    assert np.array_equal(detectors.shown(run, "places"), ~np.isin(stimuli.ids, stimuli.annotations.image_id[
        stimuli.annotations.kind == "thing"]))


def test_without_an_evaluation_network_the_other_measures_are_made_and_the_sentence_is_untestable(run, monkeypatch):
    monkeypatch.setattr(regions, "N_SETS", 3)
    def refuse(_):
        raise Unfit("knows nothing of these")

    monkeypatch.setattr(type(run), "true_features", property(refuse))
    monkeypatch.setattr(run, "memo", {"sentences": states.sentence_embeddings(run)})
    found = effects.picture_effects(run, "floc-words", 5.0)
    assert "saturation" in found and "shows words" not in found and stimulated.detector_table(run).empty
    effect, note = sentences._effect(run, "floc-words", 5.0, "picture", "shows words", [0], "both")
    assert effect is None and note == sentences.NETWORK


# ── sentences ────────────────────────────────────────────────────────────────────────────────────────────────────────
def row(**other):
    return SimpleNamespace(**{"value": 0.4, "low": 0.3, "high": 0.5, "none": 0.0, "direction": 1, "apart": 0.3, "lowest": 0.2,
                              "highest": 0.4, "p_holm": 0.01, "fits": 3} | other)


@pytest.mark.parametrize("other, wanted", [
    ({}, SUPPORTED),
    ({"fits": 2}, WITHIN_NOISE),
    ({"fits": 1, "p_holm": 0.001}, WITHIN_NOISE),
    ({"p_holm": 0.06}, DIRECTION_ONLY),
    ({"low": -0.1}, DIRECTION_ONLY),
    ({"lowest": -0.1}, WITHIN_NOISE),
    ({"direction": -1}, CONTRADICTED),
    ({"direction": -1, "p_holm": 0.2}, WITHIN_NOISE),
    ({"value": -0.4, "low": -0.5, "high": -0.3, "direction": -1, "apart": -0.3, "lowest": -0.4, "highest": -0.2}, SUPPORTED),
    ({"value": 0.4, "none": 0.5, "high": 0.45, "direction": -1, "apart": -0.3, "lowest": -0.4, "highest": -0.2}, SUPPORTED),
    ({"none": 0.5, "high": 0.45}, DIRECTION_ONLY),   # more than random voxels, which lower even more, and yet not up itself
])
def test_the_rule_asks_for_random_voxels_pictures_and_fits(other, wanted):
    assert sentences.judge(row(**other)) == wanted


def test_every_sentence_of_the_ledger_that_this_chapter_measures_is_there():
    from mindreader.studies.ledger import read_claims

    ledger = {claim.name for claim in read_claims()[1] if claim.section == "3.3 stimulation"}
    assert set(sentences.CLAIMED) == ledger


def test_enough_random_sets_are_drawn_for_every_sentence_to_be_supported():
    fewest = 2 / (regions.N_SETS + 1)                           # two-sided p of a region that does more than all of them
    assert max(map(len, sentences.CLAIMED.values())) * fewest <= LEVEL


# ── planted and recovered ────────────────────────────────────────────────────────────────────────────────────────────
def test_planted_contrasts_are_those_of_each_region_and_recovered_ones_are_judged(run):
    table = stimulated.planted_and_recovered(run, 10.0)
    own = table[table.own].set_index("region")
    assert set(own.category) == {"bodies", "words", "places", "faces"} and table.groupby("region").size().eq(4).all()
    first = table.groupby("region").planted.idxmax()
    assert table.loc[first].own.mean() > 0.8                      # what was planted is each region's own category
    found = stimulated.recovery_verdicts(table)
    assert found["rank"].between(1, 4).all() and (found.p_holm >= found.p).all()
    r = stimulated.recovered_correlation(run, table)["recovered_correlation"]
    assert r["n"] == len(own) and (r["ours"] == UNTESTABLE or -1 <= r["ours"] <= 1)


def test_one_fit_decides_nothing_and_three_may_recover_a_preference(run):
    table = stimulated.planted_and_recovered(run, 10.0).assign(recovered=0.3, lowest=0.2, highest=0.4, p=1e-6)
    assert set(stimulated.recovery_verdicts(table).verdict) == {WITHIN_NOISE} and set(table.fits) == {1}
    assert set(stimulated.recovery_verdicts(table.assign(fits=3)).verdict) == {SUPPORTED}
    assert set(stimulated.recovery_verdicts(table.assign(p=0.9, fits=3)).verdict) == {DIRECTION_ONLY}
    assert set(stimulated.recovery_verdicts(table.assign(lowest=-0.1, p=0.9, fits=3)).verdict) == {WITHIN_NOISE}


def test_a_perfect_recovery_correlates_perfectly_and_a_swapped_one_does_not(run):
    table = stimulated.planted_and_recovered(run, 10.0).copy()
    table["recovered"] = table.planted
    perfect = stimulated.recovered_correlation(run, table)
    assert perfect["recovered_correlation"]["ours"] == pytest.approx(1) and perfect["recovered_correlation_p"]["ours"] < 0.01
    table["recovered"] = np.tile([0.1, 0.2, 0.3, 0.4], len(table) // 4)     # categories that move easily, in every region
    assert stimulated.recovered_correlation(run, table)["recovered_correlation"]["ours"] == UNTESTABLE
