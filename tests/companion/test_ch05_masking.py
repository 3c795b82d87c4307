"""Chapter 05's masked voxels and labels of crops, on the smoke run: what holds for any brain holds to the bit."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mindreader.companion.ch05_category_auc import crops, inputs, masking
from mindreader.companion.ch05_category_auc.masking import AT_RANDOM, BEST_FIRST, REFITTED, WAYS, WORST_FIRST
from mindreader.companion.ch05_category_auc.profiles import profile
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline
from mindreader.uncertainty import Contributions, score_interval


@pytest.fixture(scope="module")
def run():
    return Pipeline(experiment("smoke"))


@pytest.mark.parametrize("curve", masking.CURVES)
def test_with_every_voxel_masked_each_class_is_at_one_half_exactly(run, curve):
    table = masking.masking_curves(run, ratios=(1.0,), ways=(AT_RANDOM,), curves=(curve,))
    assert table[["value", "low", "high", "lowest", "highest"]].eq(0.5).all(axis=None)


@pytest.mark.parametrize("curve", [inputs.FMRI, inputs.TO_CLIP])
def test_so_it_is_for_a_classifier_trained_on_nothing(run, curve):
    table = masking.masking_curves(run, ratios=(1.0,), ways=(AT_RANDOM,), curves=(curve,), fitted=REFITTED)
    assert table.value.tolist() == [0.5]


@pytest.mark.parametrize("fitted", [masking.KEPT, REFITTED])
def test_with_no_voxel_masked_the_curve_is_table_2_s_number_and_no_classifier_is_trained(run, fitted):
    table = masking.masking_curves(run, ratios=(0.0,), ways=(AT_RANDOM,), curves=(inputs.FMRI, inputs.TO_CLIP), fitted=fitted)
    for row in table.itertuples():
        assert row.value == pytest.approx(profile(run, row.curve).values.mean(), abs=1e-12)
        assert (row.kept, row.kept_low, row.kept_high) == pytest.approx((1, 1, 1)) or row.value <= 0.5


def test_unmasked_activity_mapped_again_is_what_table_2_was_given(run):
    """What stands in for a pass of the mapper is what the pass gives, but for the last bits of other batches."""
    again = inputs.decoded(run, run.subject.validation)
    np.testing.assert_allclose(masking._given(run, np.zeros(run.subject.n_voxels, bool), masking.TRUE_CLIP), again, atol=0.02)


def test_rows_that_carry_nothing_are_not_told_apart_by_rounding(run):
    fitted = inputs.classifier(run, inputs.FMRI)
    same = np.full((700, run.subject.n_voxels), 0.37, np.float32)
    assert len(np.unique(fitted.scores(same), axis=0)) == 1


@pytest.mark.parametrize("way", WAYS)
def test_masks_have_the_size_asked_for_and_grow(run, way):
    n = run.subject.n_voxels
    before = [np.zeros(n, bool)] * masking.N_MASKS
    for ratio in (0.0, 0.25, 0.5, 1.0):
        masks = masking.voxel_masks(run, ratio, way)
        assert all(mask.sum() == round(ratio * n) and not (old & ~mask).any() for mask, old in zip(masks, before))
        before = masks


def test_voxels_are_masked_by_their_reliability_from_either_end(run):
    ncsnr = np.nan_to_num(run.subject.ncsnr, nan=-1.0)
    low, high = (masking.voxel_masks(run, 0.3, way)[0] for way in (WORST_FIRST, BEST_FIRST))
    assert ncsnr[low].max() <= ncsnr[~low].min() and ncsnr[high].min() >= ncsnr[~high].max()


def test_without_ncsnr_only_random_masks_are_drawn(run):
    bare = SimpleNamespace(subject=SimpleNamespace(n_voxels=9, ncsnr=np.full(9, np.nan)), experiment=run.experiment,
                           layout=SimpleNamespace(ncsnr="/x/ncsnr.nii.gz"))
    assert len(masking.voxel_masks(bare, 0.5, AT_RANDOM)) == masking.N_MASKS
    with pytest.raises(ValueError, match=f"no voxel has a known ncsnr to mask by, expected /x/ncsnr.nii.gz; mask {AT_RANDOM}"):
        masking.voxel_masks(bare, 0.5, WORST_FIRST)


@pytest.mark.parametrize("ratio, way", [(1.5, AT_RANDOM), (0.5, "from the left")])
def test_a_mask_that_cannot_be_is_refused_in_one_sentence(run, ratio, way):
    with pytest.raises(ValueError, match=r"expected a ratio from 0 to 1 and one of at random, least"):
        masking.voxel_masks(run, ratio, way)


def test_a_region_without_a_voxel_gets_a_sentence_and_the_others_their_values(run):
    table = masking.masked_regions(run, names=("mTL-faces", "V1", "nowhere"), curves=(inputs.FMRI,), n_controls=2)
    assert table.note.tolist() == ["mTL-faces has no voxel in this mask and is left out", "", "nowhere has no voxel in this mask and is left out"]
    mine = table[table.region == "V1"].iloc[0]
    assert mine.n_voxels == run.subject.rois["V1"].sum() and mine.difference == pytest.approx(mine.value - mine.control)


def test_masking_a_region_touches_no_other_voxel(run):
    here = run.subject.rois["V1"]
    trials = inputs.masked(run.subject.validation, here)
    assert (trials.betas[:, here] == 0).all()
    np.testing.assert_array_equal(trials.betas[:, ~here], run.subject.validation.betas[:, ~here])


def test_shapes_of_planted_curves():
    """One that stays until nine tenths and one that falls at a constant rate."""
    x = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0])
    flat, straight = np.where(x < 1, 0.3, 0), 0.3 * (1 - x)
    table = pd.concat([pd.DataFrame({"curve": name, "way": AT_RANDOM, "fitted": "", "ratio": x, "value": 0.5 + y})
                       for name, y in (("flat", flat), ("straight", straight), ("nothing", 0 * x))])
    shape = masking.masking_shape(table).set_index("curve")
    assert shape.kept_nine["flat"] == 1 and shape.half_at["flat"] == pytest.approx(0.95)
    assert shape.kept_half["straight"] == pytest.approx(0.5) and shape.half_at["straight"] == pytest.approx(0.5)
    assert np.isnan(shape.kept_nine["nothing"]) and (shape.end == 0.5).all()


def planted(run, monkeypatch, shares, rng):
    """Curves that keep these shares of what lies above chance, with pictures' contributions to them."""
    n, noise = 40, rng.standard_normal((2, 1, 40)) * 0.05
    noise -= noise.mean(2, keepdims=True)

    def found(_, mask, curve, *, fitted=masking.KEPT):
        left = shares[curve](mask.mean())
        return Contributions(np.array([0.5 + 0.3 * left]), left * (noise[0] + (curve == inputs.FMRI) * noise[1]), np.arange(n), ())

    monkeypatch.setattr(masking, "contributions", found)


