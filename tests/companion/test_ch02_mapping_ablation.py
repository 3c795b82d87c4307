"""Tables 3 and 4 beside the paper: means are those of the hits, verdicts those of the rule, nothing stands twice."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, fisher_exact

from mindreader.companion.ch02_mapping import ablation
from mindreader.companion.plots import mapping as plots_mapping
from mindreader.core import Covers
from mindreader.core.params import ParameterError
from mindreader.experiments import experiment
from mindreader.pipeline import Pipeline
from mindreader.scoring import ranking as retrieval
from mindreader.studies import claims, costs, mapping_grid as grid

N_SEEDS, IDS = 3, np.repeat(np.arange(100), 3)
GOOD = ("f_mi", "MSE+cos")          # the planted better fit; all others are alike


@pytest.fixture(scope="module")
def run():
    run = Pipeline(experiment("smoke"))
    train = type("T", (), {"betas": np.zeros((900, 256), np.float32)})
    run.__dict__["subject"] = type("S", (), {"origin": "twin", "train": train})
    return run


@pytest.fixture(scope="module")
def known():
    """A grid whose hits are drawn: 0.5 of the trials for the good fit, 0.1 for the others; one row is missing."""
    rng, hits, lines = np.random.default_rng(0), {}, []
    for row in (*grid.TABLE3, *grid.TABLE4):
        fit = claims.fit_of(row.mapper, row.name)
        if row.name == "auxiliary GAN":
            continue
        if fit not in hits:
            rate = 0.5 if fit == GOOD else 0.1
            hits[fit] = pd.concat([pd.DataFrame({
                "image_id": IDS, "key": range(300), "seed": seed, **{way: rng.random(300) < rate for way in
                                                                    retrieval.DIRECTIONS}}) for seed in range(N_SEEDS)])
        hits[row.mapper, row.name] = hits[fit]
        for (seed, part), way in ((x, y) for x in hits[fit].groupby("seed") for y in retrieval.DIRECTIONS):
            lines.append({"table": row.table, "mapper": row.mapper, "name": row.name, "seed": seed,
                          "metric": f"retrieval {way}", "value": part[way].mean(), "chance": 0.01, "skewness": seed,
                          "blind_skewness": 0.3, "protocol": f"retrieval/mindreader-{way}@1"})
        lines.append(lines[-1] | {"metric": "FD (twin features)", "value": 7.0, "skewness": np.nan})
    return ablation.Grid(pd.DataFrame(lines), hits, "drawn")


@pytest.fixture(scope="module")
def ours(run, known):
    return ablation.tested(run, known, n_permutations=300)


RETRIEVAL = pd.DataFrame([{"name": name, "metric": f"retrieval {way}", "value": value, "low": value / 2, "high": 1.0, "n": 300,
                           "chance": 0.01, "seed": 1, "origin": "twin", "protocol": f"retrieval/mindreader-{way}@1",
                           "control": name != "image mapper"}
                          for name, value in (("image mapper", 0.3), ("shuffled brain", 0.02), ("true caption embedding", 0.9))
                          for way in retrieval.DIRECTIONS])


@pytest.fixture(scope="module")
def table(run, known, ours):
    return ablation.settings_table(run, known, ours, RETRIEVAL)


def test_the_controls_stand_below_as_they_were_scored_and_no_mapper_among_them(table):
    below = table[table["table"] == "control"]
    assert below.index.tolist() == list(range(len(table)))[-4:]
    assert below.setting.tolist() == ["shuffled brain"] * 2 + ["true caption embedding"] * 2
    assert below.ours.tolist() == [0.02, 0.02, 0.9, 0.9] and below.low.tolist() == [0.01, 0.01, 0.45, 0.45]
    assert below.direction.tolist() == 2 * list(retrieval.DIRECTIONS) and below.paper_hits.isna().all()
    assert (below.protocol == "retrieval/mindreader-" + below.direction + "@1").all() and (below.chance == 0.01).all()
    assert not set(ablation.beside_the_paper(table).name) & set(below.setting)


def test_every_row_of_the_paper_is_there_in_both_directions_with_its_count_and_interval(table):
    printed = table[table["table"] != "control"]
    assert len(printed) == 2 * len((*grid.TABLE3, *grid.TABLE4)) and printed.paper_hits.notna().all()
    by = printed.set_index(["table", "mapper", "setting", "direction"])
    one = by.loc[("4", "weighted sum", "f_mi + f_mc", "backward")]
    interval = binomtest(73, 300).proportion_ci(method="wilson")
    assert one.paper_hits == 73
    assert (one.paper_low, one.paper_high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_our_number_is_the_mean_of_the_hits_within_its_interval_and_its_seeds(table, known):
    for row in table[table.setting == "Contra"].itertuples():
        by_seed = known.hits[row.mapper, "Contra"].groupby("seed")[row.direction].mean()
        assert row.ours == pytest.approx(by_seed.mean()) and row.low < row.ours < row.high
        assert (row.lowest, row.highest, row.n_seeds, row.FD) == (by_seed.min(), by_seed.max(), N_SEEDS, 7.0)
        assert row.protocol == f"retrieval/mindreader-{row.direction}@1"


def test_what_was_not_fitted_has_no_number_of_ours_and_cannot_be_tested(table):
    absent = table[table.setting == "auxiliary GAN"]
    assert absent.ours.isna().all() and (absent.n_seeds == 0).all() and (absent.verdict == "untestable here").all()
    assert absent.paper_hits.notna().all()


def test_the_planted_gain_is_supported_and_the_base_has_no_verdict_on_itself(table):
    cut = table[(table.mapper == "f_mi") & (table.setting == "no threshold")]
    assert (cut.verdict == "supported").all()
    assert (table[table.setting.isin(["MSE+cos", "threshold"])].verdict == "").all()
    finetuned = table[(table["table"] == "3b") & (table.mapper == "f_mi") & (table.setting == "MSE+cos then +Contra")]
    assert (finetuned.verdict == "contradicted").all()          # the base was made the better one


def test_holm_runs_over_the_claims_of_one_question():
    paper = ablation.published()
    clamp = paper[paper.question == "clamp"]
    p = fisher_exact([[49, 251], [25, 275]]).pvalue
    best = clamp.loc[clamp.p.idxmin()]
    assert best.p == pytest.approx(p) and best.p_holm == pytest.approx(len(clamp) * p) and best.verdict == "supported"
    assert len(paper) == len(claims.CLAIMS)


def test_each_fit_stands_once_beside_the_paper(table):
    beside = ablation.beside_the_paper(table)
    assert not beside.duplicated(["source", "group", "name", "direction"]).any()
    base = beside.set_index(["group", "name", "direction", "source"]).value["image mapper", ablation.BASE[1], "forward"]
    assert base["paper"] == pytest.approx(21 / 300) and base["ours"] == pytest.approx(0.5, abs=0.06)
    assert not set(beside.name) & {"threshold", "random caption", "image augmentation"}
    assert set(beside[beside.source == "paper"].name) - set(beside[beside.source == "ours"].name) == {"auxiliary GAN"}


def test_every_claim_has_a_cell_on_each_side_and_they_can_be_drawn(ours):
    cells = ablation.verdict_cells(ablation.published(), ours)
    assert len(cells) == 2 * len(claims.CLAIMS) and not cells.duplicated(["claim", "source", "column"]).any()
    one = cells.set_index(["source", "claim", "column"]).loc[("paper", "threshold > no threshold", "f_mi, backward")]
    assert one.text == f"{(49 - 25) / 300:+.3f}"
    assert plots_mapping.verdicts(cells, origin="twin", title="t").axes


def test_crowding_is_the_mean_over_seeds_between_the_lowest_and_the_highest(known):
    rows = ablation.hubs_by_setting(known)
    assert (rows.value == 1).all() and (rows.low == 0).all() and (rows.high == 2).all() and (rows.chance == 0.3).all()
    assert not rows.duplicated(["group", "name", "what"]).any() and set(rows.what) == set(retrieval.DIRECTIONS)
    assert set(rows.group) == {"image mapper", "caption mapper"} and len(rows) == 2 * 2 * len(ablation.CROWDING)


def test_the_summary_counts_each_claim_once(run, ours, known):
    values = ablation.ablation_summary(ablation.published(), ours, ablation.hubs_by_setting(known), ablation.bill(run))
    for source in ("paper", "ours"):
        counted = [values[f"claims_{source}_{v.replace(' ', '_')}"]["ours"] for v in claims.VERDICTS]
        assert sum(counted) == len(claims.CLAIMS) == values["claims"]["ours"]
    assert values["p_clamp_image_backward"]["ours"] == pytest.approx(0.004, abs=5e-4)
    assert values["gain_clamp_image_backward"]["low"] > 0.1
    assert values["gain_clamp_image_backward"]["covers"] == Covers.PICTURES_AND_FITS
    assert values["crowding_caption_base"]["ours"] == 1 and values["crowding_image_uncut"]["chance"] == 0.3


def test_the_bill_is_for_this_subject_and_for_nsd(run):
    bill = ablation.bill(run).set_index(["where", "rows"])
    whole = bill.loc["NSD", "both"]
    steps = 40 * -(-costs.NSD["n_trials"] // 32)
    config = experiment("paper").mapping
    base = 3 * steps * costs.step_flops(costs.Step(config, 15724, 512, 32)) / 1e15      # three seeds of one fit
    assert base < whole.petaflop * 3 / run.experiment.grid.n_seeds < 66 * base
    assert bill.loc["this subject", "both"].petaflop < whole.petaflop / 1000
    for column in (f"hours, {words}" for words in costs.gpu_columns().values()):
        assert 0 < whole[column] < whole.steps and bill.loc["this subject", column].isna().all()


def test_without_fits_the_paper_still_stands_there(run):
    nothing = ablation.fitted(run, "none")
    ours = ablation.tested(run, nothing, n_permutations=300)
    table = ablation.settings_table(run, nothing, ours, RETRIEVAL[~RETRIEVAL.control])
    assert (ours.verdict == "untestable here").all() and table.ours.isna().all() and table.paper_hits.notna().all()
    assert set(ablation.beside_the_paper(table).source) == {"paper"} and ablation.hubs_by_setting(nothing).empty


def test_the_record_says_when_it_is_not_this_run_s(run, known, monkeypatch):
    monkeypatch.setattr(grid, "read_hits", lambda: known.hits)
    for stale in ("This record was made with other settings.", None):
        monkeypatch.setattr(grid, "read_record", lambda run, stale=stale: (known.scores, known.scores, stale))
        found = ablation.fitted(run, "record")
        assert found.hits is known.hits and len(found.scores) == 2 * len(known.scores)
        assert found.note == (stale or "The committed record, which is what this run would make.")


def test_an_impossible_number_of_seeds_or_question_is_refused(run):
    with pytest.raises(ParameterError, match="n_seeds=0: expected a whole number from 1"):
        ablation.fitted(run, "clamp", 0)
    with pytest.raises(ValueError, match="clmp"):
        ablation.fitted(run, "clmp")
