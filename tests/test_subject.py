"""Chapter 00 at smoke size: the panels, the table of bars, and what is left when the data are real.

Smoke has 360 trials: the ceiling, the contrasts and the decoding of single trials cannot clear the chapter's bars with
so few. Here they must be on their side of chance; at full height they are held in test_recovery (contrasts, factors,
attention) and test_session (ceiling), by the same functions.
"""

import numpy as np
import pytest

from mindreader.companion import ch00_subject as report, plots
from mindreader.companion.ch00_subject import decoding, recovered
from mindreader.companion.ch00_subject.subject import outlines_of, session_moments
from mindreader.companion.chapter import start
from mindreader.core import Covers, record, weights
from mindreader.twin import CONTRASTS


@pytest.fixture(scope="module")
def run():
    return start("00_subject", "smoke")


@pytest.fixture(scope="module")
def rows(run):
    return report.recovery_table(run).set_index("found by")


def found(rows, words):
    one = rows[rows.index.str.contains(words, regex=False)]
    assert len(one) == 1, words
    return one.iloc[0]


# --- the panels ------------------------------------------------------------------------------------------------

def test_scenes_come_with_masks_and_five_graded_captions_best_first(run):
    images, outlines, captions = report.annotated_scenes(run, n=3)
    assert len(images) == len(outlines) == 3 and images.shape[1:] == outlines[0][0].mask.shape + (3,)
    for place, marked in enumerate(outlines):
        mine = captions[captions.image == place]
        assert mine.grade.tolist() == ["specific", "specific", "partial", "vague", "off"]
        known = run.subject.stimuli.annotations.query(f"image_id == {run.subject.stimuli.ids[place]}")
        assert {(o.category, o.kind) for o in marked} <= set(zip(known.category, known.kind))


def test_the_map_has_every_voxel_and_every_region_that_has_some(run):
    table, regions = report.brain_map(run)
    assert len(table) == run.subject.n_voxels and np.isfinite(table[["x", "y"]]).all(axis=None)
    assert (table.family == "faces").sum() == run.subject.rois["floc-faces"].sum() > 0
    assert "FFA-1" in regions and all(here.any() for here in regions.values())


def test_trials_of_one_picture_stand_together_in_the_matrix(run):
    matrix = report.repeat_matrix(run, n=4).to_numpy()
    assert matrix.shape == (12, 12)
    same = np.kron(np.eye(4), np.ones((3, 3))) - np.eye(12) > 0
    assert matrix[same].mean() > matrix[~same & ~np.eye(12, dtype=bool)].mean()


def test_z_scoring_takes_the_sessions_out(run):
    moments = session_moments(run)
    assert moments["share_before"].mean() > 0.01 and moments["share_after"].max() < 1e-6
    drift = report.session_drift(run, n_voxels=10)
    assert len(drift) == 20 and drift.planted.notna().all() and drift.after.abs().max() < 1e-4


def test_contrasts_are_marked_as_a_regions_own_once(run):
    table = report.region_contrasts(run)
    assert (table.groupby("region").own.sum() == 1).all() and set(table.contrast) == set(CONTRASTS)
    assert table.query("own and value == value")[["low", "high"]].notna().all(axis=None)


def test_what_was_attended_is_lit(run):
    table = report.attended_pictures(run, n=2)
    assert (table.groupby("image_id").size() == 3).all()
    assert (table.groupby("image_id").attended.nunique() > 1).all()
    for image, group in table.groupby("image_id"):
        marked = outlines_of(run, np.array([image]))[image]
        for trial in group.itertuples():
            lit = np.any([o.mask for o in marked if o.category == trial.attended], axis=0)
            coloured = np.ptp(trial.picture, axis=2) > 0
            assert not (coloured & ~lit).any()


def test_factors_to_show_are_the_most_frequent_classes(run):
    shown = report.factors_to_show(run, n_each=2)
    things = set(shown.query("group == 'things'").name)
    often = run.plant.factors.filter(like="has_").mean()
    assert "person" in things and len(things) == 2
    others = [n for n, g in zip(*decoding._targets(run)[:2]) if g == "things" and n not in things]
    assert min(often[f"has_{n}"] for n in things) >= max(often[f"has_{n}"] for n in others)


# --- the bars --------------------------------------------------------------------------------------------------

def test_every_row_of_the_design_has_a_bar(rows):
    for words in ("ncsnr", "screening probability", "own contrast", "zero-shot", "caption to picture",
                  "picture to caption", "linear decoding", "decoded from the trial", "session means"):
        row = found(rows, words)
        assert row.low <= row.value <= row.high and row.n > 0 and row.holds in ("yes", "no") and row.bar


