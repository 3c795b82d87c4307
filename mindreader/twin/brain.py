"""Simulate voxel responses to scenes and their pixels, independent of any network used for decoding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter

from ..nsd import ATLASES
from ..world import COLOURS, LIGHTS, PLACES, STUFF, Scene, THINGS, WEATHERS
from .cortex import Cortex

__all__ = ["CHANNELS", "FEATURES", "Brain", "Responses", "channels", "states"]

_KINDS = sorted({kind.supercategory for kind in THINGS.values()})
_POSES = ("sitting", "walking", "waving", "riding", "holding", "on", "flying", "balancing")
_OBJECT = (*(f"thing {k.name}" for k in THINGS.values()), *(f"kind {k}" for k in _KINDS),
           *(f"colour {c}" for c in COLOURS), "small", "medium", "large", "left", "middle", "right", "high", "low",
           *(f"doing {p}" for p in _POSES), "close face", "face", "face left", "face right", "body", "animal body",
           *(f"identity {n}" for n in range(4)))
_SCENE = (*(f"place {p}" for p in PLACES), *(f"stuff {name}" for name, _ in STUFF.values()),
          *(f"light {n}" for n in LIGHTS), *(f"weather {n}" for n in WEATHERS), "indoor", "open", "horizon", "crowd",
          "crowded", "letters")
FEATURES: tuple[str, ...] = _OBJECT + _SCENE
_AT = {name: n for n, name in enumerate(FEATURES)}
_CATEGORY = {c: n for n, c in enumerate(THINGS)}
_ATTENDED, _IGNORED, _P_NONE_ATTENDED = 1.7, 0.45, 0.15   # gains of things, probability that none is attended

_WAVELENGTHS, _ANGLES, _GRID = (4.0, 8.0, 16.0), (0, 45, 90, 135), 32
_FAR = 1e-30    # weight in a receptive field below which a pixel is outside it
CHANNELS: tuple[str, ...] = (*(f"edges {w:g}px {a}" for w in _WAVELENGTHS for a in _ANGLES), "light", "red-green",
                             "blue-yellow", "contrast", "colourfulness", *(f"corners {w:g}px" for w in _WAVELENGTHS))

# Relative probability with which voxels of a stream are tuned to features of a prefix; "" is any feature.
_PREFERENCES: dict[str, dict[str, float]] = {
    "ventral": {"thing": 5, "kind": 2, "colour": 2.5, "stuff": 2, "small": 1, "large": 1, "face": 1, "": 0.6},
    "lateral": {"thing": 4, "kind": 2, "doing": 3, "body": 2, "left": 1, "right": 1, "large": 1, "": 0.6},
    "parietal": {"left": 3, "right": 3, "middle": 2, "high": 2, "low": 2, "crowded": 2, "place": 2, "doing": 2,
                 "small": 2, "large": 2, "thing": 1.5, "": 0.6},
    "mid": {"colour": 3, "stuff": 3, "kind": 2, "light": 2, "horizon": 1, "thing": 2, "": 0.6},
}
# Selectivity of each localiser region: feature -> strength.
_SELECTIVE_FOR: dict[str, dict[str, float]] = {
    "OFA": {"face left": 1.0, "face right": 1.0, "close face": 0.8, "large": 0.2},
    "FFA-1": {"close face": 1.2, "face": 0.7, "identity 0": 0.35, "identity 1": 0.35},
    "FFA-2": {"close face": 1.2, "face": 0.7, "identity 2": 0.4, "identity 3": 0.4},
    "mTL-faces": {"close face": 1.2, "face": 0.6}, "aTL-faces": {"close face": 1.2, "identity 1": 0.7},
    "EBA": {"body": 1.2, "animal body": 0.3, "doing riding": 0.2}, "FBA-1": {"body": 1.1, "animal body": 0.4},
    "FBA-2": {"body": 1.1, "animal body": 0.4}, "mTL-bodies": {"body": 1.1, "animal body": 0.4},
    "OPA": {"open": 0.8, "horizon": -0.2, "large": -0.5, "stuff building-other": 0.3},
    "PPA": {"indoor": 0.5, "stuff building-other": 0.4, "stuff house": 0.4, "open": 0.7, "large": -0.6,
            "close face": -0.5},
    "RSC": {"open": 0.7, "large": -0.6, "stuff mountain": 0.4, "close face": -0.4},
    "OWFA": {"letters": 1.2}, "VWFA-1": {"letters": 1.3}, "VWFA-2": {"letters": 1.3}, "mfs-words": {"letters": 1.2},
    "mTL-words": {"letters": 1.2},
}
_SHARE_OF_PIXELS = {"OFA": 0.45}   # share of the response from pixels, in place of 0.05
_BLOCK = 512                       # voxels at a time: at full size one array of all of them takes 1.7 GB


@dataclass(frozen=True, eq=False)
class Responses:
    """Noiseless responses, one row for each picture and thing in it that may be attended.

    values       (n_states, n_voxels) float32   over the fitted pictures mean 0, sd 1 per voxel, attention averaged
    image        (n_states,)   which picture
    attended     (n_states,)   which of its things is attended, -1 for none
    probability  (n_states,)   that it is attended when the picture is shown; sums to 1 per picture
    """

    values: np.ndarray
    image: np.ndarray
    attended: np.ndarray
    probability: np.ndarray

    def expected(self) -> np.ndarray:
        """The response to each picture averaged over what may be attended, (n_images, n_voxels)."""
        out = np.empty((self.image[-1] + 1, self.values.shape[1]), np.float32)
        for here in _blocks(self.values.shape[1]):
            out[:, here] = _average(self.values[:, here], self.image, self.probability)
        return out

    def attention_variance(self) -> np.ndarray:
        """Variance over repeats of a picture due to attention, averaged over pictures, (n_voxels,)."""
        out = np.empty(self.values.shape[1])
        for here in _blocks(self.values.shape[1]):
            values = self.values[:, here]
            mean = _average(values, self.image, self.probability)
            out[here] = _average((values - mean[self.image]) ** 2, self.image, self.probability).mean(0)
        return out


class Brain:
    """Encoding model of every voxel of a cortex.

    Early voxels pool edges, light and colour within their receptive field; intermediate ones pool texture and colour and
    respond weakly to scene features; higher ones respond nonlinearly to a few scene features, and localiser regions to
    their own category with graded selectivity.

    Parameters
    ----------
    cortex : Cortex
    seed : int

    Attributes
    ----------
    near : (n_channels, n_voxels)   weights on `CHANNELS` within the receptive field
    far : (n_features, n_voxels)    weights on `FEATURES`
    share : (n_voxels,)             share of the response's variance from `near`, 0..1
    selectivity : (n_voxels,)       of localiser voxels for their category, 0 elsewhere
    """

    def __init__(self, cortex: Cortex, seed: int):
        rng = np.random.default_rng([seed, 12])
        self.cortex = cortex
        self.near, self.far, self.share, self.selectivity = _tune(rng, cortex)
        n = len(cortex.coords)
        self.partner = np.where(rng.random(n) < 0.25, rng.integers(0, n, n), -1)   # gates the response of some voxels
        self.sharpness = rng.uniform(0.5, 2.0, n).astype(np.float32)
        grid = (np.arange(_GRID) + 0.5) / _GRID * 2 - 1
        dy, dx = grid[:, None, None] - cortex.centre[:, 1], grid[None, :, None] - cortex.centre[:, 0]
        field = np.exp(-(dy**2 + dx**2) / (2 * cortex.width**2)).reshape(_GRID * _GRID, n)
        field /= field.sum(0)
        field[field < _FAR] = 0     # below float32 resolution in any sum, and subnormal products are slow
        self._field = field.astype(np.float32)
        self._scale: dict[str, np.ndarray] = {}

    def fit(self, scenes: list[Scene], pixels: np.ndarray) -> Responses:
        """Respond to the pictures that define every voxel's mean and variance; arguments as for `respond`."""
        self._scale = {}
        return self.respond(scenes, pixels)

    def respond(self, scenes: list[Scene], pixels: np.ndarray) -> Responses:
        """Respond to pictures, on the scale set by those that the brain was fitted to.

        Parameters
        ----------
        scenes : list of Scene
        pixels : (n, 64, 64, 3) uint8
            Their pictures; ValueError for another size.
        """
        features, image, attended, probability = states(scenes)
        inputs, n = self._pool(pixels), len(self.share)
        features = self._standardise("features", features, np.arange(len(FEATURES)), image, probability)
        values = np.empty((len(image), n), np.float32)
        for here in _blocks(n):
            voxels = np.arange(n)[here]
            gate, gated = np.full((len(image), len(voxels)), 0.5, np.float32), self.partner[voxels] >= 0
            opening = self._drive(features, self.partner[voxels[gated]], image, probability)
            gate[:, gated] = 1 / (1 + np.exp(-1.5 * opening))
            far = self._drive(features, voxels, image, probability)
            bent = np.logaddexp(0, self.sharpness[voxels] * 2 * far - 0.5) * (0.4 + 1.2 * gate)
            far = self._standardise("bent", bent, voxels, image, probability)
            near = self._standardise("near", inputs[:, here], voxels)
            whole = np.sqrt(self.share[voxels]) * near[image] + np.sqrt(1 - self.share[voxels]) * far
            values[:, here] = self._standardise("all", whole, voxels, image, probability)
        return Responses(values, image, attended, probability)

    def _drive(self, features: np.ndarray, voxels: np.ndarray, image, probability) -> np.ndarray:
        """Linear drive of these voxels by scene features, (n_states, n) float32."""
        return self._standardise("far", features @ self.far[:, voxels], voxels, image, probability)

    def _pool(self, pixels: np.ndarray) -> np.ndarray:
        """Pool image channels within each voxel's receptive field, (n, n_voxels) float32."""
        out = np.zeros((len(pixels), self._field.shape[1]), np.float32)
        for start in range(0, len(pixels), 256):
            maps = channels(pixels[start:start + 256])
            for n, weight in enumerate(self.near):
                used = np.flatnonzero(weight)
                pooled = maps[:, n].reshape(len(maps), -1) @ self._field[:, used]
                out[start:start + 256, used] += weight[used] * np.sign(pooled) * np.abs(pooled) ** 0.6
        return out

    def _standardise(self, name: str, values: np.ndarray, at: np.ndarray, image=None, probability=None) -> np.ndarray:
        """Values minus mean and over sd of the fitted pictures, with attention averaged first.

        `at` are the indices of the columns (voxels or features); columns not fitted yet are fitted to these values.
        """
        n_columns = len(FEATURES) if name == "features" else len(self.share)
        scale = self._scale.setdefault(name, np.full((2, n_columns), np.nan))
        if np.isnan(scale[:, at]).any():
            mean = values if image is None else _average(values, image, probability)
            scale[:, at] = mean.mean(0, dtype=np.float64), np.maximum(mean.std(0, dtype=np.float64), 1e-6)
        centre, spread = scale[:, at].astype(np.float32)
        return (values - centre) / spread


