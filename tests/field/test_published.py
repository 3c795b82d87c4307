"""Published numbers have their source, and no number stands beside them that is not NSD's."""

import numpy as np
import pandas as pd
import pytest

from mindreader import field
from mindreader.field.published import COLUMNS, METRICS

EIGHT_OF_OURS = dict(zip(METRICS, (0.11, 0.31, 0.81, 0.82, 0.83, 0.84, 0.75, 0.46)))


def ours(origin="nsd", metric="{}", n=982):
    """Score rows of one system, as the study makes them."""
    rows = [{"name": "ours, repeats as MindEye", "metric": metric.format(name), "value": value, "n": n, "origin": origin,
             "repeats": "repeats/mindeye@1", "protocol": f"eight/mindeye@1; x@1; weights 0123"} for name, value in EIGHT_OF_OURS.items()]
    return pd.DataFrame([*rows, {**rows[0], "metric": "retrieval, called forward by MindEye's code", "value": 0.5,
                                 "protocol": "retrieval/mindeye-code-forward@1"},
                         {**rows[0], "metric": "retrieval, called forward by MindEye's code", "value": 0.2,
                          "protocol": "retrieval/mindeye-code-forward@1 (n=982, n_draws=1)"}])


def test_every_published_number_says_where_it_was_read_and_may_be_one():
    table = field.published_scores()
    assert (table.read_in.str.len() > 10).all() and table.subjects.str.contains("subj01").all()
    values = table[list(COLUMNS)]
    assert values.notna().any(axis=1).all() and ((values > 0) & (values <= 1) | values.isna()).all(axis=None)
    two_way = table[["AlexNet 2", "AlexNet 5", "Inception", "CLIP"]]
    assert ((two_way > 0.5) | two_way.isna()).all(axis=None)
    assert set(table.repeats) <= {"", *(practice.stamp for practice in field.PRACTICES.values())}
    assert set(table.table) <= {"", *(eight.stamp for eight in field.EIGHT.values())}


def test_mindeye_s_row_is_what_its_authors_notebook_printed():
    printed = [0.392465, 0.346697, 0.973754, 0.986528, 0.945325, 0.943393, 0.634533, 0.357754]
    row = field.published_scores().set_index(["system", "subjects"]).loc[("MindEye", "subj01")]
    assert row[list(METRICS)].tolist() == pytest.approx(printed, abs=6e-4)


def test_scores_of_nsd_stand_in_the_columns_of_their_metrics():
    table = field.beside_published(ours(), "subj01")
    assert (table.whose == "published").sum() == len(field.published_scores())
    row = table[table.whose == "ours"].iloc[0]
    assert (row.subjects, row.images, row.repeats, row.table) == ("subj01", 982, "repeats/mindeye@1", "eight/mindeye@1")
    arrow = {name: f"{name} {'↑' if better == 'higher' else '↓'}" for name, better in METRICS.items()}
    assert {name: row[arrow[name]] for name in METRICS} == EIGHT_OF_OURS
    assert row["retrieval code-forward ↑"] == 0.5, "and not that among all images, which is another number"
    assert np.isnan(row["retrieval code-backward ↑"])


@pytest.mark.parametrize("origin", ["twin", "rehearsal", ""])
def test_no_number_that_is_not_nsd_s_stands_beside_published_ones(origin):
    with pytest.raises(ValueError, match=f"got scores of origin {origin}, expected nsd alone"):
        field.beside_published(ours(origin), "subj01")
    with pytest.raises(ValueError, match="expected nsd alone"):
        field.beside_published(pd.concat([ours(), ours(origin).iloc[:1]]), "subj01")


def test_no_number_by_a_stand_in_network_stands_beside_published_ones():
    with pytest.raises(ValueError, match=r"got 'PixCorr \(twin\)', a score by a network of the simulated world"):
        field.beside_published(ours(metric="{} (twin)"), "subj01")


def test_what_was_not_computed_leaves_its_cell_empty():
    scores = ours()
    lacking = scores.metric == "CLIP"
    scores.loc[lacking, ["metric", "value"]] = ["CLIP, not computed: no weights ViT-L-14* in $MINDREADER_METRICS", np.nan]
    row = field.beside_published(scores, "subj02").iloc[-1]
    assert np.isnan(row["CLIP ↑"]) and row["Inception ↑"] == 0.83
    assert row.note == "CLIP, not computed: no weights ViT-L-14* in $MINDREADER_METRICS"
