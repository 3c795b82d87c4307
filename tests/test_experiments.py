"""Presets and overrides: what exists is taken, what does not is refused by name."""

import pytest

from mindreader.experiments import EXPERIMENTS, experiment
from mindreader.core.params import PRESETS, ParameterError
from mindreader.limits import settings


def test_the_presets_are_those_that_the_notebooks_accept():
    assert tuple(EXPERIMENTS) == PRESETS


def test_an_override_changes_one_setting_and_nothing_else():
    changed, usual = experiment("book", {"gan.kimg": 1, "seed": 7}), experiment("book")
    assert (changed.gan.kimg, changed.seed) == (1.0, 7)
    assert changed.mapping == usual.mapping and changed.gan.batch == usual.gan.batch


def test_a_list_becomes_a_tuple_so_that_papermill_can_give_one():
    assert experiment("smoke", {"mapping.epochs": [1, 1]}).mapping.epochs == (1, 1)


@pytest.mark.parametrize("name, typed, means", [
    ("mapping.learning_rate", "4e-4", 4e-4), ("seed", "1e3", 1000), ("seed", 3.0, 3), ("mapping.epochs", "[1, 2]", (1, 2)),
    ("mapping.epochs", (1, 2), (1, 2)), ("mapping.clamp", "null", None), ("mapping.pad_to", "none", None), ("mapping.pad_to", "64", 64),
    ("gan.low_level", "yes", True), ("gan.adam_betas", [0, 0.9], (0.0, 0.9)), ("start", None, "none"), ("mapping.auxiliary", None, "none"),
    ("device", "CUDA:1", "cuda:1"), ("subject", "SUBJ02", "subj02"), ("gan.batch", "1_6", 16), ("start", "/Some/Folder", "/Some/Folder"),
    ("gan.precision", "Float32", "float32"), ("gan.content_half_kimg", "inf", float("inf")),
])
def test_what_a_person_means_is_taken(name, typed, means):
    assert dict(settings(experiment("book", {name: typed})))[name] == means
    group, _, rest = name.rpartition(".")
    assert not group or dict(settings(experiment(" Book", {group: {rest: typed}})))[name] == means


@pytest.mark.parametrize("preset", EXPERIMENTS)
def test_every_setting_may_be_given_as_text(preset):
    usual = experiment(preset)
    assert experiment(preset, {name: str(value) for name, value in settings(usual)}) == usual


@pytest.mark.parametrize("preset, overrides, says", [
    ("bok", {}, "no preset 'bok'; there is smoke, book, paper, shared1000"),
    ("book", {"gan.kimgs": 1}, "GanConfig has no 'kimgs' .* did you mean 'kimg'"),
    ("book", {"nothing": 1}, "Experiment has no 'nothing'"),
    ("book", {"gan": 1}, "names a whole group"),
    ("book", {"seed.x": 1}, "is a value, not a group"),
    ("book", {"gan.kimg": "many"}, "got gan.kimg='many', expected a number above 0"),
    ("book", {"gan": {"kimg": 1}, "gan.kimg": 2}, "got gan.kimg=1 and gan.kimg=2, expected one of the two"),
    ("book", {"gan": {"kimgs": 1}}, "GanConfig has no 'kimgs' .*gan.kimgs.* did you mean 'kimg'"),
    ("book", {"gan": {}}, "names a whole group"),
    ("book", {"seed": {"x": 1}}, "is a value, not a group"),
    ("book", ["gan.kimg"], "expected a mapping such as"),
    ("book", {"seed": 1.5}, "got seed=1.5, expected a whole number"),
    ("book", {"mapping.epochs": 8}, "got mapping.epochs=8, expected a list"),
    ("book", {"mapping.learning_rate": "0,001"}, "got mapping.learning_rate='0,001', expected a number above 0"),
    ("book", {"gan.low_level": "maybe"}, "expected true or false"),
    ("book", {"data.coco_folder": None}, "got data.coco_folder=null, expected text"),
    ("book", {"device": "mps"}, "got device='mps', expected 'cpu', 'cuda' or 'cuda:N'"),
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


def test_the_later_fields_preset_differs_from_the_papers_by_what_validates_and_how_z_scores_are_made():
    usual, fields = dict(settings(experiment("paper"))), dict(settings(experiment("shared1000")))
    differing = {name: fields[name] for name in usual if usual[name] != fields[name]}
    assert differing == {"name": "shared1000", "data.split": "shared1000", "data.zscore": "session-train"}


@pytest.mark.parametrize("typed, sizes", [("twin01", "book"), ("Twin1", "book"), ("subj02", "paper"), ("S7", "paper")])
def test_the_later_fields_preset_has_the_sizes_of_its_kind_of_subject(typed, sizes):
    ours, usual = experiment("shared1000", {"subject": typed}), experiment(sizes, {"subject": typed})
    assert (ours.gan, ours.mapping, ours.embed, ours.subject) == (usual.gan, usual.mapping, usual.embed, usual.subject)
    assert (ours.data.split, ours.data.image_size) == ("shared1000", usual.data.image_size)
    with pytest.raises(ParameterError, match="got subject=5, expected twin01"):
        experiment("shared1000", {"subject": 5})


def test_stages_draw_from_seeds_of_their_own():
    e = experiment("smoke")
    assert e.child_seed("a") != e.child_seed("b")
    assert e.child_seed("a") != experiment("smoke", {"seed": 1}).child_seed("a")


@pytest.mark.parametrize("typed", ["kimg", "GAN.kimg", "gan_kimg", "gan/kimg", "gan..kimg"])
def test_a_setting_of_another_group_is_named(typed):
    with pytest.raises(ParameterError, match="did you mean 'gan.kimg'"):
        experiment("smoke", {typed: 1})


def test_a_number_beyond_all_numbers_is_refused():
    with pytest.raises(ParameterError, match="got mapping.learning_rate=1000.*expected a number above 0"):
        experiment("smoke", {"mapping.learning_rate": 10**400})


def test_a_subject_in_the_overrides_may_be_named_as_papers_do():
    assert experiment("smoke", {"subject": "Subj1"}).subject == "subj01"
