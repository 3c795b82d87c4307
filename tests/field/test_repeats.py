"""Repeats are averaged as each paper's code does it, and training sees no trial of an image that is scored."""

import numpy as np
import pandas as pd
import pytest

from mindreader.field import PRACTICES, average_repeats, repeats_in_words, scored_trials, training_subject
from mindreader.field.metrics import EIGHT
from mindreader.nsd import DataConfig, load_subject
from mindreader.records import Trials

MINDEYE, BRAIN_DIFFUSER = PRACTICES.values()


@pytest.fixture(scope="module")
def subject(tiny_twin):
    return load_subject(tiny_twin, "subj01", DataConfig(split="shared1000", image_size=8))


def by_pandas(trials):
    return pd.DataFrame(trials.betas.astype(float)).groupby(trials.image_ids).mean()


def test_the_mean_over_repeats_is_that_of_pandas_however_many_there_are(rng):
    ids = rng.integers(0, 700, 2000)        # more than are averaged at once
    trials = Trials(rng.normal(size=(2000, 5)).astype(np.float32), ids, rng.permutation(5000)[:2000], np.ones(2000, int))
    mean = average_repeats(trials)
    np.testing.assert_allclose(mean.betas, by_pandas(trials).loc[mean.image_ids], rtol=1e-6, atol=1e-6)
    first = pd.Series(trials.trial_ids).groupby(ids).min()
    assert mean.trial_ids.tolist() == sorted(first) and first.loc[mean.image_ids].tolist() == mean.trial_ids.tolist()
    other = average_repeats(trials.take(rng.permutation(2000)))
    assert other.image_ids.tolist() == mean.image_ids.tolist()
    np.testing.assert_allclose(other.betas, mean.betas, atol=1e-6)


def test_an_image_that_was_shown_once_keeps_its_activity(subject):
    once = pd.Series(subject.trials.image_ids).value_counts().loc[lambda n: n == 1].index
    mean = average_repeats(subject.trials.of(once))
    np.testing.assert_array_equal(mean.betas, subject.trials.of(once).betas)


def test_the_noise_of_a_mean_falls_with_the_root_of_its_repeats(rng):
    trials = Trials(rng.normal(size=(9000, 20)).astype(np.float32), np.repeat(np.arange(3000), 3), np.arange(9000), np.ones(9000, int))
    assert average_repeats(trials).betas.std() == pytest.approx(1 / np.sqrt(3), rel=0.01)


def test_both_papers_score_the_mean_of_each_shared_image(subject):
    scored = scored_trials(subject)
    assert sorted(scored.image_ids) == sorted(set(subject.split.validation))
    np.testing.assert_allclose(scored.betas, by_pandas(subject.validation).loc[scored.image_ids], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("practice", PRACTICES.values(), ids=list(PRACTICES))
def test_training_sees_no_trial_of_an_image_that_is_scored(subject, practice):
    training = training_subject(subject, practice, n_stop=5, seed=1)
    assert not set(training.trials.image_ids) & set(subject.split.validation)
    assert len(training.split.validation) == 5 and not set(training.split.validation) & set(training.split.train)
    assert set(training.split.train) | set(training.split.validation) == set(subject.split.train)


def test_mindeye_trains_on_single_trials_and_brain_diffuser_on_means(subject):
    single, means = (training_subject(subject, practice, n_stop=5) for practice in (MINDEYE, BRAIN_DIFFUSER))
    np.testing.assert_array_equal(single.trials.betas, subject.train.betas)
    np.testing.assert_allclose(means.trials.betas, by_pandas(subject.train).loc[means.trials.image_ids], rtol=1e-5, atol=1e-6)
    assert len(means.trials) == len(subject.split.train) < len(single.trials)


def test_the_images_that_stop_a_fit_are_few_and_drawn_by_the_seed(subject):
    few, one, other = (training_subject(subject, MINDEYE, seed=seed).split.validation for seed in (0, 1, 2))
    assert len(few) == len(subject.split.train) // 10
    assert set(one) != set(other)
    np.testing.assert_array_equal(one, training_subject(subject, MINDEYE, seed=1).split.validation)


def test_each_paper_s_practice_has_its_own_table_of_the_eight_and_keeps_pictures_as_its_code_does():
    assert [(p.metrics, p.average_training, p.original_px) for p in (MINDEYE, BRAIN_DIFFUSER)] == [
        ("eight/mindeye", False, 256), ("eight/brain-diffuser", True, 425)]
    assert all(practice.metrics in EIGHT for practice in PRACTICES.values())


def test_how_often_images_were_shown_is_said_in_words(subject):
    times = pd.Series(subject.validation.image_ids).value_counts()
    told = repeats_in_words(subject.validation)
    assert told.startswith(f"{len(times)} images in {times.sum()} trials ({(times == 1).sum()} shown once, ")
