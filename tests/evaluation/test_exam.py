"""The exam: it passes who sees as a person does, and says of the others where they fail; today's network among them."""

from functools import cache

import numpy as np
import pytest

from mindreader.extractors import load_feature_net
from mindreader.evaluation import damaged_sets, examine, GENERATED, largest_things, placements, verdicts
from mindreader.scoring import frechet_distance
from mindreader.world import draw_scene, masks, render

SEEN_AS = {"invisible": 0.0, "second look": 1.0, "at once": 2.0}


@cache
def sets(n=24):
    """The exam's sets, of a few held-out pictures; for generated ones stand pictures of a mean and noise."""
    pictures, things = [], []
    for i in range(28_500, 28_600):
        scene = draw_scene(0, "world", i)
        thing = largest_things([masks(scene)[0]])[0]
        if thing.any() and len(pictures) < n:
            pictures.append(render(scene))
            things.append(thing)
    pictures = np.stack(pictures)
    return pictures, damaged_sets(pictures, np.stack(things), generated=np.zeros_like(pictures))


def a_person():
    """A score that knows where each set was placed: its place, and a little more for each strength."""
    table, (_, found) = placements().set_index(["damage", "strength"]), sets()
    by_content = {pictures.tobytes(): SEEN_AS[table.seen[key]] + 0.1 * key[1] for key, pictures in found.items()}
    return lambda pictures: {"person": by_content[pictures.tobytes()]}


def test_who_sees_as_a_person_does_passes():
    found = verdicts(examine(sets()[1], a_person())).iloc[0]
    assert found.passes and found.ranks == found.n_damages == 8 and found.inverted == 0 and found.not_ranked == ""


def test_one_strength_out_of_order_is_found():
    table = examine(sets()[1], a_person())
    grain = (table.damage == "grain") & (table.strength == 2)
    table.loc[grain, "value"] = table.value[(table.damage == "grain") & (table.strength == 1)].iloc[0]
    found = verdicts(table).iloc[0]
    assert not found.passes and found.not_ranked == "grain" and found.ranks == 7 and found.inverted == 0


def test_one_set_seen_at_once_below_an_invisible_one_is_found():
    table = examine(sets()[1], a_person())
    table.loc[table.damage == GENERATED, "value"] = table.value[table.seen == "invisible"].max()
    found = verdicts(table).iloc[0]
    assert not found.passes and found.lowest_at_once == GENERATED and found.at_once <= found.invisible
    hidden, seen = table.value[table.seen == "invisible"], table.value[table.seen == "at once"]
    assert found.inverted == pytest.approx((hidden == hidden.max()).sum() / (len(hidden) * len(seen)))
    assert found.ranks == 8


def test_mean_change_of_pixels_fails():
    """What a person sees is not how many pixels change: it takes the thing that is torn apart for less than a tint."""
    pictures, damaged = sets()
    found = verdicts(examine(damaged, lambda some: {"pixels": np.abs(some.astype(float) - pictures).mean()})).iloc[0]
    assert found.ranks == 8 and not found.passes and found.inverted > 0.05


def test_todays_evaluation_network_fails():
    net, (pictures, damaged) = load_feature_net(), sets()
    others = net.images(np.stack([render(draw_scene(0, "world", i)) for i in range(30_000, 30_048)]))
    found = verdicts(examine(damaged, lambda some: {"FD (twin features)": frechet_distance(net.images(some), others)})).iloc[0]
    assert not found.passes and found.inverted > 0.02 and found.at_once < found.invisible


def test_a_set_that_nobody_has_placed_is_refused():
    with pytest.raises(ValueError, match="got the damage 'fog' of strength 1, expected those that placements.csv has"):
        examine({("fog", 1): sets()[0]}, lambda some: {"any": 0.0})
