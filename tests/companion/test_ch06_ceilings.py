"""Chapter 06's voxels against their ceilings, other spaces, the partition, cycles and rescoring, where the truth is planted."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from mindreader.companion import plots
from mindreader.companion.ch06_encoding_cycle import ceilings, cycles, on_surface, rescoring, spaces
from mindreader.companion.rendering import LeftOut
from mindreader.core import Covers
from mindreader.experiments import experiment
from mindreader.nsd import ATLASES
from mindreader.records import Embeddings, Trials, Unfit
from mindreader.scoring import noise_ceiling, pearson
from mindreader.twin.cortex import lay_out

N_PICTURES, REPEATS = 400, 3
EARLY, HIGHER, EMPTY = slice(0, 40), slice(40, 80), "floc-words"


def brain(rng, ncsnr, n_pictures=N_PICTURES, repeats=REPEATS):
    """Noiseless responses of variance 1, and z-scored trials of them with this ncsnr."""
    signal = rng.standard_normal((n_pictures, len(ncsnr))).astype(np.float32)
    ids = np.tile(np.arange(n_pictures), repeats)
    noisy = signal[ids] * ncsnr + rng.standard_normal((len(ids), len(ncsnr)))
    noisy = (noisy - noisy.mean(0)) / noisy.std(0)
    return signal, Trials(noisy.astype(np.float32), ids, np.arange(len(ids)), np.ones(len(ids), int))


class Encoder:
    """Predicts the planted response from an embedding that is the picture's number, as well in each voxel as `skill` says."""

    def __init__(self, signal, skill, rng):
        self.table = (signal * skill + np.sqrt(1 - skill**2) * rng.standard_normal(signal.shape)).astype(np.float32)

    def predict(self, embeddings):
        return self.table[embeddings.image_ids]


@pytest.fixture(scope="module")
def run():
    """A subject of 80 voxels: 40 early ones encoded at half of what is possible, 40 higher ones at nine tenths."""
    rng = np.random.default_rng(0)
    ncsnr = rng.uniform(0.1, 1.0, 80).astype(np.float32)
    signal, trials = brain(rng, ncsnr)
    skill = np.where(np.arange(80) < 40, 0.5, 0.9)
    rois = {name: np.zeros(80, bool) for name in (*ceilings.REGIONS, *(f"streams/{s}" for s in ceilings.STREAMS))}
    rois["V1"][EARLY], rois["streams/early"][EARLY], rois["streams/ventral"][HIGHER] = True, True, True
    ids = np.arange(N_PICTURES)
    truth = Embeddings(rng.standard_normal((N_PICTURES, 4)).astype(np.float32), ids, np.zeros(N_PICTURES, int), "image", "clip")
    return SimpleNamespace(
        subject=SimpleNamespace(validation=trials, train=trials, n_voxels=80, rois=rois, ncsnr=ncsnr), memo={}, origin="twin",
        experiment=experiment("smoke"), truth={"image": truth}, encoder=Encoder(signal, skill, rng),
        plant=SimpleNamespace(expected=signal, ncsnr=ncsnr, share=np.where(np.arange(80) < 40, 1.0, 0.1)))


# ── ceilings ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_planted_response_reaches_the_ceiling_and_no_more(run, n):
    table = ceilings.voxel_accuracy(run, (n,))
    assert (table.r_planted - table.ceiling).mean() == pytest.approx(0, abs=0.02)
    assert (table.r_planted - table.ceiling).abs().max() < 0.2 and table.r_shuffled.abs().mean() < 0.1


def test_averaging_raises_accuracy_as_it_raises_the_ceiling(run):
    table = ceilings.voxel_accuracy(run)
    means = table.groupby("n_repeats")[["r", "ceiling"]].mean()
    assert means.r.is_monotonic_increasing and means.ceiling.is_monotonic_increasing
    shares = means.r / means.ceiling
    assert np.ptp(shares) < 0.03


def test_trials_are_averaged_in_their_order_and_only_where_there_are_enough(rng):
    ids = np.array([5, 3, 5, 3, 5, 9])
    trials = Trials(rng.standard_normal((6, 2)).astype(np.float32), ids, np.array([4, 0, 2, 1, 3, 5]), np.ones(6, int))
    found = ceilings.averaged(trials, 2)
    assert found.image_ids.tolist() == [3, 5]
    np.testing.assert_allclose(found.betas[1], trials.betas[[2, 4]].mean(0), rtol=1e-6)
    with pytest.raises(ValueError, match="no picture has 4 trials, the most have 3; average fewer"):
        ceilings.averaged(trials, 4)


