"""modelcards: what is on a card is on the page, its curve as a picture, and the same card gives the same page."""

from __future__ import annotations

import json

import pytest

from mindreader.companion.pages import modelcards

CURVE = [{"step": 25, "minute": 0.5, "loss": 3.0}, {"step": 50, "minute": 1.0, "loss": 2.0, "auc": 0.9}]
STAGES = {"sketch": {"kimg": 120.0, "batch": 32, "network": {"size": 64}}, "compete": {"kimg": 110.0, "batch": 32,
                                                                                     "network": {"size": 64}}}


@pytest.fixture
def part(tmp_path):
    """Folder of a part with a card; gives what writes them."""
    def write(card, history=None):
        folder = tmp_path / "generator_lf"
        folder.mkdir(exist_ok=True)
        (folder / "card.json").write_text(json.dumps(card))
        if history:
            (folder / "history.csv").write_text(history)
        return folder / "card.json"

    return write


def shown(card, path):
    return modelcards.section(card, path.parent.name, modelcards.curve_of(path))


def test_facts_scores_and_checksum_are_on_the_card(part):
    card = {"name": "generator_lf", "data": {"n_train": 28500}, "minutes": 27.0, "hardware": "two cores",
            "sha256": "ab" * 32, "scores": {"auc": 0.9712, "each": {"dog": 0.9, "cat": 0.8}}, "tried": "something"}
    words = shown(card, part(card)).astext()
    for text in ("generator_lf", "language-free", "n train 28,500", "27.0", "two cores", "ab" * 32, "auc 0.971",
                 "each: dog 0.900, cat 0.800", "something"):
        assert text in words, text


def test_groups_of_scores_are_columns_and_settings_that_never_change_one_line(part):
    card = {"scores": {"image points": {"n": 1000, "2-way": 0.99}, "another real set": {"n": 1000, "FD": 1.7}},
            "recipe": STAGES}
    node = shown(card, part(card))
    tables = [[[cell.astext() for cell in row] for row in table.findall(modelcards.nodes.row)]
              for table in node.findall(modelcards.nodes.table)]
    assert tables[0] == [["", "image embeddings", "another real set"], ["n", "1,000", "1,000"], ["2-way", "0.990", "–"],
                         ["FD", "–", "1.70"]]
    assert tables[1] == [["", "regression 32 px", "adversarial"], ["kimg", "120", "110"]]
    assert "the same in all: batch 32, network (size 64)" in node.astext()


def test_a_curve_on_the_card_has_a_row_for_each_point(part):
    curve = modelcards.curve_of(part({"curve": CURVE}))
    assert curve.attrs["x"] == "minutes"
    assert list(curve.itertuples(index=False, name=None)) == [
        (0.5, "", "loss", 3.0), (1.0, "", "loss", 2.0), (1.0, "", "auc", 0.9)]


def test_stages_of_a_history_follow_one_another(part):
    curve = modelcards.curve_of(part({"curve": CURVE}, "stage,kimg,seconds,loss\na,1,9,5\na,2,18,4\nb,1,9,3\n"))
    assert curve.attrs["x"] == "thousand pictures"
    assert list(curve.itertuples(index=False, name=None)) == [
        (1, "a", "loss", 5), (2, "a", "loss", 4), (3, "b", "loss", 3)]


def test_without_a_curve_there_is_no_picture(part):
    path = part({"seed": 0})
    assert len(modelcards.curve_of(path)) == 0
    assert not list(shown({"seed": 0}, path).findall(modelcards.nodes.raw))


def test_the_picture_asks_nobody_is_described_and_is_the_same_every_time(part):
    path = part({"curve": CURVE})
    one, two = (next(shown({"name": "x"}, path).findall(modelcards.nodes.raw)).astext() for _ in range(2))
    assert one == two and 'src="data:image/svg+xml;base64,' in one
    assert 'alt="Training curves of x: loss, auc, over minutes."' in one and "http" not in one
