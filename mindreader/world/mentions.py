"""List the factors of a scene that captions may mention, and those that no caption mentions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .scenes import STUFF, Scene

__all__ = ["FACTORS", "Factor"]

_PLAIN = ("day", "sunset")  # lights under which captions do not distinguish a clear from a cloudy sky


class Factor(NamedTuple):
    """A factor of a scene: key and name, whether captions may mention it, and its value (None: undefined)."""

    key: str
    name: str
    mentioned: bool
    of: Callable[[Scene], str | None]


def _wall(scene: Scene) -> str | None:
    """Of a plain or a tiled wall; a brick wall has no colour to choose."""
    return scene.region("back").colour or None


def _main(scene: Scene) -> str | None:
    return scene.things[0].name if scene.things else None


def _colour(scene: Scene) -> str | None:
    return scene.things[0].colour or None if scene.things else None


def _ground(scene: Scene) -> str:
    return STUFF[scene.region("ground").category][0]


def _light(scene: Scene, indoor: bool) -> str | None:
    return scene.light if scene.indoor == indoor else None


def _clouds(scene: Scene) -> str | None:
    return scene.weather if not scene.indoor and scene.light in _PLAIN else None


def _horizon(scene: Scene) -> str | None:
    """Outdoors, where its height depends on nothing else and is uniform from 0.38 to 0.60 picture heights."""
    return None if scene.indoor else "low" if scene.horizon > 0.49 else "high"


def _place(scene: Scene) -> str | None:
    """Of the only thing of a scene: with a second one, sentences say how they lie to each other."""
    if len(scene.things) != 1 or scene.things[0].pose == "face" or scene.things[0].crowd:
        return None
    return "left" if scene.things[0].x < 0.5 else "right"


FACTORS = (
    Factor("thing", "main thing", True, _main),
    Factor("colour", "colour of the main thing", True, _colour),
    Factor("ground", "ground", True, _ground),
    Factor("light", "light outdoors", True, lambda scene: _light(scene, False)),
    Factor("wall", "colour of the wall", True, _wall),
    Factor("lamp", "light indoors", False, lambda scene: _light(scene, True)),
    Factor("clouds", "clouds by day", False, _clouds),
    Factor("horizon", "height of the horizon", False, _horizon),
    Factor("sun", "side of the sun", False, lambda scene: "right" if scene.sun > 0 else "left"),
    Factor("place", "place of a lone thing", False, _place),
)