def test_a_constant_rate_has_no_bend_and_a_curve_that_holds_to_the_end_half_of_one(run, monkeypatch, rng):
    at_end = np.diff(masking.RATIOS)[-1] / 2      # the trapezoid in which it falls
    planted(run, monkeypatch, {inputs.FMRI: lambda x: float(x < 1), inputs.TO_CLIP: lambda x: 1 - x, masking.TRUE_CLIP: lambda x: 0.0}, rng)
    table = masking.masking_bends(run).set_index("name")
    assert list(table.index) == [inputs.FMRI, inputs.TO_CLIP, f"{inputs.TO_CLIP} less {inputs.FMRI}"]     # nothing above chance is left out
    assert table.value[inputs.FMRI] == pytest.approx(0.5 - at_end) and table.value[inputs.TO_CLIP] == pytest.approx(0, abs=1e-3)
    apart = table.loc[f"{inputs.TO_CLIP} less {inputs.FMRI}"]
    assert apart.value == pytest.approx(table.value[inputs.TO_CLIP] - table.value[inputs.FMRI])
    values = masking.masking_summary(masking.masking_curves(run, ways=(AT_RANDOM,), curves=(inputs.FMRI, inputs.TO_CLIP)), table.reset_index())
    assert values["mask_bend_mapped_less_fmri"]["ours"] == apart.value and values["mask_fmri_kept_nine"]["ours"] == pytest.approx(1)
    assert values["mask_mapped_kept_half"]["ours"] == pytest.approx(0.5) and values["mask_mapped_all"]["ours"] == 0.5


def test_two_curves_of_mapped_activity_share_each_pass_of_the_mapper(run, monkeypatch):
    passes, decoded = [], masking.decoded
    monkeypatch.setattr(run, "memo", {key: value for key, value in run.memo.items() if key[0] != "masked" and key != "masked embeddings"})
    monkeypatch.setattr(masking, "decoded", lambda run, trials: passes.append(1) or decoded(run, trials))
    masking.masking_curves(run, ratios=(0.0, 0.5), ways=(AT_RANDOM,), curves=(inputs.TO_CLIP, masking.TRUE_CLIP))
    assert len(passes) == masking.N_MASKS


