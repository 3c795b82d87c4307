"""The paper's numbers are the paper's, and ours stand beside the right ones."""

import csv

import pandas as pd
import pytest

from mindreader.core import paths, paper as tables


def test_every_table_of_the_paper_is_there():
    assert set(tables.paper_values().table) == {"1", "2", "3a", "3b", "4", "5", "6", "5 or 6", "text"}


def test_every_number_has_its_place_and_how_sure_we_are():
    values = tables.paper_values()
    assert (values.source.str.len() > 0).all() and (values.provenance.str.len() > 0).all()
    assert not values.duplicated(["table", "row", "column", "metric"]).any()


def test_the_file_says_in_words_what_is_lost():
    with open(paths.PAPER_VALUES, newline="") as file:
        cells = {(line["table"], line["row"], line["column"]): line["value"] for line in csv.DictReader(file)}
    assert cells["1", "all settings", "FID"] == "not recoverable"
    assert cells["6", "f_mi & f_mc", "50-way"] == "not recoverable"


def test_of_tables_1_5_and_6_one_cell_is_known():
    values = tables.paper_values()
    known = values[values.table.isin(["1", "5", "6", "5 or 6"]) & values.recoverable]
    assert known.value.tolist() == [0.782]


@pytest.mark.parametrize("cell, value", [
    (("2", "fMRI-mapped CLIP", "overall"), 0.8119), (("2", "ResNet-50", "stuff"), 0.7032),
    (("3a", "f_mc", "fixed caption", "backward hits of 300"), 39), (("3a", "f_mi", "no threshold", "forward hits of 300"), 13),
    (("3b", "f_mc", "MSE+cos then +Contra", "FID"), 53.68), (("3b", "f_mi", "auxiliary VICReg", "backward hits of 300"), 35),
    (("4", "weighted sum", "f_mi + f_mc + f_res", "backward hits of 300"), 147), (("6", "f_mi", "2-way"), None),
])
def test_single_cells(cell, value):
    assert tables.paper_value(*cell) == value


def test_table_2_agrees_with_itself():
    two = tables.paper_values("2").pivot(index="row", columns="column", values="value")
    assert two["share of fMRI"].to_numpy() == pytest.approx(100 * two.overall / two.overall["fMRI"], abs=0.006)
    pooled = (80 * two.things + 91 * two.stuff) / 171
    assert two.overall.to_numpy() == pytest.approx(pooled, abs=5e-4)


def test_the_base_mapper_is_the_same_in_both_halves_of_table_3():
    a, b = tables.paper_values("3a"), tables.paper_values("3b")
    for row, column in (("f_mi", "image augmentation"), ("f_mc", "random caption")):
        base = b[(b.row == row) & (b.column == "MSE+cos")].set_index("metric").value
        same = a[(a.row == row) & (a.column == column)].set_index("metric").value
        assert base.to_dict() == same.to_dict()


def test_unknown_table_and_cell_are_named():
    with pytest.raises(ValueError, match="no table '7' here; there is 1, 2, 3a"):
        tables.paper_values("7")
    with pytest.raises(ValueError, match="table 2 has 0 cells at CLIP / all; expected exactly one"):
        tables.paper_value("2", "CLIP", "all")


def ours(**changed):
    usual = dict(row="CLIP", column="things", metric="AUC-ROC", value=0.99, origin="twin")
    return pd.DataFrame([usual | changed])


def test_a_simulated_subject_has_no_difference_from_the_paper():
    table = tables.beside_paper(ours(), "2")
    assert table.paper.tolist() == [0.9718]
    assert table.difference.isna().all()
    assert table.note.tolist() == ["simulated subject, not NSD"]


def test_nsd_has_a_difference():
    assert tables.beside_paper(ours(origin="nsd"), "2").difference.tolist() == pytest.approx([0.0182])


def test_what_the_paper_does_not_have_says_so():
    table = tables.beside_paper(pd.concat([ours(column="sky"), ours()]), "2")
    assert table.note.tolist() == ["not in the paper", "simulated subject, not NSD"]
    lost = tables.beside_paper(ours(row="f_mi", column="2-way", metric="n-way identification"), "6")
    assert lost.note.tolist() == ["the paper's number is not recoverable"]


def test_our_table_must_have_its_columns_and_one_number_a_place():
    with pytest.raises(ValueError, match="our table has no metric; expected row"):
        tables.beside_paper(ours().drop(columns="metric"), "2")
    with pytest.raises(ValueError, match="two numbers for CLIP / things / AUC-ROC"):
        tables.beside_paper(pd.concat([ours(), ours()]), "2")
