"""Chapter 05's classifiers, fitted before they are asked for: each that the chapter asks for, once, and none that is there."""

from types import SimpleNamespace

import numpy as np
import pytest

from mindreader.companion.ch05_category_auc import fitting, inputs, masking
from mindreader.companion.ch05_category_auc.inputs import AS_PAPER, CLIP, FMRI, ONE_CLASSIFIER, RESNET, TO_CLIP, TO_RESNET
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline


@pytest.fixture(scope="module")
def run():
    return Pipeline(experiment("smoke"))


def test_the_jobs_are_what_the_chapter_asks_for(run, monkeypatch):
    asked = set()

    def record(run, name, *, variant=AS_PAPER, repeat=0, mask=None, labels=None):
        stage, extra = inputs._stage(name, variant, repeat, mask, labels)
        asked.add((stage, tuple(sorted(extra.items()))))
        return SimpleNamespace(logits=np.random.default_rng(0).normal(size=(len(run.subject.validation), 99)))

    for module in (inputs, masking):
        monkeypatch.setattr(module, "classifier", record)
    for variant in inputs.VARIANTS:
        inputs.logits(run, None if variant == AS_PAPER else inputs.TABLE_2, variant=variant)
    masking.masking_curves(run, ratios=masking.RATIOS_ANEW, ways=(masking.AT_RANDOM,), fitted=masking.REFITTED)
    run.memo.clear()
    found = [inputs._stage(name, variant, 0, fitting._mask(run, (name, variant, ratio)), None) for name, variant, ratio in fitting.jobs(run)]
    found = [(stage, tuple(sorted(extra.items()))) for stage, extra in found]
    of_shuffled = {each for each in asked if dict(each[1])["input"] == inputs.SHUFFLED}     # which is that of activity
    assert len(found) == len(set(found)) and set(found) == asked - of_shuffled


def test_one_classifier_for_all_inputs_is_clips_own(run):
    assert inputs._stage(CLIP, ONE_CLASSIFIER, 0, None, None) == inputs._stage(CLIP, AS_PAPER, 0, None, None)
    assert inputs._stage(RESNET, ONE_CLASSIFIER, 0, None, None) != inputs._stage(RESNET, AS_PAPER, 0, None, None)


def test_what_others_wait_for_comes_first_and_they_last(run):
    found = fitting.jobs(run)
    assert found[0] == (TO_RESNET, AS_PAPER, 0.0) and {name for name, _, _ in found[-2:]} == {TO_RESNET}
    assert found[1][0] == FMRI


@pytest.mark.parametrize("epochs, n_voxels, n_jobs", [(15, 1024, 1), (1, 1024, 0), (15, 15724, 0)])
def test_fits_run_side_by_side_where_that_is_worth_it_and_none_is_made_twice(monkeypatch, epochs, n_voxels, n_jobs):
    ran = []
    e = experiment("smoke", {"category.epochs": epochs})
    run = SimpleNamespace(experiment=e, subject=SimpleNamespace(n_voxels=n_voxels))
    waiting = [(CLIP, AS_PAPER, 0.0)] * 20
    monkeypatch.setattr(fitting, "jobs", lambda run: [(TO_CLIP, AS_PAPER, 0.0), *waiting])
    monkeypatch.setattr(fitting, "is_fitted", lambda run, name, **_: name == TO_CLIP)
    monkeypatch.setattr(fitting, "how_many", lambda n, most: 1 if n < 200 else 2)
    monkeypatch.setattr(fitting, "run_jobs", lambda work, run, jobs, n, **_: ran.append((jobs, n)))
    fitting.fit_classifiers(run)
    assert ran == [(waiting, 2)] * n_jobs
