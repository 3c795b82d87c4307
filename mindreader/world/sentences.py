"""Write five captions of a scene with known quality: two specific, one partial, one vague, one off topic."""

from __future__ import annotations

import numpy as np

from .appearance_living import traits
from .sampling import draw_scene
from .scenes import PLACES, THINGS, Scene, Thing

__all__ = ["GRADES", "caption"]

GRADES = ("specific", "specific", "partial", "vague", "off")

_NOUNS = {"airplane": ("airplane", "plane", "jet"), "bicycle": ("bicycle", "bike"),
          "couch": ("couch", "sofa"),
          "tv": ("tv", "television"), "dining table": ("table", "dining table"), "sports ball": ("ball",),
          "potted plant": ("potted plant", "plant in a pot"), "cup": ("cup", "cup of coffee", "mug"),
          "boat": ("boat",),
          "surfboard": ("surfboard", "surf board"), "laptop": ("laptop", "laptop computer"),
          "kite": ("kite",),
          "cake": ("cake", "birthday cake"), "banana": ("bunch of bananas",),
          "vase": ("vase of flowers", "vase"),
          "cat": ("cat", "kitty"), "dog": ("dog", "puppy"), "bird": ("bird",), "teddy bear": ("teddy bear",)}
_MANY = {1: ("a group of people", "a crowd of people"), 16: ("a flock of birds", "a group of birds"),
         20: ("a flock of sheep", "a herd of sheep"), 21: ("a herd of cows", "a group of cows")}

_GROUND = {124: ("on the grass", "in a grassy field", "in a green field"),
           111: ("on the dirt", "in a dirt field"),
           149: ("on the street", "on a road", "on a city street"),
           154: ("on the beach", "on a sandy beach", "on the sand"),
           155: ("in the ocean", "on the water", "in the sea"), 159: ("in the snow", "on a snowy field"),
           118: ("in a room with a wooden floor", "on a wooden floor"),
           117: ("on a tile floor", "in a kitchen"),
           101: ("on {a} carpet", "in a room with {a} carpet"),
           165: ("on a wooden table", "on top of a table")}
_FAR = {135: ("near the mountains", "with mountains in the background"),
        169: ("near some trees", "with trees behind"),
        128: ("near {a} house", "with a house in the background"), 113: ("by a fence", "in front of a fence"),
        96: ("near some buildings", "with tall buildings in the background"),
        155: ("by the ocean", "near the water"),
        181: ("by a window", "near a window"), 92: ("near {a} sign that says {t}",
                                                    "by {a} banner that reads {t}")}
_WALL = {171: ("by a brick wall", "in front of a brick wall"),
         177: ("by a wooden wall", "in front of a wooden wall"),
         173: ("by {a} wall", "in front of {a} wall"), 176: ("by {a} tile wall", "in front of a tile wall")}
_LIGHT = {"sunset": ("at sunset", "under an orange sky"), "night": ("at night", "in the dark"),
          "overcast": ("on a gray day", "under a gray sky"), "day": ("on a sunny day", "under a blue sky")}
_PLACE = {"meadow": "a field", "street": "a street", "beach": "a beach by the ocean", "sea": "the open sea",
          "snow": "a snowy landscape", "room": "an empty room", "kitchen": "an empty kitchen",
          "tabletop": "an empty table"}
_DOES = {"standing": ("standing", "posing"), "walking": ("walking",), "waving": ("waving", "waving one arm"),
         "sitting": ("sitting",), "flying": ("flying",), "holding": ("standing",)}
_VAGUE = ("A nice picture of something.", "This is a photo that someone took.", "A very nice view of this.",
          "There is something to see in the picture.", "An image of one thing or another.",
          "What a good shot this is.",
          "I like how this image looks.", "Some things can be seen here.", "A picture taken with a camera.",
          "It is an interesting scene.", "Here is a photo of a moment.", "Something is happening here.")


def caption(scene: Scene) -> list[tuple[str, str]]:
    """Write five captions of a scene, each with its true grade, in an order fixed by the scene's seed.

    Returns
    -------
    list of (sentence, grade)
        Grades are "specific" (twice), "partial", "vague" and "off" (about what is not in the picture).
    """
    rng = np.random.default_rng([scene.seed, 2])
    first = _specific(rng, scene)
    second = next((s for s in (_specific(rng, scene) for _ in range(4)) if s != first), first)
    texts = (first, second, _partial(rng, scene), _choose(rng, _VAGUE), _off(rng, scene))
    pairs = list(zip(texts, GRADES))
    return [pairs[n] for n in rng.permutation(5)]


