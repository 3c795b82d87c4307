"""The later field's way, from the design to its table: what is scored is in no training, and no number of a twin is set beside NSD's."""

from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

from mindreader import field
from mindreader.companion.ch03_gan import shared_images as page
from mindreader.core import ParameterError, Store, fingerprint
from mindreader.experiments import experiment
from mindreader.field.published import METRICS
from mindreader.pipeline import NEEDS, Pipeline
from mindreader.records import LayoutError
from mindreader.studies import shared_images
from mindreader.studies.shared_images import scores as scoring

TINY = {"subject": "twin01", "twin.n_sessions": 2, "twin.trials_per_session": 120, "twin.n_voxels": 96, "mapping.epochs": [1, 1],
        "mapping.hidden": 16, "mapping.n_blocks": 1, "mapping.fc_hidden": 16, "gan.kimg": 0.008, "gan.tick_kimg": 0.008,
        "evaluate.n_bootstrap": 20}
MINDEYE, BRAIN_DIFFUSER = field.PRACTICES.values()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run at the preset, tiny; the simulated subject is the tests'."""
    return Pipeline(experiment("shared1000", TINY), Store(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def scores(run):
    return shared_images.shared_image_scores(run, "both")


# ── the split ──
def test_the_split_is_that_of_the_design_as_brain_diffuser_reads_it(run):
    """An image is shared where masterordering is at most the number of shared images; only trials on disk count."""
    design = loadmat(run.layout.expdesign, squeeze_me=True)
    with h5py.File(run.layout.session(1)) as file:
        n_trials = file["betas"].shape[0] * run.experiment.twin.n_sessions
    order = design["masterordering"].astype(int)[:n_trials]
    pictures = design["subjectim"][0].astype(int)[order - 1] - 1
    shared = order <= len(np.atleast_1d(design["sharedix"]))
    assert set(run.split.validation) == set(pictures[shared]) and set(run.split.train) == set(pictures[~shared])
    assert (len(run.subject.validation), len(run.subject.train)) == (shared.sum(), (~shared).sum())
    times = pd.Series(pictures[shared]).value_counts()
    assert times.between(1, 3).all() and times.nunique() > 1, "as in NSD's first 37 sessions, not all repeats are there"
    assert f"{len(times)} images in {shared.sum()} trials ({(times == 1).sum()} shown once, {(times == 2).sum()} twice, " in \
        shared_images.what_was_scored(run)


def test_z_scores_come_from_training_trials_alone(run):
    """Those of the scored trials are off the mean and spread that training has exactly."""
    train, shared = run.subject.train, run.subject.validation
    for session in np.unique(train.sessions):
        here = train.betas[train.sessions == session][:, run.subject.rois["valid"]]
        assert np.abs(here.mean(0)).max() < 1e-4 and np.abs(here.std(0) - 1).max() < 1e-3
        assert np.abs(shared.betas[shared.sessions == session].mean(0)).max() > 1e-2


# ── what is fitted ──
@pytest.mark.parametrize("practice", field.PRACTICES.values(), ids=list(field.PRACTICES))
def test_other_activity_and_other_pictures_of_the_scored_images_train_the_same(run, practice, tmp_path):
    usual = shared_images.averaged(run, practice)
    other = Pipeline(run.experiment, Store(tmp_path))
    hidden = np.isin(run.subject.trials.image_ids, run.split.validation)
    other.subject = replace(run.subject, trials=run.subject.trials.replace(np.where(hidden[:, None], 99, run.subject.trials.betas)))
    again = shared_images.averaged(other, practice)
    np.testing.assert_array_equal(again.subject.trials.betas, usual.subject.trials.betas)
    np.testing.assert_array_equal(again.mapper("image").predict(usual.subject.trials).vectors, usual.mapped["image"].vectors)


def test_the_stages_that_trials_reach_are_each_practice_s_own_and_the_others_shared(run):
    pipelines = [run, *(shared_images.averaged(run, practice) for practice in field.PRACTICES.values())]
    for stage in NEEDS:
        keys = {fingerprint(pipeline.key(stage, {})) for pipeline in pipelines}
        assert len(keys) == (1 if stage in shared_images.UNCHANGED else 3), stage


# ── the route ──
def test_both_practices_score_every_shared_image_once_by_their_own_table(run, scores):
    assert set(scores.repeats) == {MINDEYE.stamp, BRAIN_DIFFUSER.stamp} and set(scores.origin) == {"twin"}
    assert (scores.n == len(run.split.validation)).all()
    for practice in field.PRACTICES.values():
        mine = scores[scores.repeats == practice.stamp]
        assert [name for name in METRICS if name in set(mine.metric.str.removesuffix(" (twin)"))] == list(METRICS)
        assert set(mine.protocol[mine.protocol.str.startswith("eight/")].str.partition(";")[0]) == {f"{practice.metrics}@1"}
        assert mine.name.str.contains(f"^simulated subject twin01, repeats as {practice.title}$").all()
    assert np.isfinite(scores.value).all() and (scores.low <= scores.value).all() and (scores.value <= scores.high).all()


def test_retrieval_is_mindeye_s_among_as_many_as_there_are_and_among_all(run, scores):
    found = scores[scores.protocol.str.startswith("retrieval/")]
    n = len(run.split.validation)
    assert sorted(found.protocol[found.repeats == MINDEYE.stamp]) == sorted(
        f"{name}@1 (n={n}{more})" for name in shared_images.RETRIEVALS for more in ("", ", n_draws=1"))
    assert found.chance.to_numpy() == pytest.approx(1 / n)


def test_a_mean_over_repeats_is_decoded_and_not_the_mean_of_what_was_decoded(run):
    averaged = shared_images.averaged(run, MINDEYE)
    mapper = averaged.mapper("image")
    single = mapper.predict(run.subject.validation).per_image()
    mean = averaged.scored("both")["image"]
    assert sorted(mean.image_ids) == sorted(single.image_ids)
    several = [i for i, n in zip(*np.unique(run.subject.validation.image_ids, return_counts=True)) if n > 1]
    betas = field.average_repeats(run.subject.validation.of(several[:1]))
    np.testing.assert_allclose(mapper.predict(betas).vectors, mean.take(mean.image_ids == several[0]).vectors, rtol=1e-5)


def test_pictures_that_were_shown_are_kept_as_each_paper_s_code_keeps_them(run):
    for practice in field.PRACTICES.values():
        originals = scoring._originals(shared_images.averaged(run, practice))
        assert originals.images.shape[1:] == (practice.original_px, practice.original_px, 3)
        assert sorted(originals.ids) == sorted(run.split.validation)
    with h5py.File(run.layout.stimuli) as file:
        np.testing.assert_array_equal(originals.images[0], file["imgBrick"][originals.ids[0]])


def test_no_score_of_a_simulated_subject_stands_beside_published_ones(run, scores):
    with pytest.raises(ValueError, match="got scores of origin twin, expected nsd alone"):
        field.beside_published(scores, "subj01")
    table = page.shared_image_table(run, scores)
    assert len(table) == 2 and set(table.whose) == {"simulated subject"} and not set(table.system) & set(
        field.published_scores().system)
    assert table.system.str.startswith("simulated subject twin01").all()
    entries = page.shared_image_entries(scores)
    assert len(entries) == len(scores) and all(e["note"].startswith("simulated subject twin01") for e in entries.values())


def test_weights_of_another_table_take_six_metrics_and_no_training(run, scores, monkeypatch):
    def refuse(*_, **__):
        raise LayoutError("found efficientnet_b1 V2, expected V1")

    monkeypatch.setattr(field, "feature_extractors", refuse)
    rows = scoring._scores(shared_images.averaged(run, BRAIN_DIFFUSER), "both")
    assert {"PixCorr", "SSIM", "six of the eight, not computed: found efficientnet_b1 V2, expected V1"} < set(rows.metric)


def test_a_run_that_validates_on_other_images_has_no_such_scores():
    assert shared_images.shared_image_scores(Pipeline(experiment("smoke")), "both").empty
    assert "-p preset shared1000" in shared_images.LEFT_OUT and page.shared_image_entries(pd.DataFrame()) == {}


def test_scores_of_nsd_stand_below_published_ones_on_the_page(scores):
    real = scores.assign(origin="nsd", name="this book subj01", metric=scores.metric.str.removesuffix(" (twin)"))
    run = SimpleNamespace(origin="nsd", experiment=SimpleNamespace(subject="subj01"))
    table = page.shared_image_table(run, real)
    assert (table.whose == "ours").sum() == 2 and (table.whose == "published").sum() == len(field.published_scores())
    found = table[table.whose == "ours"].set_index("table").loc["eight/mindeye@1", "CLIP ↑"]
    assert found == real[(real.metric == "CLIP") & (real.repeats == MINDEYE.stamp)].value.item()


def test_the_command_writes_a_table_of_its_own_and_refuses_another_split(run, scores, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scoring, "Pipeline", lambda wanted: run if wanted == run.experiment else pytest.fail("another experiment"))
    monkeypatch.setattr(scoring.core, "output_root", lambda name: tmp_path / name)
    settings = ", ".join(f"{name}: {value}" for name, value in TINY.items() if name != "subject")
    assert shared_images.main(["--subject", "twin01", "-y", f"{{{settings}}}"]) == 0
    (written,) = tmp_path.glob("shared_images__cond-both*/tables/shared_images.csv")
    assert str(written) in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_csv(written)[["name", "metric", "n"]], scores[["name", "metric", "n"]], check_dtype=False)
    monkeypatch.setattr(scoring, "Pipeline", Pipeline)
    with pytest.raises(ParameterError, match="got data.split='random', expected 'shared1000'; leave it out"):
        shared_images.main(["-y", "data.split: random", "--subject", "twin01"])


@pytest.mark.parametrize("origin, written", [("nsd", ["beside_published", "shared_images"]), ("rehearsal", ["shared_images"]),
                                             ("twin", ["shared_images"])])
def test_the_command_writes_a_table_with_published_numbers_for_nsd_alone(origin, written, tmp_path, monkeypatch):
    row = {"name": "this book subj01", "metric": "PixCorr", "value": 0.1, "n": 982, "origin": origin, "repeats": MINDEYE.stamp,
           "protocol": "eight/mindeye@1; PixCorr"}
    monkeypatch.setattr(scoring, "Pipeline", lambda wanted: SimpleNamespace(origin=origin, experiment=wanted))
    monkeypatch.setattr(scoring, "shared_image_scores", lambda run, cond: pd.DataFrame([row]))
    monkeypatch.setattr(scoring, "what_was_scored", lambda run: "")
    monkeypatch.setattr(scoring.core, "output_root", lambda name: tmp_path)
    assert shared_images.main(["--subject", "subj01"]) == 0
    assert sorted(path.stem for path in (tmp_path / "tables").glob("*.csv")) == written