def test_the_noise_ceiling_is_recovered(rows):
    assert found(rows, "ncsnr").value > 0.5      # smoke has 100 pictures with three trials, book 2,000: there 0.9


def test_caption_grades_are_recovered(rows):
    assert found(rows, "screening probability").value > 0.9


def test_the_weakest_region_prefers_its_own_category(rows):
    assert found(rows, "own contrast").value > 1      # eight faces at smoke, a hundred at book: there 5


def test_session_offsets_are_recovered(rows):
    assert found(rows, "session means").value > 0.8


def test_the_shipped_clip_knows_what_is_in_pictures_it_never_saw(rows):
    """Below the bars of the chapter, so that a retrained CLIP does not depend on 162 pictures."""
    assert found(rows, "zero-shot").value > 0.9
    assert found(rows, "caption to picture").value > 0.8 and found(rows, "picture to caption").value > 0.8


def test_factors_are_decoded_worse_from_single_trials_than_from_noiseless_responses(run):
    means = decoding.factor_means(run).set_index("name")
    assert means.high["single trials"] < means.low["noiseless responses"]
    assert means.value["single trials"] > means.value["shuffled pictures"]


def test_the_attended_thing_is_decoded_above_chance(run):
    row = decoding.attended_row(run).iloc[0]
    assert row.value > row.chance and 0 < row.p < 0.5


def test_the_record_repeats_the_table_and_adds_the_limits(run, rows, tmp_path):
    values = report.subject_summary(run)
    assert values["ceiling_r"]["ours"] == found(rows, "ncsnr").value
    assert (values["bars_held"]["ours"], values["bars"]["ours"]) == ((rows.holds == "yes").sum(), len(rows))
    assert values["drift_after"]["ours"] == 0 < values["drift_before"]["ours"]
    card = weights.load_card("clip")["scores"]
    assert values["card_top1_captions"]["ours"] == card["top1_captions"]
    assert values["factors_noiseless"]["ours"] > values["factors_single"]["ours"]
    covers = {key: values[key]["covers"] for key in ("ceiling_r", "fields_x", "contrast_weakest", "clip_category_auc", "attended")}
    assert [*covers.values()] == [Covers.VOXELS_NO_FIT, Covers.VOXELS_ONE_FIT, Covers.PICTURES_NO_FIT,
                                  Covers.PICTURES_ONE_TRAINING, Covers.PICTURES_ONE_FIT]
    assert record("00", {"origin": "twin", "preset": "smoke", "values": values}, root=tmp_path)


def test_another_region_than_the_planted_ones_is_refused():
    with pytest.raises(ValueError, match="got data.roi 'V1', expected 'nsdgeneral', whose voxels were planted"):
        report.noise_ceilings(start("00_subject", "smoke", overrides={"data.roi": "V1"}))


# --- real data -------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def real(run, tmp_path_factory):
    """The same folder without the marker that calls it simulated: what the chapter sees of a copy of NSD."""
    root = tmp_path_factory.mktemp("nsd")
    for part in run.layout.root.iterdir():
        if part.is_dir():
            (root / part.name).symlink_to(part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINDREADER_NSD", str(root))
        yield start("00_subject", "smoke", subject="subj01")


def test_panels_that_need_the_plant_are_left_out_for_real_data(real):
    assert real.origin == "nsd"
    for table in (report.noise_ceilings, report.region_contrasts, report.receptive_fields, report.factors_to_show,
                  report.attended_pictures):
        assert not len(table(real))
    assert "no planted truth" in report.NO_PLANT


def test_the_other_panels_are_drawn_for_real_data(real, run):
    _, outlines, captions = report.annotated_scenes(real, n=2)
    assert outlines[0] and set(captions.grade) == {""}
    assert len(report.brain_map(real)[0]) == run.subject.n_voxels and len(report.repeat_reliability(real))
    assert report.session_drift(real).planted.isna().all()
    assert {"repeat_same", "drift_before"} <= set(report.subject_summary(real))


def test_the_little_clip_is_not_asked_about_photographs(real, monkeypatch):
    row, known = report.recovery_table(real).iloc[0], report.clip_categories(real)
    assert "not computed" in row["found by"] and np.isnan(row.value) and row.holds == "not computed"
    assert known.value.isna().all() and "not computed" in known.input[0]
    assert "clip_category_auc" not in report.subject_summary(real) and report.subject_summary(real)["bars"]["ours"] == 0
    assert plots.dots(known, hue="input", origin=real.origin, chance=0.5, xlabel="ROC AUC", title="none").axes
    monkeypatch.setattr(type(real), "shows_photographs", False)   # as with a CLIP that knows them
    real.memo.clear()
    assert report.recovery_table(real)["found by"].tolist() == ["CLIP, zero-shot, mean ROC AUC"]
    assert "clip_category_auc" in report.subject_summary(real)
