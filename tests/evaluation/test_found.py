"""Things found again: counted by hand on small maps; a copy finds all, another picture's things are not there."""

import numpy as np
import pytest

from mindreader.evaluation import CLASSES, found_again, found_apart, label_maps, NO_COLOUR, Reading, recall_and_precision, true_classes
from mindreader.evaluation.found import LEAST_PLACES
from mindreader.nsd import Outline
from mindreader.world import COLOURS, draw_scene

CAR, DOG, ZEBRA, GRASS = (CLASSES.index(name) for name in ("car", "dog", "zebra", "grass"))
RED, BLUE = (list(COLOURS).index(name) for name in ("red", "blue"))


def reading(classes, colours=None):
    colours = np.zeros_like(classes) if colours is None else colours
    return Reading(classes, colours, np.zeros(classes.shape, np.float32), np.zeros((len(classes), 1), np.float32))


def meadow(*things):
    """A picture of grass with squares (class, row, column, colour) of 8 x 8 places: its classes and colours."""
    maps = np.full((2, 1, 32, 32), GRASS, np.uint8)
    maps[1] = 0
    for index, row, column, colour in things:
        maps[0, 0, row:row + 8, column:column + 8], maps[1, 0, row:row + 8, column:column + 8] = index, colour
    return maps


def table(true, read):
    return found_again(true[0], reading(*true), reading(*read)).set_index("category")


def test_a_copy_finds_everything_again():
    true = meadow((CAR, 4, 4, RED), (ZEBRA, 20, 20, 0))
    found = table(true, true)
    assert found[["there", "read", "class", "place"]].all(axis=None) and set(found.index) == {"car", "zebra", "grass"}
    assert found.colour["car"] is True and found.colour.isna()["zebra"] and found.colour.isna()["grass"]


def test_a_thing_elsewhere_in_another_colour_is_found_by_its_class_alone():
    found = table(meadow((CAR, 4, 4, RED)), meadow((CAR, 20, 20, BLUE))).loc["car"]
    assert (found["class"], found.place, found.colour) == (True, False, False)


def test_a_thing_moved_by_half_of_itself_is_in_its_place():
    """4 of 8 columns overlap: 32 of 96 places; with 5 columns moved, 24 of 104 are less than a quarter."""
    assert table(meadow((CAR, 4, 4, RED)), meadow((CAR, 4, 8, RED))).place["car"]
    assert not table(meadow((CAR, 4, 4, RED)), meadow((CAR, 4, 9, RED))).place["car"]


def test_a_thing_that_is_not_there_costs_precision_and_no_recall():
    found = table(meadow(), meadow((DOG, 4, 4, RED))).loc["dog"]
    assert not found.there and found.read and np.isnan(found["class"])


def test_a_few_places_are_no_thing():
    true = meadow((CAR, 4, 4, RED))
    few = meadow()
    few[0].reshape(-1)[:LEAST_PLACES - 1] = CAR
    assert not table(true, few)["class"]["car"]
    few[0].reshape(-1)[:LEAST_PLACES] = CAR
    assert table(true, few)["class"]["car"]


def test_recall_and_precision_are_shares_of_pictures():
    maps = [meadow((CAR, 4, 4, RED)), meadow((CAR, 4, 4, RED)), meadow(), meadow((CAR, 12, 4, BLUE))]
    true = np.concatenate(maps[:3] + [meadow((CAR, 12, 4, RED))], 1)
    read = np.concatenate([maps[0], maps[2], maps[1], maps[3]], 1)
    rows = recall_and_precision(found_again(true[0], reading(*true), reading(*read)), np.arange(4), name="x", origin="twin",
                                least=1, n_bootstrap=50)
    value = rows[rows.category == "car"].set_index("metric").value
    assert value["recall, class"] == pytest.approx(2 / 3) and value["precision"] == pytest.approx(2 / 3)
    assert value["recall, place"] == pytest.approx(2 / 3) and value["recall, colour"] == pytest.approx(1 / 3)
    means = rows[rows.category == "all things"].set_index("metric").value
    assert means["recall, class"] == pytest.approx(2 / 3) and (rows[rows.category == "all stuff"].value == 1).all()
    rare = recall_and_precision(found_again(true[0], reading(*true), reading(*read)), np.arange(4), name="x", origin="twin",
                                least=4, n_bootstrap=50)
    assert "car" not in set(rare.category) and "grass" in set(rare.category)