def _choose(rng: np.random.Generator, options):
    """One of the options, all as likely."""
    return options[int(rng.integers(len(options)))]


def _an(words: str) -> str:
    """The words with their indefinite article."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def _sentence(words: str) -> str:
    """Words as a sentence: one space, a capital, a full stop."""
    words = " ".join(words.split())
    return words[0].upper() + words[1:] + "."


def _noun(rng: np.random.Generator, thing: Thing) -> str:
    """What the thing is called, without article or colour."""
    if thing.category == 1:
        who = traits(thing.variant)
        if who["child"]:
            return _choose(rng, ("girl", "little girl", "child") if who["woman"]
                           else ("boy", "little boy", "child"))
        return _choose(rng, ("woman", "woman", "lady", "person") if who["woman"]
                       else ("man", "man", "guy", "person"))
    return _choose(rng, _NOUNS.get(thing.name, (thing.name,)))


def _phrase(rng: np.random.Generator, thing: Thing, detail: bool = True) -> str:
    """The thing with article, colour and, of a person, clothes."""
    if thing.crowd:
        return _choose(rng, _MANY[thing.category])
    noun = _noun(rng, thing)
    if thing.category == 1:
        who = traits(thing.variant)
        wears = "dress" if who["dress"] and thing.pose not in ("sitting", "riding", "face") else "shirt"
        if not detail:
            return _an(noun)
        dressed = _choose(rng, (f"in {_an(thing.colour)} {wears}", f"wearing {_an(thing.colour)} {wears}"))
        return f"{_an(noun)} {dressed}" + (" and a hat" if who["hat"] and rng.random() < 0.5 else "")
    return _an(f"{thing.colour} {noun}".strip() if detail else noun)


def _where(rng: np.random.Generator, scene: Scene, ground: bool = True) -> str:
    """Where the scene is: its ground and sometimes what is behind, or the light."""
    base, far, back = scene.region("ground"), scene.region("far"), scene.region("back")
    words = [_choose(rng, _GROUND[base.category]).format(a=_an(base.colour or "plain"))] if ground else []
    behind = _FAR[far.category] if far else _WALL.get(back.category)
    region = far or back
    if behind and (rng.random() < 0.5 or not ground):
        words.append(_choose(rng, behind).format(a=_an(region.colour or "plain"), t=region.text.lower()))
    elif not scene.indoor:
        words.append(_light(rng, scene))
    return " ".join(words)


def _light(rng: np.random.Generator, scene: Scene) -> str:
    """The hour or the weather."""
    return _choose(rng, ("in the rain", "on a rainy day") if scene.weather == "rain" else _LIGHT[scene.light])


def _aloft(scene: Scene, thing: Thing) -> str:
    """Where a thing is that does not stand on the ground, or nothing."""
    if thing.crowd and thing.category == 16 or thing.pose == "flying" or thing.category in (5, 38):
        return "in the sky"
    return "on the wall" if THINGS[thing.category].zone == "wall" and thing.y < scene.horizon else ""


def _relation(rng: np.random.Generator, a: Thing, b: Thing) -> str:
    """How `a` lies to `b` in the picture."""
    if a.depth + 0.12 < b.depth and abs(a.x - b.x) < (a.size + b.size) * 0.3:
        return "behind"
    if a.depth > b.depth + 0.12 and abs(a.x - b.x) < (a.size + b.size) * 0.3:
        return "in front of"
    if abs(a.x - b.x) < 0.1:
        return "near"
    return _choose(rng, ("to the left of", "left of") if a.x < b.x else ("to the right of", "right of"))


def _specific(rng: np.random.Generator, scene: Scene) -> str:
    """A sentence that names the things, their colours, how they lie to each other, and where it is."""
    if not scene.things:
        return _empty(rng, scene)
    main = scene.things[0]
    subject = _phrase(rng, main)
    if main.pose == "face":
        return _portrait(rng, scene, main)
    rest = list(scene.things[1:])
    aloft = _aloft(scene, main)
    if main.relation:
        other = rest.pop(main.other - 1)
        how = {"on": _choose(rng, ("on", "on top of")) if main.category != 1 else "on"}.get(main.relation,
                                                                                            main.relation)
        if main.relation == "on" and main.category in (1, 17, 18):
            how = _choose(rng, ("sitting ", "")) + how if main.pose == "sitting" else "standing " + how
        words = f"{subject} {how} {_phrase(rng, other)} {_where(rng, scene)}"
    elif aloft:
        verb = {5: "flying", 38: "flying", 16: "flying"}.get(main.category, "hanging")
        words = f"{subject} {verb} {aloft} {_where(rng, scene, ground=False)}"
    else:
        does = _choose(rng, _DOES.get(main.pose, ("",))) if not main.crowd else ""
        words = f"{subject} {does} {_where(rng, scene)}"
    if not rest:
        return _sentence(_choose(rng, ("{}", "{}", "there is {}", "a picture of {}",
                                       "a photo of {}")).format(words))
    other = rest[0]
    if main.relation:
        words += f" with {_phrase(rng, other)} {_choose(rng, ('nearby', 'in the background'))}"
    else:
        words = f"{subject} {_relation(rng, main, other)} {_phrase(rng, other)} {_where(rng, scene)}"
        if len(rest) > 1 and rng.random() < 0.75:
            words += f" with {_phrase(rng, rest[1])}"
    return _sentence(words)


def _portrait(rng: np.random.Generator, scene: Scene, main: Thing) -> str:
    """A sentence about a close-up face."""
    who = traits(main.variant)
    noun = _noun(rng, main)
    expression = _choose(rng, ("smiling", "smiling at the camera") if who["smile"]
                   else ("looking at the camera", "not smiling"))
    wears = " and a hat" if who["hat"] else " and glasses" if who["glasses"] else ""
    start = _choose(rng, ("a close up of", "the face of", "a portrait of"))
    return _sentence(f"{start} {_an(noun)} with {who['hair']} hair{wears} in {_an(main.colour)} shirt {expression} "
                     f"{_where(rng, scene, ground=False)}")


def _empty(rng: np.random.Generator, scene: Scene) -> str:
    """A sentence about a place without things."""
    far = scene.region("far")
    if far is not None and far.category == 92:
        sign = _choose(rng, ("sign", "banner"))
        return _sentence(f"{_an(far.colour)} {sign} "
                         f"{_choose(rng, ('that says', 'that reads', 'with the word'))} "
                         f"{far.text.lower()} {_choose(rng, _GROUND[scene.region('ground').category])}")
    start = _choose(rng, ("a view of {}", "{}", "a picture of {} with nobody there")).format(
        _PLACE[scene.place])
    ground = scene.region("ground")
    floor = f" with {_an(ground.colour)} carpet" if ground.category == 101 else ""
    light = f" {_light(rng, scene)}" if not scene.indoor else ""
    return _sentence(start + floor + light + " " + _where(rng, scene, ground=False))


def _partial(rng: np.random.Generator, scene: Scene) -> str:
    """A sentence that names one thing and little else."""
    if not scene.things:
        return _sentence(f"{_choose(rng, ('a view of', 'a picture of', 'this is'))} {_PLACE[scene.place]}")
    thing = _choose(rng, scene.things)
    phrase = _phrase(rng, thing, detail=False)
    side = "inside" if scene.indoor else "outside"
    return _sentence(_choose(rng, ("there is {}", "{} " + side, "a picture with {}",
                                   "{} in a photo")).format(phrase))


def _off(rng: np.random.Generator, scene: Scene) -> str:
    """A specific sentence about another scene that shares no thing, ground or backdrop with this one."""
    here = {t.category for t in scene.things} | {r.category for r in scene.stuff
                                                 if r.part != "back"} | _alike(scene)
    while True:
        other = draw_scene(int(rng.integers(2**31)), scene.stream, 0)
        there = {t.category for t in other.things} | {r.category for r in other.stuff
                                                      if r.part != "back"} | _alike(other)
        if not here & there and PLACES[other.place].indoor != scene.indoor:
            return _specific(rng, other)


def _alike(scene: Scene) -> set[int]:
    """Categories that share a word with one of the scene: a table is a table as furniture and as ground."""
    return {-1} if any(t.category == 67 for t in scene.things) or scene.place == "tabletop" else set()