def test_one_repeat_only_leaves_the_others_out_in_a_sentence_each(run):
    once = run.subject.validation.take(slice(0, N_PICTURES))
    bare = SimpleNamespace(**{**vars(run), "memo": {}, "subject": SimpleNamespace(**{**vars(run.subject), "validation": once, "train": once})})
    assert ceilings.voxel_accuracy(bare).n_repeats.unique().tolist() == [1]
    assert ceilings.missing_repeats(bare) == [f"Accuracy over {n} repeats is left out: no validation picture has more than 1." for n in (2, 3)]
    absent = cycles.missing_cycles(bare)
    assert set(absent) == {cycles.NOISY, cycles.TRUE_NOISY} and "each of 400 pictures was shown once, expected repeats" in absent[cycles.NOISY]


def test_accuracy_follows_the_ceiling_and_its_null_does_not(run):
    table, voxels = ceilings.ceiling_agreement(run), ceilings.voxel_accuracy(run, (1,))
    first = table[table.n_repeats == 1].iloc[0]
    assert first.value == pytest.approx(spearmanr(voxels.r, voxels.ceiling)[0])
    assert first.low <= first.value <= first.high and first.value > 0.5 > abs(first.null)
    assert first.planted_share == pytest.approx(1, abs=0.05) and first.share == pytest.approx(0.7, abs=0.1)


def test_an_interval_holds_its_value_though_every_sample_of_pictures_is_pulled_down():
    drawn = np.random.default_rng(0).normal(0.6, 0.02, 200)
    low, high = ceilings.interval_about(0.7, drawn)
    assert low < 0.7 < high and high - low == pytest.approx(4 * 0.02, rel=0.2)


def test_the_region_that_was_encoded_better_is_found(run):
    table = ceilings.higher_less_early(run).set_index("measure")
    assert table.loc["share of ceiling", "value"] == pytest.approx(0.4, abs=0.06) and table.loc["share of ceiling", "low"] > 0
    assert table.loc["less ceiling", "low"] > 0 and (table.p < 0.01).all()
    regions = ceilings.region_accuracy(run).set_index("region")
    voxels = ceilings.voxel_accuracy(run, (1,))
    assert regions.value["V1"] == pytest.approx(voxels.r[EARLY].mean())
    assert regions.note[EMPTY] == f"{EMPTY} has no voxel with a noise ceiling and is left out" and np.isnan(regions.value[EMPTY])


def test_where_a_side_has_no_voxel_the_comparison_says_so(run):
    bare = SimpleNamespace(**{**vars(run), "memo": {}, "subject": SimpleNamespace(**{**vars(run.subject), "rois": {
        name: here & (np.arange(80) >= 40) for name, here in run.subject.rois.items()}})})
    assert ceilings.higher_less_early(bare).note.tolist() == ["not compared: the V1 to hV4 have no voxel with a noise ceiling"]


# ── spaces ────────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def shared_out(run):
    """Predictions of each model such that early voxels come from the visual spaces alone and higher ones from CLIP alone."""
    ids, signal = run.subject.validation.image_ids, run.plant.expected
    scale = np.sqrt(noise_ceiling(run.plant.ncsnr, 1))
    whole = (signal * scale)[ids]
    early = np.arange(80) < 40
    for models, kept in ((spaces.CLIP, ~early), (spaces.VISUAL, early), (spaces.ALL, early | ~early)):
        run.memo["linear predictions", models] = np.where(kept, signal * scale, 0).astype(np.float32)
    assert whole.shape == run.subject.validation.betas.shape
    return run


def test_the_planted_partition_is_found(shared_out):
    table = spaces.partition(shared_out)
    early, higher = table[EARLY], table[HIGHER]
    np.testing.assert_allclose(early[spaces.ONLY_CLIP], 0, atol=1e-6)
    np.testing.assert_allclose(higher[spaces.ONLY_VISUAL], 0, atol=1e-6)
    assert early[spaces.ONLY_VISUAL].mean() == pytest.approx(early.ceiling.mean(), abs=0.03)
    np.testing.assert_allclose(table[list(spaces.PARTS)].sum(axis=1), table.total, atol=1e-9)
    np.testing.assert_allclose(table[spaces.SHARED], 0, atol=1e-6)


