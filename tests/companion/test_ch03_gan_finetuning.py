"""Tables 1 and 5 in chapter 03: what is shown is what was trained."""

import pandas as pd
import pytest

from mindreader import core
from mindreader.studies import generator_grid, ledger
from mindreader.core import Covers
from mindreader.core.params import ParameterError
from mindreader.companion.ch03_gan import finetuning
from mindreader.core.paper import LOST


def lines(row, two, far, seed=0, silent=0.0):
    rows = [{"metric": finetuning.TWO_WAY, "value": two, "low": two - 0.02, "high": two + 0.02, "n": 10, "chance": 0.5,
             "drawn": two, "drawn_sd": 0.01},
            {"metric": finetuning.FD, "value": far}, {"metric": finetuning.KD, "value": far / 100},
            {"metric": finetuning.RELEASED, "value": far + 1}]
    rows += [{"metric": f"silent dimensions, {space} mapper", "value": silent} for space in ("image", "caption")]
    return pd.DataFrame(rows).assign(name=row.name, question=row.question, seed=seed)


@pytest.fixture
def found():
    rows = {row: (0.6 + 0.01 * i, 20 - i) for i, row in enumerate(generator_grid.ROWS)}
    claims = pd.DataFrame([
        {"claim": "c", "better": generator_grid.ROWS[0].name, "worse": row.name, "paper": not row.bugs, "metric": metric,
         "value": 0.1, "low": 0.05, "high": 0.15, "n": 10, "verdict": "supported", "n_seeds": 1}
        for row in generator_grid.ROWS[1:] for metric in (finetuning.AHEAD, "FD (twin features), difference")])
    return finetuning.Finetunings(pd.concat([lines(row, *scores) for row, scores in rows.items()], ignore_index=True), claims, "")


def test_table_1_has_every_cell_of_the_papers_and_none_of_its_numbers(found):
    table = finetuning.table_1(found)
    assert len(table) == 12 and (table.paper == LOST).all() and (table.seeds == 1).all()
    cell = table[(table.condition == "both heads") & (table.start == "supervised") & (table["low-level loss"] == "yes")]
    i = generator_grid.ROWS.index(generator_grid.Row("tables", "both", "supervised", True))
    assert cell.FD.iloc[0] == 20 - i and cell["2-way (95 % interval)"].iloc[0].startswith(f"{0.6 + 0.01 * i:.3f} (")


def test_beyond_begins_with_what_the_others_are_compared_to(found):
    table = finetuning.beyond(found)
    assert table.variant.iloc[0] == "frozen mappers, language-free start" and len(table) == 1 + len(generator_grid.BEYOND)
    assert table.variant.is_unique


def test_scores_are_means_over_seeds(found):
    row = generator_grid.BASE["img"]
    more = pd.concat([found.scores, lines(row, 0.9, 30, seed=1)], ignore_index=True)
    entries = finetuning.finetuning_entries(finetuning.Finetunings(more, found.claims, ""))
    assert entries["row_img_lf"]["ours"] == pytest.approx((0.6 + 0.9) / 2)
    assert entries["row_img_lf_fd"]["ours"] == pytest.approx((20 + 30) / 2)


def test_an_interval_of_several_seeds_is_theirs_and_says_that_it_covers_no_others(found):
    row = generator_grid.BASE["img"]
    more = pd.concat([found.scores, lines(row, 0.9, 30, seed=1)], ignore_index=True)
    twice = finetuning.finetuning_entries(finetuning.Finetunings(more, found.claims.assign(n_seeds=2), ""))
    assert twice["row_img_lf"]["low"] == pytest.approx((0.58 + 0.88) / 2)
    assert twice["row_img_lf"]["covers"] == twice["bug_zero_z"]["covers"] == Covers.PICTURES_THESE_FITS
    assert twice["row_cap_lf"]["covers"] == finetuning.finetuning_entries(found)["bug_zero_z"]["covers"] == Covers.PICTURES_ONE_FIT


def test_entries_have_a_name_for_each_variant_and_bug(found):
    entries = finetuning.finetuning_entries(found)
    for name in ("row_both_lf", "row_cap_supervised_low", "row_both_lf_e2e_01", "row_both_none", "row_both_lf_zero_z",
                 "bug_zero_z", "bug_second_on_first", "table1_claims", "table1_claims_supported",
                 "table1_claims_within_noise", "table1_claims_contradicted"):
        assert name in entries, name
    assert len([key for key in entries if key.startswith("row_") and key.endswith("_fd")]) == len(generator_grid.ROWS)


def test_comparisons_have_the_ledger_s_verdicts_whatever_the_record_says(found):
    def verdicts(**more):
        judged = finetuning.Finetunings(found.scores, found.claims.assign(**more), "")
        entries = finetuning.finetuning_entries(judged)
        counted = {key for key, value in entries.items() if key.startswith("table1_claims_") and value["ours"]}
        return {*finetuning.claim_table(judged)["2-way verdict"]}, counted

    assert set(found.claims.verdict) == {"supported"}                       # over pictures, by one training
    assert verdicts(n_seeds=1) == ({"direction only"}, {"table1_claims_direction_only"})
    assert verdicts(n_seeds=3, lowest=0.05, highest=0.2) == ({"supported"}, {"table1_claims_supported"})
    assert verdicts(n_seeds=3, lowest=-0.05, highest=0.2) == ({"within noise"}, {"table1_claims_within_noise"})


def test_on_the_committed_record_the_chapter_and_the_ledger_agree():
    claims = generator_grid.read_table(core.FIGURES, "table1_claims", generator_grid.WORDS, "")
    shown = finetuning._judged(finetuning.Finetunings(claims[:0], claims, "")).set_index(["better", "worse", "metric"]).verdict
    tests = [claim.test for claim in ledger.read_claims()[1] if claim.test.get("rule") == "comparisons"]
    asked = [(better, worse, metric) for test in tests for better, worse in test["of"] for metric in test["metrics"]]
    assert len(asked) > len(generator_grid.COMPARISONS)
    for better, worse, metric in asked:
        [finding] = ledger.RULES["comparisons"](ledger.Record(), of=[[better, worse]], metrics=[metric])
        assert shown[better, worse, metric] == ledger.verdict_of(finding), (better, worse, metric)


def test_dots_have_a_place_for_each_cell(found):
    assert len(finetuning.variant_dots(found)) == 12
    assert len(finetuning.claim_dots(found)) == len(finetuning.claim_table(found)) == len(generator_grid.ROWS) - 1


def test_every_comparison_has_a_short_name_of_its_own():
    names = [(c.claim, finetuning._what_differs(c.worse.name)) for c in generator_grid.COMPARISONS]
    assert len(set(names)) == len(names) and max(len(name) for _, name in names) < 40


def test_nothing_trained_is_empty_tables(found):
    empty = finetuning.Finetunings(found.scores[:0], found.claims[:0], "")
    assert finetuning.table_1(empty).empty and finetuning.variant_dots(empty).empty and finetuning.finetuning_entries(empty) == {}


def test_no_seed_is_refused(found):
    with pytest.raises(ParameterError, match="n_seeds=0: expected a whole number from 1"):
        finetuning.finetuned(None, "tables", 0)
