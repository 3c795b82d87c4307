"""Sections of chapters join captions by image and id: ids need not be unique over images."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from mindreader.companion.ch00_subject import recovered, subject
from mindreader.companion.ch01_screening import screening
from mindreader.embedding import score_captions
from mindreader.experiments import experiment
from mindreader.records import Embeddings, Stimuli

GRADES = ("specific", "partial", "vague", "specific", "off")


def run_with(number):
    """12 pictures of 5 captions; `number` gives the ids; the grades go round from picture to picture."""
    rng, ids = np.random.default_rng(4), np.arange(12)
    image = np.repeat(ids, 5)
    captions = pd.DataFrame({"image_id": image, "caption_id": number(np.arange(60)), "caption": [f"c{i}" for i in range(60)]})
    grades = [GRADES[(i + i // 5) % 5] for i in range(60)]
    stimuli = Stimuli(ids, np.zeros((12, 8, 8, 3), np.uint8), captions, pd.DataFrame())
    picture = Embeddings(rng.normal(size=(12, 16)).astype(np.float32), ids, np.zeros(12, int), "image", "clip")
    text = Embeddings(rng.normal(size=(60, 16)).astype(np.float32), image, captions.caption_id.to_numpy(), "caption", "clip")
    return SimpleNamespace(
        subject=SimpleNamespace(stimuli=stimuli), origin="twin", memo={}, embeddings={"image": picture, "caption": text},
        experiment=experiment("smoke"), caption_scores=score_captions(stimuli, picture, text, logit_scale=10),
        plant=SimpleNamespace(captions=captions[["image_id", "caption_id"]].assign(grade=grades).sample(frac=1, random_state=1)))


UNIQUE, WITHIN = run_with(lambda n: n + 1), run_with(lambda n: n % 5)


def test_captions_have_their_own_grade_beside_clips_probability():
    for found, expected in zip(screening.screening_examples(WITHIN, 12), screening.screening_examples(UNIQUE, 12)):
        assert found.equals(expected) if isinstance(found, pd.DataFrame) else (found == expected).all()
    assert len(screening.screening_examples(WITHIN, 12)[1]) == 60


def test_captions_have_their_own_grade_beside_the_scenes(monkeypatch):
    monkeypatch.setattr(subject, "outlines_of", lambda run, ids: {i: [] for i in ids})
    found, expected = (subject.annotated_scenes(run, 12)[2] for run in (WITHIN, UNIQUE))
    assert found.equals(expected) and len(found) == 60 and set(found.grade) == set(GRADES)


def test_real_captions_have_no_grade():
    real = SimpleNamespace(**{**vars(WITHIN), "origin": "nsd", "plant": None})
    assert set(screening.screening_examples(real, 12)[1].grade) == {"unknown"}
    assert set(subject._grades(real).columns) == {"image_id", "caption_id", "grade"}


def test_one_specific_caption_of_each_picture_is_matched():
    found, expected = (recovered.clip_matches(run) for run in (WITHIN, UNIQUE))
    assert found.equals(expected) and set(found.n) == {12}