def test_regions_are_the_means_of_their_voxels_and_empty_ones_say_so(shared_out):
    table = spaces.region_partition(shared_out)
    mine = table[table.region == "V1"].set_index("part")
    assert mine.value["total"] == pytest.approx(spaces.partition(shared_out).total[EARLY].mean(), abs=0.01)
    assert mine.planted["total"] == 1.0 and (mine.low <= mine.value).all() and (mine.value <= mine.high).all()
    assert table[table.region == EMPTY].note.tolist() == [f"{EMPTY} has no voxel that varies and is left out"]


def test_the_recovery_of_the_planted_share_has_a_null(shared_out):
    table = spaces.region_partition(shared_out)
    found = spaces.partition_recovery(shared_out, table, n_draws=400).set_index("over")
    assert found.value["voxels"] > 0.9 and found.p["voxels"] < 0.01 and found.low["voxels"] > 0.8
    real = SimpleNamespace(**{**vars(shared_out), "origin": "nsd"})
    assert spaces.partition_recovery(real, table).empty


@pytest.fixture
def two_spaces(run):
    """Predictions from CLIP that reach the ceiling in higher voxels and half of it in early ones; from all others a quarter everywhere."""
    scale, noise = np.sqrt(noise_ceiling(run.plant.ncsnr, 1)), np.random.default_rng(3).standard_normal((4, *run.plant.expected.shape))
    memo = {}
    for k, space in enumerate(spaces.SPACES):
        skill = np.where(np.arange(80) < 40, 0.5, 1.0) if space == spaces.IMAGE else np.full(80, 0.25)
        memo["linear predictions", (space,)] = ((run.plant.expected * skill + noise[k] * np.sqrt(1 - skill**2)) * scale).astype(np.float32)
    return SimpleNamespace(**{**vars(run), "memo": memo})


def test_a_space_that_predicts_less_and_evenly_is_found_to_do_both(two_spaces):
    table = spaces.space_differences(two_spaces).set_index(["measure", "other"])
    assert set(table.index) == {(measure, other) for measure in (spaces.LOWER, spaces.MORE_EVEN) for other in spaces.SPACES[1:]}
    assert table.value[spaces.MORE_EVEN].to_numpy() == pytest.approx(0.5, abs=0.06) and (table.low > 0).all() and (table.p < 0.01).all()
    trials = two_spaces.subject.validation
    apart = [pearson(two_spaces.memo["linear predictions", (space,)][trials.image_ids], trials.betas).mean() for space in (spaces.IMAGE, spaces.PIXELS)]
    assert table.value[spaces.LOWER, spaces.PIXELS] == pytest.approx(apart[0] - apart[1], abs=1e-6)


def test_unevenness_counts_whichever_side_is_better(two_spaces):
    higher = np.arange(80) >= 40
    swapped = {**vars(two_spaces.subject), "rois": {name: (~higher if name == "streams/ventral" else higher if name == "V1" else here)
                                                    for name, here in two_spaces.subject.rois.items()}}
    found, again = (spaces.space_differences(each).set_index(["measure", "other"]).loc[spaces.MORE_EVEN] for each in (
        two_spaces, SimpleNamespace(**{**vars(two_spaces), "subject": SimpleNamespace(**swapped)})))
    np.testing.assert_allclose(found.value, again.value, atol=1e-9)


def test_without_an_early_region_only_accuracy_is_compared(two_spaces):
    bare = {**vars(two_spaces.subject), "rois": {name: here & False if name in spaces.EARLY else here
                                                 for name, here in two_spaces.subject.rois.items()}}
    table = spaces.space_differences(SimpleNamespace(**{**vars(two_spaces), "subject": SimpleNamespace(**bare)}))
    assert table.measure.unique().tolist() == [spaces.LOWER]


# ── cycles ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_drawn_noise_has_the_measured_size_and_is_shared_as_measured(rng):
    """Voxels of known noise, the first two with the same."""
    shape = rng.uniform(0.5, 2, 6)
    noise = rng.standard_normal((600, 6)) * shape
    noise[:, 1] = noise[:, 0]
    ids = np.repeat(np.arange(200), 3)
    betas = rng.standard_normal((200, 6))[ids] + noise
    found = cycles.noise_patterns(Trials(betas.astype(np.float32), ids, np.arange(600), np.ones(600, int)), 5000, 1)
    np.testing.assert_allclose(found.std(0)[2:], shape[2:], rtol=0.1)
    np.testing.assert_allclose(found[:, 0], found[:, 1], atol=1e-5)
    assert abs(np.corrcoef(found[:, 2], found[:, 3])[0, 1]) < 0.1


