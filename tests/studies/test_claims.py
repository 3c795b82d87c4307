"""The paper's counts are tested as they should be, and our verdicts err no more often than they say."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom, ttest_1samp, ttest_rel

from mindreader.core import paper as tables
from mindreader.scoring import intervals, ranking
from mindreader.studies import claims
from mindreader.studies.claims import CLAIMS, Claim, Paired

SEED = sum(map(ord, "claims"))
CLAMP = next(c for c in CLAIMS if (c.question, c.mapper, c.direction) == ("clamp", "f_mi", "backward"))


def hits_of(rng, *, edge=0.0, luck=0.0, n_pictures=150, n_seeds=3, common=None):
    """Hits of one setting on two trials of each picture: a picture's ease (shared by settings), a fit's luck, noise."""
    ease = rng.normal(size=n_pictures) if common is None else common
    fits = rng.normal(size=n_seeds) * luck
    drive = ease[:, None, None] + fits[:, None] + edge + rng.normal(size=(n_pictures, n_seeds, 2))
    found = pd.DataFrame([{"image_id": p, "key": 2 * p + k, "seed": s, "forward": drive[p, s, k] > 1.5}
                          for p, s, k in product(range(n_pictures), range(n_seeds), range(2))])
    return found.assign(backward=found.forward)


def two(rng, **changed):
    """The settings of CLAMP, the better one with an edge; pictures that are easy for one are easy for the other."""
    common = rng.normal(size=150)
    edge = changed.pop("edge", 0.0)
    return {("f_mi", "threshold"): hits_of(rng, edge=edge, common=common, **changed),
            ("f_mi", "no threshold"): hits_of(rng, common=common, **changed)}


@pytest.fixture(scope="module")
def printed():
    return claims.published()


# ── published counts ──
@pytest.mark.parametrize("question, mapper, direction, worse, counts, p", [
    ("clamp", "f_mi", "backward", "no threshold", (49, 25), 0.004),
    ("clamp", "f_mi", "forward", "no threshold", (21, 13), 0.22),
    ("augmentation", "f_mi", "forward", "no augmentation", (21, 19), 0.87),
    ("augmentation", "f_mi", "backward", "no augmentation", (49, 46), 0.82),
    ("caption choice", "f_mc", "backward", "fixed caption", (64, 39), 0.009),
    ("caption choice", "f_mc", "forward", "average caption", (14, 15), 1.0),
    ("finetuning", "f_mc", "forward", "MSE+cos", (33, 14), 0.006),
    ("combination", "weighted sum", "backward", "f_mi + f_mc", (147, 73), 0.0005),
    ("combination", "weighted sum", "backward", "f_mi", (73, 51), None),
    ("combination", "weighted sum", "backward", "f_res", (147, 50), None),
])
def test_published_counts_and_their_p_values(printed, question, mapper, direction, worse, counts, p):
    table = printed
    row = table[(table.question == question) & (table.mapper == mapper) & (table.direction == direction)
                & (table.worse_row == worse)].iloc[0]
    assert (row.better_hits, row.worse_hits) == counts
    if p == 0.0005:
        assert row.p < 0.001
    elif p is not None:
        assert row.p == pytest.approx(p, abs=0.0051 if p > 0.01 else 0.00051)


def test_the_p_value_sums_all_tables_that_are_no_likelier():
    chances = hypergeom(600, 49 + 25, 300).pmf(np.arange(75))
    expected = chances[chances <= chances[49] * (1 + 1e-7)].sum()
    assert claims.published([CLAMP]).p[0] == pytest.approx(expected)


def test_few_of_the_papers_differences_survive_the_correction(printed):
    table = printed
    assert (table.p_holm >= table.p).all()
    survivors = table[table.verdict.isin((claims.SUPPORTED, claims.CONTRADICTED))]
    assert {"combination", "loss"} >= set(survivors.question) and len(survivors) < len(table) / 3
    alone = claims.published([c for c in CLAIMS if c.question == "clamp"])
    assert list(alone.verdict[(alone.mapper == "f_mi")]) == ["direction only", "supported"]


def test_intervals_are_wilsons():
    row = claims.published([CLAMP]).iloc[0]
    assert (row.better_low, row.better_high) == intervals.wilson(49, 300)
    assert (row.worse_low, row.worse_high) == intervals.wilson(25, 300)


def test_every_claim_has_its_counts_and_no_comparison_stands_twice(printed):
    table = printed
    assert len(table) == len(CLAIMS) and ((0 <= table.worse_hits) & (table.better_hits <= 300)).all()
    assert not table.duplicated(["mapper", "direction", "better_row", "worse_row"]).any()
    assert set(table.table) == {"3a", "3b", "4"} and table.sentence.str.endswith(".").all()


def test_every_setting_of_tables_3_and_4_is_in_some_claim():
    printed = pd.concat([tables.paper_values(t) for t in ("3a", "3b", "4")])
    printed = printed[printed.metric.str.contains("hits")]
    used = {claims.fit_of(c.mapper, row) for c in CLAIMS for row in (c.better_row, c.worse_row)}
    assert {claims.fit_of(*place) for place in zip(printed.row, printed.column)} <= used == set(claims.fits())


def test_settings_that_are_one_fit_have_the_same_counts():
    values = pd.concat([tables.paper_values(t) for t in ("3a", "3b")]).set_index(["row", "column", "metric"]).value
    for mapper, setting in [("f_mi", "threshold"), ("f_mi", "image augmentation"), ("f_mc", "threshold"),
                            ("f_mc", "random caption")]:
        for direction in ("forward", "backward"):
            metric = f"{direction} hits of 300"
            assert values[mapper, setting, metric] == values[(*claims.fit_of(mapper, setting), metric)]


def test_holm_is_the_closed_bonferroni_test():
    p = np.array([0.011, 0.2, np.nan, 0.02, 0.011, 0.6])
    known = np.flatnonzero(~np.isnan(p))
    families = [s for r in range(1, len(known) + 1) for s in combinations(known, r)]
    expected = [min(1, max(len(s) * p[list(s)].min() for s in families if i in s)) for i in known]
    assert np.allclose(claims.holm(p)[known], expected) and np.isnan(claims.holm(p)[2])


# ── the paired test ──
def test_sign_flips_are_the_enumeration_of_all_signs():
    apart = np.array([1.0, 2.0, -1.0, 0.0, 3.0, 1.0])
    sums = [abs(np.dot(signs, apart)) for signs in product((-1, 1), repeat=6)]
    exact = np.mean(np.array(sums) >= abs(apart.sum()))
    assert claims._sign_flips(apart, 40_000, 1) == pytest.approx(exact, abs=0.01)


def test_where_seeds_agree_the_test_is_students_over_pictures():
    rng = np.random.default_rng(SEED)
    a, b = (np.repeat(rng.random((60, 1)) < share, 3, 1) for share in (0.5, 0.3))
    pictures = np.repeat(np.arange(60), 3)
    table = [pd.DataFrame({"image_id": pictures, "key": pictures, "seed": [0, 1, 2] * 60, "forward": x.ravel()})
             for x in (a, b)]
    found = claims.paired(*table, "forward")
    expected = ttest_rel(a[:, 0].astype(float), b[:, 0].astype(float))
    assert found.p_seeds == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))


def test_where_pictures_agree_the_test_is_students_over_seeds():
    gains = [1, 4, 2, 3]                                           # of 10 trials of each picture, under each seed
    rows = pd.DataFrame([{"image_id": p, "key": 10 * p + k, "seed": s, "better": k < 2 + gain, "worse": k < 2}
                         for p, k, (s, gain) in product(range(20), range(10), enumerate(gains))])
    found = claims.paired(*(rows.assign(forward=rows[c]) for c in ("better", "worse")), "forward")
    expected = ttest_1samp(np.array(gains) / 10, 0)
    assert found.p_seeds == pytest.approx(expected.pvalue) and found.p == found.p_seeds > found.p_pictures
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval())) and found.same_sign


def test_row_order_and_the_names_of_pictures_do_not_matter():
    hits = two(np.random.default_rng(SEED), edge=0.3)
    shuffled = {k: v.sample(frac=1, random_state=1) for k, v in hits.items()}
    assert claims.verdicts([CLAMP], hits).equals(claims.verdicts([CLAMP], shuffled))


# ── verdicts ──
@pytest.mark.parametrize("luck", [0.0, 0.3])
def test_no_more_than_one_claim_in_twenty_is_supported_by_chance(luck):
    rng, n, found = np.random.default_rng(SEED), 150, []
    for _ in range(n):
        found.append(claims.verdicts([CLAMP], two(rng, luck=luck), n_permutations=400).iloc[0])
    table = pd.DataFrame(found)
    assert (table.verdict == claims.SUPPORTED).mean() <= 0.05 and (table.verdict == claims.CONTRADICTED).mean() <= 0.05
    if luck:                                # why pictures alone will not do: a fit's luck moves all of them at once
        assert (table.p_pictures <= 0.05).mean() > 0.2


@pytest.mark.parametrize("edge, expected", [(0.9, claims.SUPPORTED), (-0.9, claims.CONTRADICTED)])
def test_a_planted_edge_is_seen_on_either_side(edge, expected):
    rng = np.random.default_rng(SEED)
    assert [claims.verdicts([CLAMP], two(rng, edge=edge, luck=0.05)).verdict[0] for _ in range(3)] == [expected] * 3


@pytest.mark.parametrize("difference, p, same_sign, expected", [
    (0.1, 0.05, True, "supported"), (0.1, 0.06, True, "direction only"), (0.1, 0.06, False, "within noise"),
    (-0.1, 0.01, False, "contradicted"), (-0.1, 0.3, False, "within noise"), (0.0, 0.0, False, "within noise"),
])
def test_the_rule(difference, p, same_sign, expected):
    assert claims.verdict(difference, p, same_sign) == expected


def test_untestable_claims_say_why_and_stay_out_of_the_family():
    hits = two(np.random.default_rng(SEED), edge=0.9)
    augmentation = [c for c in CLAIMS if c.question == "augmentation"]
    table = claims.verdicts([CLAMP, *augmentation], hits)
    assert list(table.verdict) == ["supported", "untestable here", "untestable here"]
    assert list(table.note) == ["", *["no fit of f_mi / no augmentation"] * 2]
    assert table.p_holm[0] == table.p[0] and table.p_holm[1:].isna().all()
    few = {k: v[v.seed < 2] for k, v in hits.items()}
    assert claims.verdicts([CLAMP], few).note[0] == "2 seeds in common, 3 are needed"


def test_the_base_fit_answers_to_each_of_its_names():
    hits = two(np.random.default_rng(SEED), edge=0.9)
    renamed = {claims.fit_of(*k): v for k, v in hits.items()}
    assert set(renamed) == {("f_mi", "MSE+cos"), ("f_mi", "no threshold")}
    assert claims.verdicts([CLAMP], hits).equals(claims.verdicts([CLAMP], renamed))


def test_hits_of_a_batch_become_a_table():
    similarity = np.array([[0.9, 0.8, 0.1], [0.2, 0.7, 0.3], [0.1, 0.75, 0.6]])
    batch = ranking.RetrievalBatch(similarity, np.array([1, 2, 3]), np.arange(3))
    table = claims.trial_hits(batch, seed=4)
    assert list(table.forward) == [True, False, True] and list(table.backward) == [True, True, False]
    assert (table.seed == 4).all() and list(table.image_id) == [1, 2, 3]


def test_two_settings_that_cannot_be_paired_are_refused():
    a, b = two(np.random.default_rng(SEED)).values()
    with pytest.raises(ValueError, match="share 290 trials of 300 and 290, expected the same trials"):
        claims.paired(a, b[b.image_id >= 5], "forward")
    with pytest.raises(ValueError, match="share 1 seeds, expected at least two"):
        claims.paired(a, b.assign(seed=b.seed + 2), "forward")
    with pytest.raises(ValueError, match="1 of 300 trials lack a seed"):
        claims.paired(a.iloc[1:], b, "forward")
    with pytest.raises(ValueError, match="stands twice under seed 0, expected once"):
        claims.paired(pd.concat([a, a.iloc[:1]]), b, "forward")
    with pytest.raises(ValueError, match="direction 'up'"):
        claims.paired(a, b, "up")


def test_records_are_frozen():
    assert Claim.__dataclass_params__.frozen and Paired.__dataclass_params__.frozen
