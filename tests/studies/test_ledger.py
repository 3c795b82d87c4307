"""The ledger of claims: complete, each verdict from the committed record by a rule, each rule both ways."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindreader.studies import generator_grid, ledger
from mindreader.studies.claims import CONTRADICTED, DIRECTION_ONLY, MIN_SEEDS, SUPPORTED, UNTESTABLE, VERDICTS, WITHIN_NOISE
from mindreader.studies.ledger import Finding, PaperClaim, Record, judge, verdict_of

ROOT = Path(__file__).resolve().parents[2]
SECTIONS, CLAIMS = ledger.read_claims()
COMMITTED = Record()
GAIN = "2-way identification, difference"


def by_name(claim):
    return claim.name


# ── the rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_every_section_of_the_paper_has_claims():
    assert {section for claim in CLAIMS for section in (claim.section, *claim.also)} == set(SECTIONS)
    assert [list(SECTIONS).index(claim.section) for claim in CLAIMS] == sorted(list(SECTIONS).index(claim.section) for claim in CLAIMS)


def test_every_question_and_comparison_that_another_study_judges_stands_in_the_ledger_once():
    questions = [(claim.test["question"], claim.test.get("better_row")) for claim in CLAIMS if claim.test.get("rule") == "family"]
    table = COMMITTED.table("02_mapping/claims", {})
    rows = pd.concat([COMMITTED.table("02_mapping/claims", {"question": question} | ({"better_row": better} if better else {}))
                      for question, better in questions])
    assert len(rows) == len(table) and not rows.index.duplicated().any()
    judged = [tuple(pair) for claim in CLAIMS for pair in claim.test.get("of", [])]
    asked = {(c.better.name, c.worse.name) for c in generator_grid.COMPARISONS if c.paper}
    assert asked <= set(judged) and len(judged) == len(set(judged))


def test_no_field_holds_a_verdict_or_a_number_of_ours():
    text = ledger.CLAIMS.read_text(encoding="utf-8")
    words = re.findall(r'"([^"]*)"', text)
    assert not set(ledger.STATES) & set(words)
    assert not re.search(r"^(verdict|ours|low|high|value)\s*=", text, re.M)


@pytest.mark.parametrize("change, says", [
    ({"verdict": "supported"}, "a has verdict, expected only .*numbers and verdicts come from results"),
    ({"evidence": ""}, "a lacks evidence; write it"),
    ({"kind": "maybe"}, "a is of kind 'maybe', expected one of numeric, ordinal"),
    ({"section": "9"}, "a stands in section '9', expected one of 1"),
    ({"not_tested": ""}, "a has neither test nor reason, expected a test, or why there is none"),
    ({"untestable": "No brain."}, "a has untestable and not_tested, expected a test, or why"),
    ({"not_tested": "", "test": {"rule": "above", "numbers": ["x:y"]}}, "a is tested, but does not say where and by what"),
])
def test_a_claim_that_is_not_complete_is_refused(tmp_path, change, says):
    block = {"name": "a", "section": "1", "claim": "It is so.", "kind": "ordinal", "evidence": "None.", "not_tested": "Later."} | change
    test = block.pop("test", None)
    lines = ["[sections]", '"1" = "One"', "[[claim]]", *(f"{key} = {json.dumps(value)}" for key, value in block.items())]
    lines += ["[claim.test]", *(f"{key} = {json.dumps(value)}" for key, value in test.items())] if test else []
    path = tmp_path / "claims.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=says):
        ledger.read_claims(path)


def test_a_claim_that_stands_twice_is_refused(tmp_path):
    block = '[[claim]]\nname = "a"\nsection = "1"\nclaim = "So."\nkind = "ordinal"\nevidence = "None."\nnot_tested = "Later."\n'
    path = tmp_path / "claims.toml"
    path.write_text('[sections]\n"1" = "One"\n' + 2 * block)
    with pytest.raises(ValueError, match="has the claim 'a' 2 times, expected once"):
        ledger.read_claims(path)


@pytest.mark.parametrize("claim", CLAIMS, ids=by_name)
def test_what_a_claim_names_is_there(claim):
    judged = judge(claim, COMMITTED)                                        # its numbers are in the committed results
    assert judged.verdict in ledger.STATES
    assert bool(judged.findings) == bool(claim.test or claim.shows)
    assert "{" not in claim.paper_evidence                                  # its cells are cells of the paper
    for place in claim.where:                                               # its chapter has that heading
        chapter, _, heading = place.partition(": ")
        assert f"# ## {heading}\n" in (ROOT / "notebooks" / f"{chapter}.py").read_text(), place
    departures = (ROOT / "book" / "departures.md").read_text()
    for number in re.findall(r"D-\d\d", f"{claim.evidence} {claim.measure}"):
        assert f"## {number} " in departures


def test_what_a_choice_of_ours_sets_is_shown_and_never_a_result():
    calibrated = [judge(claim, COMMITTED) for claim in CLAIMS if claim.calibrated]
    assert {"two-way-level", "faithful", "one-to-three"} <= {judged.claim.name for judged in calibrated}
    assert all(judged.verdict == UNTESTABLE and judged.findings for judged in calibrated)


def test_nothing_is_settled_by_too_few_fits():
    for judged in ledger.judge_all(COMMITTED):
        if judged.verdict in (SUPPORTED, CONTRADICTED):
            assert not judged.one_fit, judged.claim.name


# ── verdicts ──────────────────────────────────────────────────────────────────────────────────────────────────────────
NAN = float("nan")


@pytest.mark.parametrize("low, high, fits, lowest, highest, expected", [
    (0.1, 0.3, 3, 0.1, 0.3, SUPPORTED), (0.1, 0.3, 3, NAN, NAN, SUPPORTED), (0.1, 0.3, 3, -0.1, 0.3, WITHIN_NOISE),
    (-0.3, -0.1, 3, -0.3, -0.1, CONTRADICTED), (-0.3, -0.1, 3, NAN, NAN, CONTRADICTED), (-0.3, -0.1, 3, -0.3, 0.1, WITHIN_NOISE),
    (-0.1, 0.3, 3, 0.05, 0.2, DIRECTION_ONLY), (-0.1, 0.3, 3, -0.05, 0.2, WITHIN_NOISE), (-0.1, 0.3, 3, NAN, NAN, WITHIN_NOISE),
    (0.1, 0.3, 1, NAN, NAN, DIRECTION_ONLY), (-0.3, -0.1, 1, NAN, NAN, WITHIN_NOISE), (-0.1, 0.3, 1, 0.1, 0.1, WITHIN_NOISE),
    (0.1, 0.3, None, NAN, NAN, SUPPORTED), (-0.3, -0.1, None, NAN, NAN, CONTRADICTED), (-0.1, 0.3, None, NAN, NAN, WITHIN_NOISE),
    (NAN, NAN, 1, NAN, NAN, WITHIN_NOISE), (NAN, NAN, 3, 0.1, 0.3, DIRECTION_ONLY),
])
def test_a_comparison_is_judged_by_its_interval_and_its_fits(low, high, fits, lowest, highest, expected):
    value = 0.2 if np.isnan(low) else (low + high) / 2
    assert verdict_of(Finding("x", value, low, high, fits=fits, lowest=lowest, highest=highest)) == expected


def test_an_interval_over_fits_alone_gives_a_direction_at_most():
    assert verdict_of(Finding("x", 0.2, 0.1, 0.3, fits=5, lowest=0.1, highest=0.3, over_pictures=False)) == DIRECTION_ONLY
    assert verdict_of(Finding("x", -0.2, -0.3, -0.1, fits=5, lowest=-0.3, highest=-0.1, over_pictures=False)) == WITHIN_NOISE


@pytest.mark.parametrize("verdicts, expected", [
    ([SUPPORTED, SUPPORTED], SUPPORTED), ([SUPPORTED, DIRECTION_ONLY], DIRECTION_ONLY), ([SUPPORTED, WITHIN_NOISE], WITHIN_NOISE),
    ([SUPPORTED, CONTRADICTED], CONTRADICTED), ([SUPPORTED, UNTESTABLE], UNTESTABLE),
])
def test_a_claim_stands_or_falls_with_all_of_its_comparisons(verdicts, expected):
    assert ledger.one_verdict(verdicts) == expected == ledger.one_verdict(verdicts[::-1])
    with pytest.raises(ValueError, match="no comparison"):
        ledger.one_verdict([])


# ── rules, on a made-up record ────────────────────────────────────────────────────────────────────────────────────────
def number(ours, low=None, high=None, **more):
    return {"ours": ours, "low": low, "high": high, "n": 10, "chance": None} | more


@pytest.fixture
def made(tmp_path):
    """Write a record of these tables and numbers, and give it."""
    def write(values=None, **tables):
        root = tmp_path / "figures"
        (root / "results").mkdir(parents=True, exist_ok=True)
        (root / "results" / "01_x.json").write_text(json.dumps({"origin": "twin", "values": values or {}}))
        for name, rows in tables.items():
            path = root / f"{name.replace('__', '/')}.csv"
            path.parent.mkdir(exist_ok=True)
            pd.DataFrame(rows).to_csv(path, index=False)
            path.with_suffix(".json").write_text(json.dumps({"origin": "twin"}))
        return Record(root)
    return write


def judged(record, fitted=False, pictures=True, **test):
    return judge(PaperClaim("a", "1", "So.", "ordinal", "None.", where=("x",), measure="m", test=test, fitted=fitted, pictures=pictures),
                 record)


@pytest.mark.parametrize("rule, a, b, expected", [
    ("greater", (0.8, 0.7, 0.9), (0.5, 0.4, 0.6), SUPPORTED), ("greater", (0.5, 0.4, 0.6), (0.8, 0.7, 0.9), CONTRADICTED),
    ("greater", (0.8, 0.5, 0.9), (0.5, 0.4, 0.6), WITHIN_NOISE),
    ("equal", (0.8, 0.7, 0.9), (0.5, 0.4, 0.6), CONTRADICTED), ("equal", (0.5, 0.4, 0.6), (0.8, 0.7, 0.9), CONTRADICTED),
    ("equal", (0.8, 0.5, 0.9), (0.5, 0.4, 0.6), WITHIN_NOISE),
])
def test_two_numbers_are_told_apart_where_their_intervals_are(made, rule, a, b, expected):
    record = made({"a": number(*a), "b": number(*b)})
    assert judged(record, rule=rule, pairs=[["01_x:a", "01_x:b"]]).verdict == expected
    one_fit = judged(record, fitted=True, rule=rule, pairs=[["01_x:a", "01_x:b"]])
    assert one_fit.verdict == (DIRECTION_ONLY if expected == SUPPORTED else WITHIN_NOISE) and one_fit.one_fit
    assert one_fit.other_way == (expected == CONTRADICTED)


@pytest.mark.parametrize("rule, low, high, bar, expected", [
    ("above", 0.6, 0.8, 0.5, SUPPORTED), ("above", 0.2, 0.4, 0.5, CONTRADICTED), ("above", 0.4, 0.6, 0.5, WITHIN_NOISE),
    ("below", 0.2, 0.4, 0.5, SUPPORTED), ("below", 0.6, 0.8, 0.5, CONTRADICTED), ("below", 0.4, 0.6, 0.5, WITHIN_NOISE),
])
def test_a_number_is_held_to_its_bar(made, rule, low, high, bar, expected):
    record = made({"a": number((low + high) / 2, low, high)})
    found = judged(record, rule=rule, numbers=["01_x:a | the share"], bar=bar)
    assert found.verdict == expected
    assert found.findings[0].name == "the share" and f"({low:.3f} to {high:.3f}), bar {bar:.3f}" in found.findings[0].words


@pytest.mark.parametrize("low, high, lowest, highest, expected", [
    (0.1, 0.3, 0.1, 0.3, CONTRADICTED), (-0.3, -0.1, -0.3, -0.1, CONTRADICTED), (-0.1, 0.3, 0.1, 0.2, WITHIN_NOISE),
    (0.1, 0.3, -0.1, 0.3, WITHIN_NOISE), (-0.3, -0.1, -0.3, 0.1, WITHIN_NOISE),
])
def test_no_change_can_be_contradicted_and_not_supported(made, low, high, lowest, highest, expected):
    row = dict(name="a", value=(low + high) / 2, low=low, high=high, chance=0.0, n_seeds=3, lowest=lowest, highest=highest)
    found = judged(made(tables__x=[row]), fitted=True, rule="unchanged", numbers=[{"table": "tables/x", "name": "a", "label": "a"}])
    assert found.verdict == expected and found.findings[0].words.startswith(f"{row['value']:.3f} (")


def test_without_a_bar_a_number_is_held_to_its_chance(made):
    record = made({"a": number(0.6, 0.55, 0.65, chance=0.5), "b": number(0.6, 0.55, 0.65, chance=0.58)})
    assert judged(record, rule="above", numbers=["01_x:a"]).verdict == SUPPORTED
    assert judged(record, rule="above", numbers=["01_x:b"]).verdict == WITHIN_NOISE


def test_a_result_that_says_how_many_fits_it_covers_is_taken_at_its_word(made):
    record = made({"a": number(0.6, 0.55, 0.65, fits=5), "b": number(0.6, 0.55, 0.65)})
    assert judged(record, fitted=True, rule="above", numbers=["01_x:a"], bar=0.5).verdict == SUPPORTED
    assert judged(record, fitted=True, rule="above", numbers=["01_x:b"], bar=0.5).verdict == DIRECTION_ONLY


def test_an_interval_over_something_else_than_pictures_gives_a_direction_at_most(made):
    record = made({"a": number(0.6, 0.55, 0.65, fits=5), "b": number(0.4, 0.35, 0.45, fits=5)})
    assert judged(record, fitted=True, pictures=False, rule="above", numbers=["01_x:a"], bar=0.5).verdict == DIRECTION_ONLY
    assert judged(record, fitted=True, pictures=False, rule="above", numbers=["01_x:b"], bar=0.5).verdict == WITHIN_NOISE


@pytest.mark.parametrize("value, low, high, seeds, expected", [
    (0.2, 0.1, 0.3, 3, SUPPORTED), (0.2, 0.1, 0.3, 1, DIRECTION_ONLY), (-0.2, -0.3, -0.1, 3, CONTRADICTED),
    (-0.2, -0.3, -0.1, 1, WITHIN_NOISE), (0.1, -0.1, 0.3, 3, DIRECTION_ONLY), (0.1, -0.1, 0.3, 1, WITHIN_NOISE),
])
def test_finetunings_are_compared_by_the_record(made, value, low, high, seeds, expected):
    line = dict(metric=GAIN, value=value, low=low, high=high, chance=0.0, lowest=value, highest=value, better="both, lf", worse="img, lf",
                n_seeds=seeds, origin="twin")
    found = judged(made(tables__table1_claims=[line, line | {"worse": "other"}]), fitted=True, rule="comparisons",
                   of=[["both, lf", "img, lf"]], metrics=[GAIN])
    assert found.verdict == expected and found.one_fit == (seeds == 1)
    assert found.findings[0].name == "both heads over image head, 2-way identification"


@pytest.mark.parametrize("verdicts", [[SUPPORTED, SUPPORTED], [SUPPORTED, WITHIN_NOISE], [CONTRADICTED, SUPPORTED]])
def test_tables_3_and_4_have_the_verdicts_of_the_study_that_judges_them(made, verdicts):
    rows = [dict(question="clamp", mapper="f_mi", direction="forward", better_row="cut", worse_row="uncut", difference=0.1, low=-1.0, high=1.0,
                 same_sign=True, n_seeds=3, verdict=verdict) for verdict in verdicts]
    found = judged(made(**{"02_mapping__claims": rows, "02_mapping__claims_paper": rows}), fitted=True, rule="family", question="clamp")
    assert found.verdict == ledger.one_verdict(verdicts)
    assert found.published.startswith("2 comparisons by Fisher's exact test")


@pytest.mark.parametrize("gain, expected", [(0.3, SUPPORTED), (-0.3, CONTRADICTED), (0.0, WITHIN_NOISE)])
def test_pairs_of_one_picture_are_drawn_again_together(made, gain, expected):
    rng = np.random.default_rng(0)
    each = rng.normal(0, 1, 200)                                            # far wider than the gain, and shared by both
    rows = [dict(panel="forward", pair=pair, image_id=i, cosine=each[i] + (pair == "found") * gain + rng.normal(0, 0.1))
            for i in range(200) for pair in ("found", "other")]
    if not gain:
        rows = [row | {"cosine": each[row["image_id"]] + (row["pair"] == "found") * (-1) ** row["image_id"]} for row in rows]
    found = judged(made(tables__pairs=rows), rule="per_picture", table="tables/pairs", by="pair", better="found", worse="other",
                   columns=["cosine"], panels={"panel": ["forward"]})
    assert found.verdict == expected


@pytest.mark.parametrize("better, worse, expected", [
    ([1, 2, 3], [11, 12, 13], DIRECTION_ONLY), ([1, 2, 30], [2, 3, 31], DIRECTION_ONLY), ([1, 2, 3], [2, 1, 4], WITHIN_NOISE),
    ([11, 12, 13], [1, 2, 3], WITHIN_NOISE),
])
def test_a_distance_without_an_interval_over_pictures_gives_a_direction_at_most(made, better, worse, expected):
    rows = [dict(mapper="f_mi", metric="FD", name=name, seed=seed, value=value) for name, values in (("a", better), ("b", worse))
            for seed, value in enumerate(values)]
    found = judged(made(tables__grid=rows), fitted=True, rule="over_seeds", table="tables/grid", better="a", worse="b", metric="FD",
                   lower_is_better=True, mappers=["f_mi"])
    assert found.verdict == expected and found.findings[0].fits == 3


@pytest.mark.parametrize("n, expected", [(0, SUPPORTED), (1, CONTRADICTED)])
def test_what_must_not_occur_is_counted(made, n, expected):
    record = made(tables__leaks=[dict(check="pictures on both sides", found=n), dict(check="another", found="rounding")])
    assert judged(record, rule="none", table="tables/leaks", column="found", check=["pictures on both sides"]).verdict == expected


@pytest.mark.parametrize("verdicts", [[SUPPORTED], [SUPPORTED, DIRECTION_ONLY], [WITHIN_NOISE, CONTRADICTED], [SUPPORTED, UNTESTABLE]])
def test_sentences_about_stimulation_have_the_verdicts_of_the_record(made, verdicts):
    known = dict(region="early", state="silenced", measure="saturation", direction=-1, value=-0.2, low=-0.3, high=-0.1, chance=-0.05, fits=3)
    unknown = dict(direction=1, value=NAN, low=NAN, high=NAN, chance=NAN, fits=NAN, note="no voxel of early in this subject")
    rows = [known | (unknown if verdict == UNTESTABLE else {"note": ""}) | {"claim": "early-pictures", "verdict": verdict} for verdict in verdicts]
    found = judged(made(**{"tables__stimulated_sentences": [*rows, known | {"claim": "other", "verdict": WITHIN_NOISE, "note": ""}]}),
                   fitted=True, rule="stimulation", sentence="early-pictures")
    assert found.verdict == ledger.one_verdict(verdicts) and len(found.findings) == len(verdicts)
    first = found.findings[0]
    assert first.name == "early, silenced: saturation, claimed to be less"
    assert first.words == "-0.200 (-0.300 to -0.100), random voxels -0.0500"
    assert (first.value, first.low, first.high, first.null, first.fits) == (0.2, 0.1, 0.3, 0.05, 3)
    if UNTESTABLE in verdicts:
        assert found.findings[-1].words == "no voxel of early in this subject"


@pytest.mark.parametrize("test, says", [
    ({"rule": "guess"}, "is judged by the rule 'guess', expected one of family"),
    ({"rule": "above", "numbers": ["01_x:b"]}, "01_x.json has no 'b', expected a key of its values"),
    ({"rule": "above", "numbers": ["02_y:b"]}, "there is no figures/results/02_y.json, expected it among the committed results"),
    ({"rule": "above", "numbers": [{"table": "tables/t", "name": "z"}]}, "tables/t.csv has no row with {'name': 'z'}"),
    ({"rule": "above", "numbers": [{"table": "tables/t", "names": "z"}]}, "tables/t.csv has no column 'names', expected one of name, value"),
    ({"rule": "above", "numbers": [{"table": "tables/t", "value": 1.0}]}, "tables/t.csv has 2 rows with .*expected one; name more columns"),
])
def test_a_number_that_is_not_in_the_record_is_an_error(made, test, says):
    record = made({"a": number(1.0)}, tables__t=[dict(name="a", value=1.0), dict(name="b", value=1.0)])
    with pytest.raises(ValueError, match=says):
        judged(record, **test)


def test_every_rule_is_used_and_said_in_words():
    assert {claim.test["rule"] for claim in CLAIMS if claim.test} == set(ledger.RULES)
    assert all(rule.__doc__ for rule in ledger.RULES.values())
    assert tuple(ledger.STATES)[:len(VERDICTS)] == VERDICTS
