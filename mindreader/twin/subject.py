"""Simulate a subject with known ground truth and write it to disk in NSD's layout."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from ..core import (fingerprint, half_made, how_many, in_processes, is_full, locked, make_folder, progress as show_progress,
                    source_fingerprint)
from ..nsd import Layout, MARKER
from ..world import Scene, caption, draw_scene, factors, render, write_coco
from .brain import CHANNELS, FEATURES, Brain, Responses
from .cortex import Cortex, lay_out
from .files import coco_ids, write_betas, write_design, write_regions, write_responses, write_volume
from .session import Noise, attend, draw_noise, estimate_ncsnr, order_pictures, simulate_session

__all__ = ["Plant", "TwinConfig", "ensure_twin", "is_complete", "read_plant", "write_twin"]

VERSION = 1
SUBJECT = "subj01"
_PIXELS, _INPUT_PIXELS = 425, 64  # sides of the stored picture, and of the brain's input
_COCO_PIXELS = 256             # NSD too enlarged its pictures from another size
_WITHHELD = 3 / 37             # sessions planned but not released, per session released, of NSD's subject 1
_MAX_PROCESSES = 8             # that render; a single process writes, and keeps up with no more
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TwinConfig:
    """Size and noise of a simulated subject.

    n_voxels            in nsdgeneral; NSD's subject 1 has 15,724
    n_sessions          written; some more are planned and withheld, as NSD withheld the last 3 of 40
    trials_per_session  a multiple of 3, at most 900; NSD has 750
    median_ncsnr        over nsdgeneral; NSD's subject 1 has .36
    stray_thoughts      variance of responses to pictures not shown, relative to the signal's; shared by all voxels, and
                        so the limit of decoding single trials. Its value in NSD is unknown: it is set so that single
                        trials are hard but not impossible to decode (book/data)
    """

    n_voxels: int = 1024
    n_sessions: int = 8
    trials_per_session: int = 750
    median_ncsnr: float = 0.36
    stray_thoughts: float = 0.75

    def __post_init__(self):
        if self.trials_per_session % 3 or not 3 <= self.trials_per_session <= 900:
            raise ValueError(f"got trials_per_session {self.trials_per_session}, expected a multiple of 3 from 3 to "
                             "900, as each picture is planned three times; NSD has 750")
        if self.n_sessions < 1 or not 0 < self.median_ncsnr < 0.9 or self.stray_thoughts < 0:
            raise ValueError(f"got n_sessions {self.n_sessions}, median_ncsnr {self.median_ncsnr} and stray_thoughts "
                             f"{self.stray_thoughts}, expected at least 1, between 0 and 0.9, and at least 0")

    @property
    def n_planned(self) -> int:
        """Sessions that the design holds: those written, and for 37 of them 3 that are withheld, at least 1."""
        return self.n_sessions + max(1, round(_WITHHELD * self.n_sessions))

    @property
    def n_trials(self) -> int:
        """Trials that take place, over all sessions written."""
        return self.n_sessions * self.trials_per_session

    @property
    def n_pictures(self) -> int:
        """Pictures in the stimulus file: each is planned three times."""
        return self.n_planned * self.trials_per_session // 3


@dataclass(frozen=True, eq=False)
class Plant:
    """The ground truth of a simulated subject; voxels are those of nsdgeneral in C order over (z, y, x).

    ncsnr        (n_voxels,)             true noise-ceiling signal-to-noise ratio
    expected     (n_pictures, n_voxels)  noiseless response to each picture, mean 0 and sd 1 per voxel
    attended     (n_trials,)             number of the attended thing of the scene, -1 for none
    category     (n_trials,)             its COCO id, 0 for none
    captions     table image_id, caption_id, grade
    factors      table, one row per picture: `world.factors`
    near, far    tables (channels or features x voxels) of tuning weights
    share        (n_voxels,)             share of the response from pixels rather than scene features
    selectivity  (n_voxels,)             of localiser voxels for their category
    centre, width (n_voxels, 2), (n_voxels,)  receptive field, the picture spans -1 to 1
    gain, offset (n_sessions, n_voxels)  of each session and voxel
    stray        (n_voxels,)             sd of shared stray thoughts, relative to the whole noise
    sample       (n_first, n_voxels)     betas of the first trials in percent signal change, before rounding
    """

    ncsnr: np.ndarray
    expected: np.ndarray
    attended: np.ndarray
    category: np.ndarray
    captions: pd.DataFrame
    factors: pd.DataFrame
    near: pd.DataFrame
    far: pd.DataFrame
    share: np.ndarray
    selectivity: np.ndarray
    centre: np.ndarray
    width: np.ndarray
    gain: np.ndarray
    offset: np.ndarray
    stray: np.ndarray
    sample: np.ndarray


def ensure_twin(home: Path, config: TwinConfig = TwinConfig(), *, seed: int, progress=None) -> Path:
    """Find the folder of this simulated subject below `home`/twins, simulating it first unless it is complete.

    Its name holds a fingerprint of size, seed and the code that renders and simulates, so that no other subject is taken
    for it. Several processes may ask at once; one simulates and the others wait.

    Parameters
    ----------
    home : Path
    config : TwinConfig
    seed : int
    progress : callable, optional
        Wraps an iterable as tqdm does; a bar on the terminal by default.

    Returns
    -------
    Path
        Root of the tree, for `nsd.load_subject(root, "subj01")`.

    Raises
    ------
    OSError
        The disk is full; nothing that existed is lost.
    """
    return write_twin(Path(home) / "twins" / f"twin-{_key(config, seed)}", config, seed=seed, progress=progress)


def write_twin(root: Path, config: TwinConfig = TwinConfig(), *, seed: int, progress=None) -> Path:
    """Write a simulated subject to `root` and its ground truth beside it; a complete one is left as it is.

    The tree is made in a temporary folder and moved into place: in one step, or, where `root` exists, file by file. The
    marker goes first: it lists all files with their sizes, so that an incomplete tree is recognised and always labelled. Other
    files in `root` are left alone.

    Raises
    ------
    ValueError
        `root` holds another twin, or another file in place of one of this twin's.
    OSError
        The disk is full, or nothing may be written there.
    """
    root, progress = Path(root), progress or show_progress
    if is_complete(root, config, seed=seed):
        return root     # without a lock, which a finished home that may only be read could not give
    make_folder(root.parent, "the simulated subject")
    with locked(root.with_name(f".{root.name}.lock")):
        if is_complete(root, config, seed=seed):
            return root
        key, found = _key(config, seed), _marker(root).get("key")
        if found not in (None, key):
            raise ValueError(f"{root} holds the simulated subject {found}, expected {key} or nothing; "
                             "choose another folder")
        with half_made(root, "the simulated subject") as part:
            try:
                _make(part, config, seed, progress)
                _publish(part, root, lambda: is_complete(root, config, seed=seed))
            except (OSError, RuntimeError) as problem:
                if not is_full(problem, root.parent):
                    raise
                raise OSError(errno.ENOSPC, f"the disk of {root.parent} is full, expected about {_gigabytes(config):.1f} "
                              "GB for the simulated subject; free some space or set MINDREADER_HOME to another disk"
                              ) from problem
    return root


def is_complete(root: Path, config: TwinConfig, *, seed: int) -> bool:
    """Whether `root` holds all of this simulated subject, made by this code."""
    marker = _marker(root)
    if marker.get("key") != _key(config, seed):
        return False
    sizes = [(root / name, size) for name, size in marker["files"].items()] + [(_plant_path(root), marker["plant"])]
    return all(path.is_file() and path.stat().st_size == size for path, size in sizes)


def read_plant(root: Path) -> Plant:
    """Read the ground truth of the simulated subject at `root`, for tests and recovery analyses only.

    Raises FileNotFoundError where there is none, as for real data.
    """
    path = _plant_path(Path(root))
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} in {path.parent}, expected the truth beside a simulated subject; "
                                "real data has none, so use subject='twin01'")
    with np.load(path, allow_pickle=False) as data:
        arrays = dict(data)
    for name in ("captions", "factors", "near", "far"):
        arrays[name] = pd.read_json(io.StringIO(str(arrays[name])), orient="split")
    return Plant(**arrays)


def _key(config: TwinConfig, seed: int) -> str:
    return fingerprint([VERSION, config, seed, _code()])


@cache
def _code() -> str:
    """Fingerprint of the code that renders and simulates."""
    return source_fingerprint("twin.subject:_make")


def _plant_path(root: Path) -> Path:
    return root.with_name(f"{root.name}.plant.npz")


def _marker(root: Path) -> dict:
    try:
        return json.loads((Path(root) / MARKER).read_text())
    except (OSError, ValueError):
        return {}


def _gigabytes(config: TwinConfig) -> float:
    betas = config.n_trials * config.n_voxels * 6
    return (config.n_pictures * _PIXELS**2 * 3 + betas) / 1e9


def _refuse_others(part: Path, root: Path) -> None:
    """Raise where a folder without our marker has a file that is not of this tree, before anything is replaced."""
    for path in _files(part):
        target = root / path.relative_to(part)
        if target.is_file() and target.stat().st_size != path.stat().st_size:
            raise ValueError(f"{target} is not of this simulated subject, expected no such file; it is left as it is, "
                             f"so remove {root} if you do not need it, or choose another folder")


def _publish(part: Path, root: Path, is_there: Callable[[], bool]) -> None:
    """Put a finished tree in its place. Where another process was faster, its tree stays, and is used."""
    try:
        os.rename(part, root)
        os.replace(root / "plant.npz", _plant_path(root))
        return
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
    for _ in range(10):     # between the two steps above, the other's is not whole yet
        if is_there():
            return
        time.sleep(0.1 * (_marker(root) == _marker(part)))
    if not _marker(root):
        _refuse_others(part, root)
    os.replace(part / MARKER, root / MARKER)
    os.replace(part / "plant.npz", _plant_path(root))
    for path in _files(part):
        target = root / path.relative_to(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)


def _files(part: Path) -> list[Path]:
    """All files of a tree in the making but the marker and the plant."""
    return [p for p in sorted(part.rglob("*")) if p.is_file() and p not in (part / MARKER, part / "plant.npz")]


def _make(part: Path, config: TwinConfig, seed: int, progress) -> None:
    """Simulate the subject and write all its files to the folder `part`."""
    (part / "nsddata").mkdir(parents=True)
    layout, n = Layout(part, SUBJECT), config.n_pictures
    scenes = [draw_scene(seed, "subject", i) for i in range(n)]
    planned = order_pictures(n, config.n_trials, seed)
    order = planned[:config.n_trials]
    pictures, shared = _assign(n, seed)
    write_design(layout, planned, pictures, shared, config.n_planned)
    write_responses(layout, order, pictures[0], config.trials_per_session, seed)
    cortex = lay_out(config.n_voxels, seed)
    write_regions(layout, cortex)
    inputs = _write_pictures(layout.stimuli, seed, n, progress)
    grades = _write_annotations(layout.coco, scenes)
    brain = Brain(cortex, seed)
    responses = brain.fit(scenes, inputs)
    noise = draw_noise(cortex, responses.attention_variance(), median_ncsnr=config.median_ncsnr, stray=config.stray_thoughts,
                       seed=seed)
    rows = attend(responses, pictures[0][order], seed)
    session_effects = _write_sessions(layout, cortex, responses, rows, noise, pictures[0][order], config, seed, progress)
    _write_plant(part / "plant.npz", scenes, grades, brain, responses, rows, noise, session_effects)
    files = {str(p.relative_to(part)): p.stat().st_size for p in _files(part)}
    (part / MARKER).write_text(json.dumps({
        "origin": "twin", "key": _key(config, seed), "version": VERSION, "seed": seed, "config": asdict(config),
        "what": "A simulated subject in the layout of the Natural Scenes Dataset; no person was scanned.",
        "files": files, "plant": (part / "plant.npz").stat().st_size}, indent=1))


def _assign(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the stimulus file for eight subjects' pictures, the shared tenth first; and the shared rows."""
    rng = np.random.default_rng([seed, 18])
    shared = np.sort(rng.choice(n, max(1, n // 10), replace=False))
    own = np.setdiff1d(np.arange(n), shared)
    return np.stack([np.concatenate([shared, rng.permutation(own)]) for _ in range(8)]), shared


def _render(index: int, seed: int) -> np.ndarray:
    """One stored picture; at module level, so that processes can be sent it."""
    return render(draw_scene(seed, "subject", index), _PIXELS)


def _write_pictures(path: Path, seed: int, n: int, progress) -> np.ndarray:
    """Write nsd_stimuli.hdf5; returns the same pictures at the size of the brain's input, (n, 64, 64, 3) uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = np.empty((n, _INPUT_PIXELS, _INPUT_PIXELS, 3), np.uint8)
    pictures = in_processes(partial(_render, seed=seed), range(n), how_many(n, _MAX_PROCESSES), chunk=16)
    with h5py.File(path, "w") as file, closing(pictures):
        brick = file.create_dataset("imgBrick", (n, _PIXELS, _PIXELS, 3), np.uint8)
        for i, picture in enumerate(progress(pictures, desc="twin: pictures", total=n)):
            brick[i] = picture
            inputs[i] = Image.fromarray(picture).resize((_INPUT_PIXELS, _INPUT_PIXELS), Image.Resampling.BICUBIC)
    return inputs


def _write_annotations(folder: Path, scenes: list[Scene]) -> pd.DataFrame:
    """Write COCO's files; returns the grade of each caption, which is in none of them."""
    ids = coco_ids(len(scenes))
    write_coco(folder, dict(zip(ids.tolist(), scenes)), size=_COCO_PIXELS, processes=how_many(len(scenes), _MAX_PROCESSES))
    written = pd.DataFrame(json.loads((folder / "captions_train2017.json").read_text())["annotations"])
    image = pd.Series(np.arange(len(ids)), index=ids)[written.image_id].to_numpy()
    truth = [dict(caption(scene)) for scene in scenes]
    grades = [truth[i][text] for i, text in zip(image, written.caption)]
    return pd.DataFrame({"image_id": image, "caption_id": written.id, "grade": grades})


def _write_sessions(layout, cortex: Cortex, responses: Responses, rows, noise: Noise, image_ids, config, seed,
                    progress) -> tuple:
    """Write the betas of every session and their ncsnr; returns (gains, offsets, first trials before rounding)."""
    surround = np.argwhere(cortex.brain.T)[:, ::-1]
    inside = pd.MultiIndex.from_arrays(surround.T).get_indexer(pd.MultiIndex.from_arrays(cortex.coords.T))
    rng = np.random.default_rng([seed, 19])
    dead = inside[np.argmin(noise.ncsnr)]             # leaves the scanner's field of view in one session
    gains, offsets, sample = [], [], None
    stored = np.empty((config.n_trials, len(surround)), np.int16)      # for ncsnr; 2 GB at full size, and held once
    for number in progress(range(1, config.n_sessions + 1), desc="twin: sessions", total=config.n_sessions):
        here = slice((number - 1) * config.trials_per_session, number * config.trials_per_session)
        psc, gain, offset = simulate_session(responses, rows[here], noise, number, seed)
        betas = stored[here]
        for start in range(0, len(surround), 4096):
            block = betas[:, start:start + 4096]
            block[:] = np.rint(rng.standard_normal(block.shape, dtype=np.float32) * 400)
        betas[:, inside] = np.clip(np.rint(300 * psc), -32768, 32767)
        if number == min(2, config.n_sessions):
            betas[:, dead] = 0
        write_betas(layout.betas / f"betas_session{number:02d}.hdf5", betas, surround, cortex.shape)
        gains.append(gain), offsets.append(offset)
        sample = psc[:20] if sample is None else sample
    sessions = np.repeat(np.arange(1, config.n_sessions + 1), config.trials_per_session)
    volume = np.full(cortex.shape, np.nan, np.float32)
    volume[tuple(surround.T)] = estimate_ncsnr(stored, image_ids, sessions)
    write_volume(layout.ncsnr, volume)
    return np.array(gains), np.array(offsets), sample


def _write_plant(path: Path, scenes, grades, brain: Brain, responses: Responses, rows, noise: Noise, session_effects) -> None:
    """Write the ground truth as one file."""
    attended = responses.attended[rows]
    things = [scenes[i].things for i in responses.image[rows]]
    category = [t[a].category if a >= 0 else 0 for t, a in zip(things, attended)]
    tables = {"captions": grades, "factors": pd.DataFrame([factors(s) for s in scenes]),
              "near": pd.DataFrame(brain.near, index=list(CHANNELS)),
              "far": pd.DataFrame(brain.far, index=list(FEATURES))}
    gain, offset, sample = session_effects
    np.savez_compressed(
        path, **{name: table.to_json(orient="split") for name, table in tables.items()}, ncsnr=noise.ncsnr,
        expected=responses.expected().astype(np.float32), attended=attended, category=np.array(category),
        share=brain.share, selectivity=brain.selectivity, centre=brain.cortex.centre, width=brain.cortex.width,
        gain=gain, offset=offset, stray=noise.stray, sample=sample)
