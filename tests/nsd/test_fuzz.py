"""A cut of the cases of `python -m tests.nsd.fuzz`: what is loaded from a damaged tree is right, or refused in one sentence."""

import os

from tests.nsd.fuzz import nsd_files, oracle, run
from tests.nsd.fuzz.damage import ABSENT, REFUSED, SAME, Damage

N_CASES = 160


def test_a_damaged_tree_loads_right_or_is_refused_in_one_sentence(smallest):
    pairs = len(oracle.all_pairs(run.KINDS))
    done = list(run.outcomes(range(0, pairs, -(-pairs // N_CASES)), root=smallest))
    assert not [f"{o.what}: {o.failure}" for o in done if o.failure]
    assert {o.result for o in done} == {"refused", "same", "other, by right"} and len(done) > N_CASES / 2


def test_a_case_is_the_same_each_time(smallest):
    once, again = ([*run.outcomes([7, 8, 9], seed=3, root=smallest)] for _ in range(2))
    assert once == again


def test_a_process_that_dies_is_a_case_that_failed(smallest):
    kind = oracle.Kind("SIMULATED.json", (Damage("death", SAME, lambda path, rng: os._exit(3)),
                                          Damage("nothing", SAME, lambda path, rng: None)))
    first, second = run.outcomes([0, 1], kinds=(kind,), root=smallest)
    assert (first.result, second.result) == ("died", "same") and first.failure and not second.failure


def test_the_rule_sees_other_values_silence_and_refusals_of_what_is_sound(smallest):
    def judged(damage, effect):
        kind = oracle.Kind(f"{nsd_files.BETAS_FOLDER}/betas_session01.hdf5", (Damage(damage.name, effect, damage.apply),))
        return next(run.outcomes([0], kinds=(kind,), root=smallest))

    assert "where none may be" in judged(nsd_files.rows_in_another_order, SAME).failure
    assert "though no reader may take it" in judged(nsd_files.compressed, REFUSED).failure
    assert "no warning names" in judged(nsd_files.rows_in_another_order, ABSENT).failure
    assert "the same values are refused" in judged(nsd_files.turned, SAME).failure