def test_the_share_that_is_kept_has_the_interval_of_a_ratio(run, monkeypatch, rng):
    planted(run, monkeypatch, {inputs.FMRI: lambda x: (1 - x) ** 2}, rng)
    row = masking.masking_curves(run, ratios=(0.5,), ways=(AT_RANDOM,), curves=(inputs.FMRI,)).iloc[0]
    none, half = (masking.contributions(run, masking.voxel_masks(run, x, AT_RANDOM)[0], inputs.FMRI) for x in (0.0, 0.5))
    expected = score_interval(masking.ratio_of(half, none, 0.5))
    assert (row.kept, row.kept_low, row.kept_high) == pytest.approx((expected.value, expected.low, expected.high))


def test_only_inputs_of_the_brain_can_be_masked(run):
    with pytest.raises(ValueError, match="got 'CLIP', expected 'fMRI' or 'fMRI → CLIP': there are no voxels of it to mask"):
        inputs.masked_rows(run, inputs.CLIP, np.ones(run.subject.n_voxels, bool))


def test_a_classifier_trained_anew_gets_the_voxels_that_are_left(run):
    mask = masking.voxel_masks(run, 0.5, AT_RANDOM)[0]
    for side, mine in zip((run.subject.train, run.subject.validation), inputs.masked_rows(run, inputs.FMRI, mask)):
        assert np.array_equal(mine.betas, side.betas[:, ~mask]) and np.array_equal(mine.trial_ids, side.trial_ids)
    train, _ = inputs.masked_rows(run, inputs.FMRI, np.ones_like(mask))         # of which there are none
    assert train.betas.shape == run.subject.train.betas.shape and not train.betas.any()


def test_a_classifier_of_clip_s_own_embeddings_is_not_trained_anew(run):
    table = masking.masking_curves(run, ratios=(1.0,), ways=(AT_RANDOM,), curves=(masking.TRUE_CLIP,), fitted=REFITTED)
    assert table.empty


# ── labels ────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_where_nothing_was_cropped_one_sentence_says_that_nothing_changes(run):
    table = crops.crop_effect(run, (inputs.FMRI, inputs.CLIP))
    assert crops.crop_sentence(run) == crops.SAME
    assert set(table.name) == {inputs.FMRI, inputs.CLIP} and set(table.trained_on) == set(table.scored_by) == {"image"}
    assert table[["difference", "difference_low", "difference_high"]].eq(0).all(axis=None)
    assert table.set_index("name").value[inputs.FMRI] == pytest.approx(profile(run, inputs.FMRI).values.mean(), abs=1e-12)


@pytest.fixture(scope="module")
def cropped(tiny_twin, tmp_path_factory):
    """A run on the tiny subject as if NSD had cut a third of each picture away at the left."""
    root = tmp_path_factory.mktemp("cropped")
    shutil.copytree(tiny_twin, root / "nsd", dirs_exist_ok=True)
    table = next((root / "nsd").rglob("nsd_stim_info_merged.csv"))
    info = pd.read_csv(table, index_col=0)
    info.assign(cropBox="(0.0, 0.0, 0.34, 0.0)").to_csv(table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINDREADER_NSD", str(root / "nsd"))
        patch.setenv("MINDREADER_HOME", str(root / "home"))
        run = Pipeline(experiment("smoke", {"subject": "subj01"}))
        _ = crops.labels_under(run, "crop"), crops.labels_under(run, "image")
    return run


def test_labels_of_what_was_shown_are_part_of_those_of_the_whole_picture(cropped):
    whole, shown = (crops.labels_under(cropped, annotations) for annotations in ("image", "crop"))
    classes = pd.MultiIndex.from_arrays([whole.kinds, whole.names])
    shown = crops._in_columns(shown, classes)
    assert not (shown.labels & ~whole.labels).any() and shown.labels.sum() < whole.labels.sum()
    assert (shown.ids == whole.ids).all()


def test_the_classes_that_lose_pictures_are_counted_and_said(cropped):
    lost, sentence = crops.cropped_classes(cropped), crops.crop_sentence(cropped)
    assert (lost.whole > lost.cropped).all() and lost.lost.is_monotonic_decreasing
    assert lost.category[0] in sentence and f"{len(lost)} classes lose pictures" in sentence