def test_the_true_brain_answers_on_the_scale_of_the_betas(run):
    clean, noisy = (cycles.cycle_activity(run, kind) for kind in (cycles.TRUE, cycles.TRUE_NOISY))
    assert np.median(noisy.betas.std(0)) == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(clean.betas.var(0), noise_ceiling(run.plant.ncsnr, 1), rtol=0.35)
    assert clean.image_ids.tolist() == list(range(N_PICTURES))


def test_real_data_has_no_true_brain_and_the_other_cycles_go_on(run):
    real = SimpleNamespace(**{**vars(run), "origin": "nsd", "memo": {}})
    absent = cycles.missing_cycles(real)
    assert set(absent) == {cycles.TRUE, cycles.TRUE_NOISY} and absent[cycles.TRUE].endswith("nothing was planted for these voxels")


def test_without_an_evaluation_network_every_row_has_the_reason(run):
    class Bare(SimpleNamespace):
        @property
        def true_features(self):
            raise Unfit("found no network that knows photographs")

    table = cycles.cycle_scores(Bare(**{**vars(run), "memo": {}}))
    assert (table.note == "not computed: found no network that knows photographs").all() and table.value.isna().all()
    assert cycles.cycles_summary(table) == {}


def test_predictions_are_worked_out_once_for_each_set_of_pictures(run):
    class Counting(Encoder):
        asked = 0

        def __init__(self, table):
            self.table = table

        def predict(self, embeddings):
            Counting.asked += 1
            return super().predict(embeddings)

    mine = SimpleNamespace(**{**vars(run), "memo": {}, "encoder": Counting(run.encoder.table)})
    for ids in (np.array([4, 2, 4]), np.array([2, 4])):
        np.testing.assert_array_equal(ceilings.synthetic(mine, ids), run.encoder.table[ids])
    assert Counting.asked == 1


# ── rescoring ─────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def rescored(run):
    """Reconstructions whose predicted activity has a part of the trial's own noise; everything else is as planted."""
    trials, rng = run.subject.validation, np.random.default_rng(5)
    scale = np.sqrt(noise_ceiling(run.plant.ncsnr, 1))
    signal = run.plant.expected[trials.image_ids] * scale
    other = rescoring.other_trial(trials)
    run.memo["rescored patterns"] = {
        rescoring.RECONSTRUCTION: 0.5 * signal + 0.5 * trials.betas, rescoring.DECODED: trials.betas + 0.1 * signal,
        rescoring.PICTURE: 0.7 * signal, rescoring.STRANGER: signal[rng.permutation(len(signal))], rescoring.PLANTED: signal,
        rescoring.REPEAT: trials.betas[other]}
    return run


def test_patterns_are_correlated_trial_by_trial(rng):
    a, b = rng.standard_normal((2, 5, 30))
    np.testing.assert_allclose(rescoring.brain_correlation(a, b), [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b)])


def test_the_other_trial_is_of_the_same_picture_and_never_the_same(run):
    trials = run.subject.validation
    other = rescoring.other_trial(trials)
    assert (trials.image_ids[other] == trials.image_ids).all() and (other != np.arange(len(trials))).all()
    assert rescoring.other_trial(trials.take(slice(0, 9))).tolist() == [-1] * 9


def test_a_reconstruction_that_carries_noise_beats_the_ceiling_on_its_own_trial_only(rescored):
    table = rescoring.rescored(rescored).set_index(["name", "against"])
    assert table.value[rescoring.RECONSTRUCTION, rescoring.SAME] > table.high[rescoring.PLANTED, rescoring.SAME]
    assert table.value[rescoring.RECONSTRUCTION, rescoring.OTHER] < table.value[rescoring.PLANTED, rescoring.OTHER]
    assert abs(table.value[rescoring.STRANGER, rescoring.SAME]) < 0.03


def test_the_leak_of_noise_is_found_and_its_null_is_not(rescored):
    table = rescoring.leak(rescored).set_index("name")
    assert table.low[rescoring.RECONSTRUCTION] > 0.1 and table.low[rescoring.DECODED] > table.value[rescoring.RECONSTRUCTION]
    assert abs(table.value[rescoring.STRANGER]) < 0.05 * table.value[rescoring.RECONSTRUCTION]
    values = rescoring.rescoring_summary(rescoring.rescored(rescored), rescoring.leak(rescored))
    assert values["leak_reconstruction"]["ours"] > 0 and values["leak_reconstruction"]["covers"] == Covers.PICTURES_ONE_FIT
    assert values["rescored_planted_other"]["covers"] == values["rescored_repeat_same"]["covers"] == Covers.PICTURES_NO_FIT


