"""What a picture holds: counted by hand on small maps; scipy's labels agree with a flood fill."""

import numpy as np

from mindreader.evaluation import CLASSES, colours, columns, grounds, N_THINGS, NO_GROUND, pieces, present, Reading
from mindreader.evaluation.found import LEAST_PLACES
from mindreader.world import COLOURS

CAR, DOG, ZEBRA, GRASS, ROAD = (CLASSES.index(name) for name in ("car", "dog", "zebra", "grass", "road"))
RED, BLUE = (list(COLOURS).index(name) for name in ("red", "blue"))


def meadow(*squares):
    """One map of grass with squares (class, row, column, side)."""
    maps = np.full((1, 32, 32), GRASS, np.uint8)
    for index, row, column, side in squares:
        maps[0, row:row + side, column:column + side] = index
    return maps


def test_a_class_is_there_from_a_few_places_on():
    few = meadow()
    few[0].reshape(-1)[:LEAST_PLACES - 1] = CAR
    assert not present(few)[0, CAR]
    few[0].reshape(-1)[LEAST_PLACES - 1] = CAR
    assert present(few)[0, CAR] and present(few)[0].sum() == 2


def test_the_ground_is_the_stuff_that_covers_most_whatever_things_cover():
    assert grounds(meadow((CAR, 0, 0, 28), (ROAD, 30, 0, 2))).tolist() == [GRASS]
    assert grounds(meadow((ROAD, 0, 0, 24))).tolist() == [ROAD]
    assert grounds(np.full((2, 4, 4), CAR, np.uint8)).tolist() == [NO_GROUND, NO_GROUND]
    assert grounds(np.full((1, 4, 4), 255, np.uint8)).tolist() == [NO_GROUND]


def test_pieces_that_touch_are_one_and_crumbs_are_none():
    maps = meadow((CAR, 2, 2, 4), (CAR, 2, 6, 4), (CAR, 20, 20, 4), (CAR, 30, 0, 2), (DOG, 10, 10, 3))
    found = pieces(maps)[0]
    assert (found[CAR], found[DOG], found.sum()) == (2, 1, 3)


def test_pieces_are_those_of_a_flood_fill(rng):
    maps = rng.choice([CAR, DOG, GRASS], (3, 12, 12), p=[0.35, 0.25, 0.4]).astype(np.uint8)

    def flood(classes, index):
        left, sizes = {tuple(p) for p in np.argwhere(classes == index)}, []
        while left:
            edge, size = [left.pop()], 0
            while edge:
                row, column = edge.pop()
                size += 1
                for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                    if near in left:
                        left.remove(near)
                        edge.append(near)
            sizes.append(size)
        return sum(size >= LEAST_PLACES for size in sizes)

    for row, classes in enumerate(maps):
        for index in (CAR, DOG):
            assert pieces(maps)[row, index] == flood(classes, index)


def test_the_column_of_a_thing_is_the_middle_of_its_places():
    found = columns(meadow((CAR, 0, 0, 8), (DOG, 4, 16, 8)))[0]
    assert (found[CAR], found[DOG]) == (4 / 32, 20 / 32) and np.isnan(found).sum() == N_THINGS - 2


def test_the_colour_of_a_thing_is_read_where_the_thing_is():
    maps = meadow((CAR, 0, 0, 8), (ZEBRA, 16, 16, 8))
    painted = np.full(maps.shape, RED, np.uint8)
    painted[0, :8, :5] = BLUE
    reading = Reading(maps, painted, np.zeros(maps.shape, np.float32), np.zeros((1, 1), np.float32))
    found = colours(reading, maps)[0]
    assert found[CAR] == BLUE and found[ZEBRA] == -1 and (found >= 0).sum() == 1 and len(found) == N_THINGS
    assert colours(reading, meadow((CAR, 0, 8, 8)))[0, CAR] == RED
