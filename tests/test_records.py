"""Records hold what they were given, and what is asked for later is made once, when it is asked for."""

import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest

from mindreader.records import Embeddings, LayoutError, Stimuli, Trials

CAPTIONS = pd.DataFrame({"image_id": [5, 3], "caption_id": [1, 2], "caption": ["a", "b"]})
CLASSES = pd.DataFrame({"image_id": [5, 3], "category": ["dog", "sky"], "kind": ["thing", "stuff"]})


def stimuli(annotations):
    return Stimuli(np.array([5, 3]), np.zeros((2, 4, 4, 3), np.uint8), CAPTIONS, annotations)


def test_classes_are_made_once_and_when_they_are_asked_for():
    asked = []
    record = stimuli(lambda: asked.append(1) or CLASSES)
    other = record.with_captions(CAPTIONS[:1])
    taken = other.take([3])
    assert repr(record) == "Stimuli(2 images, 2 captions)" and not asked
    assert record.annotations is CLASSES and record.annotations is CLASSES and len(asked) == 1
    assert taken.annotations.category.tolist() == ["sky"] and other.annotations.equals(CLASSES)


def test_a_table_given_is_the_table_had():
    record = stimuli(CLASSES)
    assert record.annotations is CLASSES and replace(record, captions=CAPTIONS[:1]).annotations is CLASSES
    assert record.take([5]).annotations.category.tolist() == ["dog"]


def test_classes_that_cannot_be_read_are_asked_for_again():
    def missing():
        raise LayoutError("no file")

    record = stimuli(missing)
    for _ in range(2):
        with pytest.raises(LayoutError, match="no file"):
            record.annotations


def test_classes_stay_as_they_are():
    with pytest.raises(FrozenInstanceError):
        stimuli(CLASSES).annotations = CLASSES
    with pytest.raises(TypeError, match="annotations"):
        Stimuli(np.array([5]), np.zeros((1, 4, 4, 3), np.uint8), CAPTIONS)


def test_a_record_that_is_sent_to_another_process_has_its_classes():
    assert pickle.loads(pickle.dumps(stimuli(lambda: CLASSES))).annotations.equals(CLASSES)


def test_an_embedding_is_known_by_its_whole_key():
    both = Embeddings(np.zeros((3, 2), np.float32), np.array([7, 7, 9]), np.array([0, 1, 0]), "caption", "clip")
    assert both.index.tolist() == [(7, 0), (7, 1), (9, 0)]


@pytest.mark.parametrize("n,expected", [(2, [10, 20]), (None, [10, 20, 30]), (9, [10, 20, 30])])
def test_the_first_trial_of_each_picture_comes_in_trial_order(n, expected):
    ids, keys = np.array([7, 3, 7, 9, 3]), np.array([40, 10, 20, 30, 50])
    embeddings = Embeddings(np.zeros((5, 2)), ids, keys, "image", "fmri")
    trials = Trials(np.zeros((5, 2), np.float32), ids, keys, np.ones(5, int))
    assert embeddings.keys[embeddings.first_rows(n)].tolist() == trials.trial_ids[trials.first_rows(n)].tolist() == expected