def channels(pixels: np.ndarray) -> np.ndarray:
    """Filter pictures into maps of edge energy, light, colour contrast and texture: (n, 20, 32, 32) float32.

    Parameters
    ----------
    pixels : (n, 64, 64, 3) uint8
        ValueError for another size.
    """
    if pixels.shape[1:] != (64, 64, 3):
        raise ValueError(f"got pictures of shape {pixels.shape[1:]}, expected (64, 64, 3); reduce them first")
    red, green, blue = np.moveaxis(pixels.astype(np.float32) / 255, 3, 0)
    light = 0.30 * red + 0.59 * green + 0.11 * blue
    spectrum = fft.fft2(light - light.mean((1, 2), keepdims=True))
    maps = []
    for wavelength in _WAVELENGTHS:
        maps += [np.abs(fft.ifft2(spectrum * _gabor(wavelength, angle))) for angle in _ANGLES]
    colour = (red - green, blue - (red + green) / 2)
    local = uniform_filter(light, (0, 9, 9))
    maps += [light - 0.5, *colour, np.abs(light - local), np.hypot(*colour)]
    for n in range(len(_WAVELENGTHS)):   # two crossing edges make a corner or a curve
        e = maps[4 * n:4 * n + 4]
        maps.append(np.sqrt(e[0] * e[2]) + np.sqrt(e[1] * e[3]))
    stack = np.stack(maps, 1).astype(np.float32)
    return stack.reshape(*stack.shape[:2], _GRID, 2, _GRID, 2).mean((3, 5))


