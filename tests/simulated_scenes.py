"""Scenes that several tests of the simulated world share."""

from functools import lru_cache

from mindreader.world.sampling import draw_scene


@lru_cache(maxsize=1)
def many() -> tuple:
    """1200 scenes, enough to estimate frequencies."""
    return tuple(draw_scene(0, "world", n) for n in range(1200))


@lru_cache(maxsize=1)
def few() -> dict:
    """Scenes of the subject's stream by a COCO id, at least one with a crowd and one with a hidden part."""
    scenes = [draw_scene(3, "subject", n) for n in range(24)]
    scenes += [next(s for s in (draw_scene(3, "subject", n) for n in range(24, 2000))
                    if any(t.crowd for t in s.things))]
    return {100 + 7 * n: scene for n, scene in enumerate(scenes)}