def test_pictures_shown_once_leave_out_what_needs_a_second_trial(rescored):
    once = rescored.subject.validation.take(slice(0, N_PICTURES))
    patterns = {name: each[:N_PICTURES] for name, each in rescored.memo["rescored patterns"].items()} | {rescoring.REPEAT: None}
    bare = SimpleNamespace(**{**vars(rescored), "memo": {"rescored patterns": patterns},
                              "subject": SimpleNamespace(**{**vars(rescored.subject), "validation": once})})
    table = rescoring.rescored(bare)
    assert table[table.against == rescoring.OTHER].note.eq("left out: no validation picture was shown twice").all()
    assert table[(table.against == rescoring.SAME) & (table.name != rescoring.REPEAT)].value.notna().all() and rescoring.leak(bare).empty


def test_encoded_patterns_go_with_their_trial_whatever_the_order_of_embeddings(run, rng):
    trials = run.subject.validation.take(slice(0, 12))
    vectors = rng.standard_normal((12, 4)).astype(np.float32)
    shuffled = Embeddings(vectors, trials.image_ids, trials.trial_ids, "image", "fmri").take(rng.permutation(12))
    np.testing.assert_array_equal(rescoring._encoded(run, shuffled, trials), run.encoder.table[trials.image_ids])


def test_accuracies_are_pearson_s(run):
    table = ceilings.voxel_accuracy(run, (1,))
    np.testing.assert_allclose(table.r, pearson(run.encoder.table[run.subject.validation.image_ids], run.subject.validation.betas))
    assert isinstance(table, pd.DataFrame) and table.less.equals(table.r - table.ceiling)


# ── on fsaverage ──────────────────────────────────────────────────────────────────────────────────────────────────────
def on_a_cortex(run, monkeypatch, n_voxels=80):
    """The same voxels at the places of the twin's, and their table."""
    cortex = lay_out(n_voxels, seed=0)
    rois = {f"streams/{name}" if atlas == "streams" else name: cortex.labels[atlas] == number
            for atlas, names in ATLASES.items() for number, name in enumerate(names, 1)}
    monkeypatch.setattr(on_surface, "read_mask", lambda *_: SimpleNamespace(shape=cortex.shape))
    placed = SimpleNamespace(origin=run.origin, layout=None, experiment=run.experiment, subject=SimpleNamespace(rois=rois, coords=cortex.coords))
    table = ceilings.voxel_accuracy(run, (1,))
    return placed, table, cortex


def test_every_voxel_has_its_value_on_fsaverage_on_its_own_side(run, monkeypatch):
    placed, table, cortex = on_a_cortex(run, monkeypatch)
    found = on_surface.cortex_surface(placed, table)
    once = found.drop_duplicates(["hemisphere", "voxel"])
    assert once.n_voxels.sum() == len(table) and not found.duplicated(["hemisphere", "vertex"]).any()
    alone = found[found.n_voxels == 1]
    np.testing.assert_allclose(alone.less, table.set_index("voxel").less[alone.voxel])
    np.testing.assert_array_equal(alone.hemisphere == "rh", cortex.coords[alone.voxel, 0] > (cortex.shape[0] - 1) / 2)


def test_equal_values_stay_equal_on_fsaverage_and_unknown_ones_unknown(run, monkeypatch):
    placed, table, _ = on_a_cortex(run, monkeypatch)
    table = table.assign(r=0.2, ceiling=0.5, less=-0.3)
    assert np.allclose(on_surface.cortex_surface(placed, table)[["r", "ceiling", "less"]], [0.2, 0.5, -0.3])
    assert on_surface.cortex_surface(placed, table.assign(r=np.nan)).r.isna().all()


def test_a_real_subject_and_a_mask_outside_all_regions_get_a_sentence_and_no_cortex(run, monkeypatch):
    placed, table, _ = on_a_cortex(run, monkeypatch)
    with pytest.raises(ValueError, match=r"no accuracy over 3 repeats, expected one of \[1\]"):
        on_surface.cortex_surface(placed, table, n_repeats=3)
    placed.subject.rois = {name: np.zeros_like(here) for name, here in placed.subject.rois.items()}
    assert "80 voxels are in no visual area" in on_surface.cortex_surface(placed, table)
    placed.origin = "nsd"
    found = on_surface.cortex_surface(placed, table)
    assert isinstance(found, LeftOut) and isinstance(plots.surface_map(found, "less", "", origin="nsd", title=""), LeftOut)