def test_trials_of_one_picture_widen_the_interval():
    true = np.concatenate([meadow((CAR, 4, 4, RED))] * 40, 1)
    read = np.concatenate([meadow((CAR, 4, 4, RED))] * 20 + [meadow()] * 20, 1)
    found = found_again(true[0], reading(*true), reading(*read))

    def width(ids):
        rows = recall_and_precision(found, ids, name="x", origin="twin", n_bootstrap=200)
        row = rows[(rows.category == "car") & (rows.metric == "recall, class")].iloc[0]
        return row.high - row.low

    assert width(np.arange(40) // 10) > 1.5 * width(np.arange(40))


def test_label_maps_say_what_the_scene_has():
    for index in range(20):
        scene = draw_scene(0, "world", index)
        classes, colours = label_maps(scene)
        names = {CLASSES[c] for c in np.unique(classes)}
        assert names & {t.name for t in scene.things} or not scene.things
        shown = {list(COLOURS)[c] for c in np.unique(colours) if c != NO_COLOUR}
        assert shown <= {t.colour for t in scene.things}


def test_outlines_of_a_picture_lie_one_upon_the_other():
    whole, part = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    part[:2] = True
    found = true_classes([Outline(124, "grass", "stuff", whole), Outline(3, "car", "thing", part)], 4)
    assert (found[:2] == CAR).all() and (found[2:] == GRASS).all()
    assert (true_classes([Outline(99, "cage", "stuff", whole)], 4) == 255).all()


def test_sets_of_other_lengths_are_refused():
    true = meadow()
    with pytest.raises(ValueError, match="got 2 true maps, 1 true pictures and 1 reconstructions"):
        found_again(np.concatenate([true[0]] * 2), reading(*true), reading(*true))


def test_intervals_of_a_class_and_of_the_mean_over_classes_resample_pictures(rng):
    """Judged by a loop that draws pictures and counts anew; trials of a picture stay together."""
    n, image_ids = 40, np.repeat(np.arange(20), 2)
    maps = [meadow(*[thing for thing, there in (((CAR, 4, 4, RED), rng.random() < 0.7), ((DOG, 20, 20, RED), rng.random() < 0.4))
                     if there]) for _ in range(n)]
    order = rng.permutation(n)
    true, read = np.concatenate(maps, 1), np.concatenate([maps[k] for k in order], 1)
    rows = found_again(true[0], reading(*true), reading(*read))
    table = recall_and_precision(rows, image_ids, name="x", origin="twin", n_bootstrap=4000, least=5)
    got = table[table.metric == "recall, class"].set_index("category")
    kept, means = rows[rows.there & (rows.kind == "thing")], []
    kept = kept.assign(image=image_ids[kept.row])
    by = {(image, category): some["class"].astype(float).to_numpy() for (image, category), some in kept.groupby(["image", "category"])}
    for _ in range(2000):
        drawn = rng.integers(0, 20, 20)
        means.append([np.concatenate([by[i, name] for i in drawn if (i, name) in by]).mean() for name in ("car", "dog")])
    wanted = np.quantile(means, [0.025, 0.975], axis=0)
    for k, name in enumerate(("car", "dog")):
        assert [got.low[name], got.high[name]] == pytest.approx(wanted[:, k], abs=0.04)
    overall = np.quantile(np.mean(means, 1), [0.025, 0.975])
    assert [got.low["all things"], got.high["all things"]] == pytest.approx(overall, abs=0.03) and got.n["all things"] == 2


def test_a_difference_of_recalls_is_paired_by_picture():
    """One finds the car in both pictures, the other only in the second: half a car more, never less than none more."""
    maps = [meadow((CAR, 4, 4, RED)), meadow((CAR, 4, 4, RED)), meadow()]
    true, one, other = (np.concatenate([maps[i] for i in rows], 1) for rows in ((0, 1), (0, 1), (2, 1)))
    apart = found_apart(*(found_again(true[0], reading(*true), reading(*read)) for read in (one, other)))
    rows = recall_and_precision(apart, np.arange(2), name="x", origin="twin", least=1, n_bootstrap=50).set_index(["metric", "category"])
    assert rows.value["recall, class", "car"] == 0.5 and rows.low["recall, class", "car"] == 0
    assert rows.value["recall, class", "grass"] == 0 and "precision" not in rows.index.get_level_values(0)


def test_things_of_other_pictures_cannot_be_paired():
    one, other = meadow((CAR, 4, 4, RED)), meadow((DOG, 4, 4, RED))
    with pytest.raises(ValueError, match="expected the same things in the same pictures"):
        found_apart(*(found_again(true[0], reading(*true), reading(*true)) for true in (one, other)))