def states(scenes: list[Scene]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Feature vectors of each scene in every state of attention: the attended thing enhanced, the others suppressed.

    Returns
    -------
    features : (n_states, n_features) float32
    image, attended : (n_states,) int64
    probability : (n_states,) float64
    """
    rows, image, attended, probability = [], [], [], []
    for number, scene in enumerate(scenes):
        whole = _scene_features(scene)
        objects = np.stack([_object_features(t) for t in scene.things]) if scene.things else np.zeros((0, len(_OBJECT)))
        salience = np.array([t.size for t in scene.things])
        choices = range(-1, len(scene.things)) if len(scene.things) > 1 else (-1,)
        for choice in choices:
            gain = np.ones(len(objects)) if choice < 0 else np.full(len(objects), _IGNORED)
            if choice >= 0:
                gain[choice] = _ATTENDED
            rows.append(np.concatenate([1 - np.exp(-(gain[:, None] * objects).sum(0)), whole]))
            image.append(number)
            attended.append(choice)
            alone = len(choices) == 1
            probability.append(1.0 if alone else _P_NONE_ATTENDED if choice < 0 else
                               (1 - _P_NONE_ATTENDED) * salience[choice] / salience.sum())
    return (np.asarray(rows, np.float32), np.asarray(image), np.asarray(attended), np.asarray(probability))


def _blocks(n: int) -> Iterator[slice]:
    """Slices over n voxels, a few hundred at a time."""
    return (slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))


def _average(values: np.ndarray, image: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Weighted mean over the states of each picture; states of a picture are neighbours."""
    starts = np.flatnonzero(np.r_[True, image[1:] != image[:-1]])
    return np.add.reduceat(values * probability[:, None].astype(np.float32), starts, axis=0)


def _gabor(wavelength: float, angle: float) -> np.ndarray:
    """Fourier transform of a Gabor filter on 64 x 64 pixels, about one octave wide; 0 degrees is a vertical edge."""
    fy, fx = np.meshgrid(fft.fftfreq(64), fft.fftfreq(64), indexing="ij")
    turn, centre = np.deg2rad(angle), 1 / wavelength
    along, across = fx * np.cos(turn) + fy * np.sin(turn), -fx * np.sin(turn) + fy * np.cos(turn)
    return np.exp(-((along - centre) ** 2 + across**2) / (2 * (0.4 * centre) ** 2)).astype(np.float32)


def _object_features(thing) -> np.ndarray:
    """Features of one thing, scaled with its size, (n_object_features,)."""
    kind, out = THINGS[thing.category], np.zeros(len(_OBJECT))
    area = thing.size * np.sqrt(kind.aspect)                          # side of a square as large
    strength = min(1.5, 0.25 + 1.6 * area)
    middle = thing.y - thing.size / 2
    on = [f"thing {kind.name}", f"kind {kind.supercategory}"] + [f"colour {thing.colour}"] * bool(thing.colour)
    on += ["small" if area < 0.3 else "medium" if area < 0.5 else "large",
           "left" if thing.x < 0.38 else "right" if thing.x > 0.62 else "middle", "high" if middle < 0.45 else "low"]
    on += [f"doing {p}" for p in _POSES if p in (thing.pose, thing.relation)]
    for name in on:
        out[_AT[name]] = strength
    if thing.category == 1:
        close = thing.pose == "face"
        face = 1.5 if close else 0.6 * thing.size
        out[_AT["close face"]], out[_AT["face"]] = 1.5 * close, face
        out[_AT["face left"]], out[_AT["face right"]] = face * (1 - thing.x), face * thing.x
        out[_AT["body"]] = 0.15 if close else strength
        who = np.random.default_rng([thing.variant, 5]).random(4)
        for n in range(4):
            out[_AT[f"identity {n}"]] = face * who[n]
    elif kind.supercategory == "animal":
        out[_AT["animal body"]] = strength
    return out


def _scene_features(scene: Scene) -> np.ndarray:
    """Features of the setting, (n_scene_features,)."""
    on = [f"place {scene.place}", f"light {scene.light}", f"weather {scene.weather}"]
    on += [f"stuff {STUFF[r.category][0]}" for r in scene.stuff] + ["indoor"] * scene.indoor
    values = dict.fromkeys(on, 1.0) | {
        "horizon": scene.horizon, "crowded": len(scene.things) / 4, "crowd": float(any(t.crowd for t in scene.things)),
        "open": max(0.0, 1 - 0.9 * sum(t.size * np.sqrt(THINGS[t.category].aspect) for t in scene.things)) * (
            0.5 if scene.indoor else 1.0)}
    signs = [t.size for t in scene.things if t.category == 13]
    values["letters"] = max([1.2 * any(r.category == 92 for r in scene.stuff), *signs])
    out = np.zeros(len(_SCENE))
    for name, value in values.items():
        out[_AT[name] - len(_OBJECT)] = value
    return out


def _tune(rng: np.random.Generator, cortex: Cortex) -> tuple[np.ndarray, ...]:
    """Draw each voxel's weights on channels and features, share of the former, and selectivity."""
    n = len(cortex.coords)
    near, far = np.zeros((len(CHANNELS), n), np.float32), np.zeros((len(FEATURES), n), np.float32)
    share, selectivity = np.full(n, 0.12, np.float32), np.zeros(n, np.float32)
    early, hv4 = cortex.having("streams", "early"), cortex.having("prf-visualrois", "hV4")
    middle = cortex.having("streams", "midventral", "midlateral", "midparietal")
    share[early], share[middle], share[hv4] = 1.0, 0.6, 0.75
    edges = len(_WAVELENGTHS) * len(_ANGLES)
    size = np.digitize(cortex.width, (0.08, 0.16))
    for v in range(n):
        fine = middle[v] or not early[v]
        scale = size[v] if early[v] else int(rng.integers(3))
        first = 4 * scale + int(rng.integers(4))
        near[first, v] = rng.uniform(0.6, 1.2)
        near[rng.integers(edges), v] += rng.uniform(-0.4, 0.5)
        near[rng.integers(edges, edges + 5), v] = rng.choice((-1, 1)) * rng.uniform(0.4, 1.2)
        if fine:
            near[rng.integers(edges + 3, len(CHANNELS)), v] += rng.uniform(0.5, 1.2)
    for stream, preference in _PREFERENCES.items():
        here = middle | hv4 | early if stream == "mid" else cortex.having("streams", stream)
        pool = np.array([max(w for k, w in preference.items() if name.startswith(k)) for name in FEATURES])
        for v in np.flatnonzero(here):
            chosen = rng.choice(len(FEATURES), size=int(rng.integers(4, 9)), replace=False, p=pool / pool.sum())
            far[chosen, v] = rng.exponential(0.7, len(chosen)) * rng.choice((1, 1, 1, -1), len(chosen))
    for label, tuning in _SELECTIVE_FOR.items():
        atlas = next(a for a in cortex.labels if label in ATLASES[a])
        here = np.flatnonzero(cortex.having(atlas, label))
        selectivity[here] = rng.uniform(0.7, 1.5, len(here))
        far[:, here] *= 0.22
        for name, strength in tuning.items():
            far[_AT[name], here] += 2.2 * strength * selectivity[here] * rng.uniform(0.7, 1.3, len(here))
        share[here] = _SHARE_OF_PIXELS.get(label, 0.05)
    return near, far, share, selectivity
