"""Presets and overrides: what exists is taken, what does not is refused by name."""

import pytest

from mindreader.experiments import EXPERIMENTS, experiment
from mindreader.core.params import PRESETS, ParameterError


def test_the_presets_are_those_that_the_notebooks_accept():
    assert tuple(EXPERIMENTS) == PRESETS


def test_an_override_changes_one_setting_and_nothing_else():
    changed, usual = experiment("book", {"gan.kimg": 1, "seed": 7}), experiment("book")
    assert (changed.gan.kimg, changed.seed) == (1.0, 7)
    assert changed.mapping == usual.mapping and changed.gan.batch == usual.gan.batch


def test_a_list_becomes_a_tuple_so_that_papermill_can_give_one():
    assert experiment("smoke", {"mapping.epochs": [1, 1]}).mapping.epochs == (1, 1)


@pytest.mark.parametrize("preset, overrides, says", [
    ("bok", {}, "no preset 'bok'; there is smoke, book, paper"),
    ("book", {"gan.kimgs": 1}, "GanConfig has no 'kimgs' .* did you mean 'kimg'"),
    ("book", {"nothing": 1}, "Experiment has no 'nothing'"),
    ("book", {"gan": 1}, "names a whole group"),
    ("book", {"seed.x": 1}, "is a value, not a group"),
    ("book", {"gan.kimg": "many"}, "got str, expected float"),
])
def test_what_does_not_exist_is_refused(preset, overrides, says):
    with pytest.raises(ParameterError, match=says):
        experiment(preset, overrides)


def test_settings_that_only_fit_together_can_be_given_in_any_order():
    pair = {"gan.adversarial_weight": 0, "gan.feature_weight": 0}
    for names in (list(pair), list(pair)[::-1]):
        assert experiment("smoke", {name: pair[name] for name in names}).gan.adversarial_weight == 0
    with pytest.raises(ParameterError, match="overrides: feature_weight 10.0 without a discriminator"):
        experiment("smoke", {"gan.adversarial_weight": 0})
    with pytest.raises(ParameterError, match="has 2 phases, got epochs=\\(3,\\)"):
        experiment("smoke", {"mapping.epochs": [3]})


def test_the_paper_preset_has_the_papers_sizes():
    e = experiment("paper")
    assert (e.subject, e.data.max_sessions, e.data.image_size, e.mapping.pad_to) == ("subj01", 37, 256, 15744)
    assert e.mapping.learning_rate == pytest.approx(4e-4)


def test_stages_draw_from_seeds_of_their_own():
    e = experiment("smoke")
    assert e.child_seed("a") != e.child_seed("b")
    assert e.child_seed("a") != experiment("smoke", {"seed": 1}).child_seed("a")
