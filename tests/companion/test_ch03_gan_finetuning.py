"""Tables 1 and 5 in chapter 03: what is shown is what was trained."""

from dataclasses import replace

import numpy as np
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


def means(row, two, far, n_seeds=1):
    rows = [{"metric": finetuning.TWO_WAY, "value": two, "low": two - 0.02, "high": two + 0.02, "chance": 0.5},
            {"metric": finetuning.FD, "value": far, "low": far - 1, "high": far + 1, "chance": np.nan}]
    return pd.DataFrame(rows).assign(name=row.name, n=10, n_seeds=n_seeds)


@pytest.fixture
def found():
    rows = {row: (0.6 + 0.01 * i, 20 - i) for i, row in enumerate(generator_grid.ROWS)}
    claims = pd.DataFrame([
        {"claim": "c", "better": generator_grid.ROWS[0].name, "worse": row.name, "paper": not row.bugs, "metric": metric,
         "value": 0.1, "low": 0.05, "high": 0.15, "n": 10, "n_seeds": 1}
        for row in generator_grid.ROWS[1:] for metric in (finetuning.AHEAD, "FD (twin features), difference")])
    tables = [pd.concat([part(row, *scores) for row, scores in rows.items()], ignore_index=True) for part in (lines, means)]
    return finetuning.Finetunings(*tables, claims, "")


def test_table_1_has_every_cell_of_the_papers_and_none_of_its_numbers(found):
    table = finetuning.table_1(found)
    assert len(table) == 12 and (table.paper == LOST).all() and (table.seeds == 1).all()
    cell = table[(table.condition == "both heads") & (table.start == "supervised") & (table["low-level loss"] == "yes")]
    i = generator_grid.ROWS.index(generator_grid.Row("tables", "both", "supervised", True))
    assert cell["FD (95 % interval)"].iloc[0].startswith(f"{20 - i:.1f}")
    assert cell["2-way (95 % interval)"].iloc[0].startswith(f"{0.6 + 0.01 * i:.3f} (")


def test_beyond_begins_with_what_the_others_are_compared_to(found):
    table = finetuning.beyond(found)
    assert table.variant.iloc[0] == "frozen mappers, language-free start" and len(table) == 1 + len(generator_grid.BEYOND)
    assert table.variant.is_unique


def test_scores_and_intervals_are_those_over_seeds_and_say_what_they_cover(found):
    row = generator_grid.BASE["img"]
    more = pd.concat([found.means[found.means.name != row.name], means(row, 0.75, 25, n_seeds=3)], ignore_index=True)
    several = replace(found, means=more, claims=found.claims.assign(n_seeds=3))
    entries, alone = (finetuning.finetuning_entries(each) for each in (several, found))
    assert [entries["row_img_lf"][name] for name in ("ours", "low", "high")] == pytest.approx([0.75, 0.73, 0.77])
    assert [entries["row_img_lf_fd"][name] for name in ("ours", "low", "high")] == [25, 24, 26]
    assert entries["row_img_lf"]["covers"] == entries["row_img_lf_fd"]["covers"] == Covers.PICTURES_AND_FITS
    assert entries["bug_zero_z"]["covers"] == Covers.PICTURES_AND_FITS
    assert entries["row_cap_lf"]["covers"] == alone["bug_zero_z"]["covers"] == Covers.PICTURES_ONE_FIT
    assert finetuning.table_1(several).seeds.tolist().count(3) == 1


def test_entries_have_a_name_for_each_variant_and_bug(found):
    entries = finetuning.finetuning_entries(found)
    for name in ("row_both_lf", "row_cap_supervised_low", "row_both_lf_e2e_01", "row_both_none", "row_both_lf_zero_z",
                 "bug_zero_z", "bug_second_on_first", "table1_claims", "table1_claims_supported",
                 "table1_claims_within_noise", "table1_claims_contradicted"):
        assert name in entries, name
    assert len([key for key in entries if key.startswith("row_") and key.endswith("_fd")]) == len(generator_grid.ROWS)


def test_comparisons_have_the_ledger_s_verdicts(found):
    def verdicts(**more):
        judged = replace(found, claims=found.claims.assign(**more))
        entries = finetuning.finetuning_entries(judged)
        counted = {key for key, value in entries.items() if key.startswith("table1_claims_") and value["ours"]}
        return {*finetuning.claim_table(judged)["2-way verdict"]}, counted

    assert (found.claims.low > 0).all()                                     # over pictures, by one training
    assert verdicts(n_seeds=1) == ({"direction only"}, {"table1_claims_direction_only"})
    assert verdicts(n_seeds=3, lowest=0.05, highest=0.2) == ({"supported"}, {"table1_claims_supported"})
    assert verdicts(n_seeds=3, lowest=-0.05, highest=0.2) == ({"within noise"}, {"table1_claims_within_noise"})


def test_on_the_committed_record_the_chapter_and_the_ledger_agree():
    claims = generator_grid.read_table(core.FIGURES, "table1_claims", generator_grid.WORDS, "")
    shown = finetuning._judged(finetuning.Finetunings(claims[:0], claims[:0], claims, "")).set_index(["better", "worse", "metric"]).verdict
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
    empty = finetuning.Finetunings(found.scores[:0], found.means[:0], found.claims[:0], "")
    assert finetuning.table_1(empty).empty and finetuning.variant_dots(empty).empty and finetuning.finetuning_entries(empty) == {}


def test_no_seed_is_refused(found):
    with pytest.raises(ParameterError, match="n_seeds=0: expected a whole number from 1"):
        finetuning.finetuned(None, "tables", 0)
