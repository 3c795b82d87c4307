"""Chapter 05's table and conclusions: AUCs by another's code, differences that are paired, and planted ones that are found."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mindreader.companion.ch05_category_auc import conclusions, inputs, profiles
from mindreader.companion.ch05_category_auc.inputs import CLIP, FMRI, INPUTS, NOISELESS, RESNET, TO_CLIP, TO_RESNET
from mindreader.core import Covers, record
from mindreader.experiments import experiment
from mindreader.records import Embeddings, Stimuli, Trials, Unfit
from mindreader.uncertainty import score_interval

N_PICTURES, REPEATS = 120, 2
# how much of a class each input carries: things (even columns) and stuff (odd) apart
SIGNAL = {CLIP: (4.0, 2.0), FMRI: (2.0, 1.0), TO_CLIP: (2.0, 1.0), RESNET: (0.5, 0.5), TO_RESNET: (0.1, 0.1)}


def run_of(signal, *, kinds=("thing", "stuff") * 6, origin="twin", seed=0):
    """A run whose classifiers have these strengths, and nothing else: labels, and logits of every input."""
    rng = np.random.default_rng(seed)
    ids, names = np.arange(N_PICTURES), [f"class {c:02d}" for c in range(len(kinds))]
    there = rng.random((N_PICTURES, len(kinds))) < np.linspace(0.15, 0.5, len(kinds))
    rows = [(ids[i], names[c], kinds[c]) for i, c in np.argwhere(there)] + [(10_000, "yeti", "thing")]
    table = pd.DataFrame(rows, columns=["image_id", "category", "kind"])
    stimuli = Stimuli(np.append(ids, 10_000), np.zeros((N_PICTURES + 1, 2, 2, 3), np.uint8), pd.DataFrame(), table)
    shown = np.tile(ids, REPEATS)
    trials = Trials(np.zeros((len(shown), 3), np.float32), shown, np.arange(len(shown)), np.ones(len(shown), int))
    run = SimpleNamespace(subject=SimpleNamespace(stimuli=stimuli, validation=trials), memo={}, origin=origin, experiment=experiment("smoke"))
    truth = profiles.category_labels(stimuli)
    labels, is_thing = truth.at(shown), np.array(truth.kinds) == "thing"
    shared = rng.standard_normal(labels.shape)
    run.memo["category logits", inputs.AS_PAPER, 1] = {
        name: (labels * np.where(is_thing, *strength) + shared + 0.3 * rng.standard_normal(labels.shape))[None]
        for name, strength in signal.items()}
    run.memo["missing inputs"] = {name: f"{name} is left out" for name in INPUTS if name not in signal}
    run.memo |= {("n_dims", name): 3 for name in INPUTS}
    return run


@pytest.fixture(scope="module")
def run():
    return run_of(SIGNAL)


def row(table, name):
    return table[table.name == name].iloc[0]


def test_the_auc_of_each_class_is_scikit_learns(run):
    found, ids = profiles.profile(run, FMRI), run.subject.validation.image_ids
    truth = profiles.category_labels(run.subject.stimuli)
    labels, scores = truth.at(ids), run.memo["category logits", inputs.AS_PAPER, 1][FMRI][0]
    expected = [roc_auc_score(labels[:, c], scores[:, c]) for c in map(truth.names.index, found.names)]
    np.testing.assert_allclose(found.values, expected, atol=1e-12)


def test_a_class_that_never_occurs_is_left_out_by_name(run):
    assert "yeti" not in profiles.profile(run, FMRI).names
    assert [s for s in inputs.sentences(run) if "yeti" in s] == ["1 of 13 classes are in no validation picture and have no AUC: yeti"]


def test_where_no_class_can_be_scored_one_sentence_says_so():
    run = run_of({FMRI: (1.0, 1.0)}, kinds=())
    with pytest.raises(ValueError, match="none of 1 classes is in some and not in all of the 120 validation pictures, expected at least one"):
        profiles.profile(run, FMRI)


def test_the_table_has_the_paper_s_five_inputs_with_its_share_of_activity(run):
    table = profiles.table_two(run)
    overall = table[table.metric == "AUC overall"].set_index("name")
    assert set(overall.index) == set(SIGNAL)
    np.testing.assert_allclose(overall.share, overall.value / overall.value[FMRI], atol=1e-12)
    np.testing.assert_allclose(overall.above, (overall.value - 0.5) / (overall.value[FMRI] - 0.5), atol=1e-12)
    assert overall.paper_share[CLIP] == pytest.approx(1.1236) and overall.paper[FMRI] == 0.8293
    assert (table.low <= table.value).all() and (table.value <= table.high).all()
    values = profiles.table_two_summary(table)
    assert values["resnet_share"]["ours"] == overall.share[RESNET] and "fmri_share" not in values
    assert values["resnet_share"]["covers"] == values["clip_things"]["covers"] == Covers.PICTURES_ONE_FIT


def test_a_share_of_what_lies_at_chance_is_not_made_up():
    table = profiles.table_two(run_of({FMRI: (-0.5, -0.5), CLIP: (1.0, 1.0)}))
    assert table.above.isna().all() and table.share.notna().all()


def test_the_planted_conclusions_are_found(run):
    table = conclusions.differences(run)
    assert row(table, f"{RESNET} less {CLIP}").says == "as the paper" and row(table, f"{RESNET} less {CLIP}").agreeing == 1.0
    assert row(table, f"things less stuff, {CLIP}").says == "as the paper"
    resnet = row(table, f"things less stuff, {RESNET}")
    assert resnet.says == "" and resnet.low < 0 < resnet.high
    kept = row(table, f"{TO_CLIP} less {FMRI}")
    assert kept.low < 0 < kept.high and kept.says == ""
    assert row(table, f"share above chance that decoding keeps, {CLIP} less {RESNET}").value > 0


def test_a_planted_difference_the_other_way_speaks_against_the_paper():
    table = conclusions.differences(run_of(SIGNAL | {CLIP: (1.0, 4.0), RESNET: (5.0, 5.0)}))
    assert row(table, f"{RESNET} less {CLIP}").says == "against it" and row(table, f"things less stuff, {CLIP}").says == "against it"


def test_differences_are_paired():
    """Inputs share their noise, so their difference is known far better than either."""
    run = run_of(SIGNAL)
    apart = row(conclusions.differences(run), f"{TO_CLIP} less {FMRI}")
    alone = score_interval(profiles.profile(run, FMRI).mean("overall"))
    assert apart.high - apart.low < 0.7 * (alone.high - alone.low)


def test_at_one_frequency_only_the_kind_counts():
    """AUCs that are a planted sum of kind and log frequency give the planted coefficient of the kind."""
    run = run_of(SIGNAL)
    classes = profiles.profile(run, FMRI)
    planted = 0.6 + 0.07 * (classes.kinds == "thing") - 0.05 * np.log(classes.n_present)
    exact = profiles.Profile(classes.names, classes.kinds, classes.n_present, tuple(
        profiles.replace(each, values=np.array([value])) for each, value in zip(classes.classes, planted)))
    assert conclusions._gap_at_one_frequency(exact).values[0] == pytest.approx(0.07)
    assert conclusions._gap(exact).values[0] != pytest.approx(0.07, abs=1e-3)


def test_conclusions_whose_inputs_are_missing_are_left_out():
    table = conclusions.differences(run_of({name: SIGNAL[name] for name in (CLIP, FMRI, TO_CLIP)}))
    assert len(table) and not table.name.str.contains(RESNET).any()


def test_a_group_without_classes_is_said_and_the_others_go_on():
    table = conclusions.differences(run_of(SIGNAL, kinds=("thing",) * 12))
    gaps = table[table.name == f"things less stuff, {CLIP}"].iloc[0]
    assert gaps.says.startswith("not computed: no class of stuff") and row(table, f"{RESNET} less {CLIP}").says == "as the paper"
    assert "difference_gap_clip" not in conclusions.conclusions_summary(table, conclusions.agreement(run_of(SIGNAL), n_draws=99))


def test_agreement_over_classes_is_pearson_s_and_has_a_null_and_an_interval(run, tmp_path):
    table = conclusions.agreement(run, n_draws=999).set_index("name")
    found = table.loc[f"{TO_CLIP} and {FMRI}"]
    expected = np.corrcoef(profiles.profile(run, TO_CLIP).values, profiles.profile(run, FMRI).values)[0, 1]
    assert found.value == pytest.approx(expected) and found.p < 0.05 and found.low < found.value < found.high
    values = conclusions.conclusions_summary(conclusions.differences(run), table.reset_index())
    assert values["agreement_mapped_and_fmri"]["low"] == found.low
    assert record("05", {"origin": "twin", "preset": "smoke", "values": values}, root=tmp_path)      # all say what they cover


def test_what_a_picture_adds_to_the_agreement_is_its_slope(run):
    """By a small change of every class's AUC along the contributions of one picture."""
    a, b = profiles.profile(run, CLIP), profiles.profile(run, FMRI)
    found, step, n = conclusions._over_classes(a, b), 1e-6, len(a.classes[0].image_ids)
    for picture in range(5):
        moved = [np.array([each.values.mean() + step * each.parts[0, picture] / n for each in side.classes]) for side in (a, b)]
        slope = (np.corrcoef(*moved)[0, 1] - found.values[0]) / step * n
        assert found.parts[0, picture] == pytest.approx(slope, abs=1e-3)


def test_frequency_is_a_correlation_of_ranks(run):
    classes = profiles.profile(run, FMRI)
    found = conclusions.frequencies(run, (FMRI,), n_draws=99).iloc[0]
    assert found.value == pytest.approx(pd.Series(classes.values).corr(pd.Series(classes.n_present), method="spearman"))


def test_the_page_has_a_row_for_each_input_with_the_numbers_of_the_long_table(run):
    table = profiles.table_two(run)
    wide = profiles.table_two_by_group(table)
    assert list(wide.name) == list(dict.fromkeys(table.name))
    for group, column in (("things", "things"), ("stuff", "stuff"), ("overall", "value")):
        np.testing.assert_array_equal(wide[column], table[table.metric == f"AUC {group}"].value)
    alone = profiles.table_two_by_group(profiles.table_two(run_of(SIGNAL, kinds=("thing",) * 12)))
    assert "things" in alone and "stuff" not in alone


def test_what_this_subject_does_not_have_is_said_once_each():
    def refuse(names):
        raise Unfit("found the low-level network, expected another")

    run = SimpleNamespace(memo={}, origin="nsd", check_networks=refuse, experiment=experiment("paper"))
    said = inputs.missing(run)
    assert set(said) == {RESNET, TO_RESNET, NOISELESS, inputs.FACTORS}
    assert said[RESNET] == f"{RESNET} is left out: found the low-level network, expected another"
    with pytest.raises(ValueError, match="noiseless brain is left out: nothing was planted in real data"):
        inputs.classifier(run, NOISELESS)


def test_two_embeddings_of_a_trial_stand_beside_each_other_whatever_their_order(rng):
    ids, keys = np.arange(6), np.arange(6) + 10
    one = Embeddings(rng.standard_normal((6, 2)).astype(np.float32), ids, keys, "image", "fmri")
    other = Embeddings(one.vectors + 1, ids, keys, "caption", "fmri").take(rng.permutation(6))
    both = inputs._beside(one, other)
    np.testing.assert_array_equal(both.vectors[:, 2:], both.vectors[:, :2] + 1)
