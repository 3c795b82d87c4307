"""What a tree holds by other readers than ours: h5py, nibabel, scipy, csv and json, without a single check.

Written from NSD's and COCO's own descriptions of their files, for small trees. Where a damage changed a number that no other
file repeats, the loader has to find the number that is found here.
"""

from __future__ import annotations

import ast
import csv
import json
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pandas as pd
from PIL import Image
from pycocotools import mask as coco_mask
from scipy.io import loadmat

AREAS = {"V1": ("V1v", "V1d"), "V2": ("V2v", "V2d"), "V3": ("V3v", "V3d")}
NAMES = {"prf-visualrois": "V1v V1d V2v V2d V3v V3d hV4", "floc-faces": "OFA FFA-1 FFA-2 mTL-faces aTL-faces",
         "floc-bodies": "EBA FBA-1 FBA-2 mTL-bodies", "floc-places": "OPA PPA RSC",
         "floc-words": "OWFA VWFA-1 VWFA-2 mfs-words mTL-words",
         "streams": "early midventral midlateral midparietal ventral lateral parietal"}


def values(root: Path, config) -> dict:
    """All that `oracle.values` takes from a loaded subject, by name."""
    nsd, who = root / "nsddata", root / "nsddata" / "ppdata" / "subj01" / "func1pt8mm" / "roi"
    folder = root / "nsddata_betas" / "ppdata" / "subj01" / "func1pt8mm" / config.betas
    atlases = {atlas: _atlas(who, atlas) for atlas in NAMES}
    labels = {atlas: _labels(nsd / "freesurfer", atlas) for atlas in NAMES}
    if config.roi == "nsdgeneral":
        mask = _atlas(who, "nsdgeneral") > 0
    else:
        ids = [i for i, name in labels["prf-visualrois"].items() if name in AREAS[config.roi]]
        mask = np.isin(atlases["prf-visualrois"], ids)
    zyx = np.argwhere(mask.transpose(2, 1, 0))
    at = tuple(zyx[:, ::-1].T)

    design = loadmat(nsd / "experiments" / "nsd" / "nsd_expdesign.mat")
    order = design["masterordering"].ravel().astype(int) - 1
    shown = design["subjectim"][0].astype(int)[order] - 1
    per_session = len(order) // len(design["stimpattern"])
    psc = {n: _betas(folder, n, at) for n in range(1, len(design["stimpattern"]) + 1)}
    psc = {n: betas for n, betas in psc.items() if betas is not None and n <= (config.max_sessions or n)}
    trials = np.concatenate([np.arange((n - 1) * per_session, n * per_session) for n in psc])
    ids = np.unique(shown[trials])

    train, validation = _split(shown[trials], config, design["sharedix"].ravel().astype(int) - 1)
    betas = {}
    for n, here in psc.items():
        rows = np.isin(shown[(n - 1) * per_session:n * per_session], train)
        base = here[rows] if config.zscore == "session-train" and rows.sum() > 1 else here
        sd = np.where(base.max(0) > base.min(0), base.std(0), np.inf)
        betas[n] = here if config.zscore == "none" else (here - base.mean(0)) / sd
    rois = {"valid": np.all([b.max(0) > b.min(0) for b in betas.values()], axis=0)}
    for atlas, volume in atlases.items():
        here = np.full(len(zyx), -1) if volume is None else volume[at]
        named = {n: np.zeros(len(zyx), bool) for n in NAMES[atlas].split()} | \
            {name: here == i for i, name in labels[atlas].items()}
        rois |= {atlas: here > 0} | {f"streams/{n}" if atlas == "streams" else n: m for n, m in named.items()}
    rois |= {area: rois[a] | rois[b] for area, (a, b) in AREAS.items()}
    for side in ("lh", "rh"):
        if (who / f"{side}.nsdgeneral.nii.gz").exists():
            rois[side] = nib.load(who / f"{side}.nsdgeneral.nii.gz").get_fdata().reshape(mask.shape)[at] >= 0

    with open(nsd / "experiments" / "nsd" / "nsd_stim_info_merged.csv", encoding="utf-8-sig", newline="") as file:
        info = {int(float(row["nsdId"])): row for row in csv.DictReader(file)}
    pictures = _pictures(root, ids, config.image_size)
    captions, annotations = _coco(root, {i: info[i] for i in ids.tolist()}, config)
    path = folder / "ncsnr.nii.gz"
    ncsnr = nib.load(path).get_fdata().reshape(mask.shape)[at] if path.exists() else np.full(len(zyx), np.nan)
    return {"betas": np.concatenate(list(betas.values())), "image_ids": shown[trials], "trial_ids": trials,
            "sessions": trials // per_session + 1, "ids": ids, "images": pictures, "captions": captions,
            "annotations": annotations, "coords": zyx[:, ::-1], "ncsnr": ncsnr, "train": train, "validation": validation,
            "origin": "twin" if (root / "SIMULATED.json").exists() else "nsd", "valid": rois.pop("valid"), "rois": rois}


def _atlas(folder: Path, atlas: str) -> np.ndarray | None:
    paths = [folder / f"{side}{atlas}.nii.gz" for side in ("", "lh.", "rh.")]
    whole, left, right = (nib.load(p).get_fdata() if p.exists() else None for p in paths)
    if whole is None and left is not None and right is not None:
        whole = np.where(left != -1, left, right)
    return None if whole is None else whole.reshape(whole.shape[:3])


def _labels(folder: Path, atlas: str) -> dict[int, str]:
    for who in ("subj01", "fsaverage"):
        if (path := folder / who / "label" / f"{atlas}.mgz.ctab").is_file():
            rows = [line.split() for line in path.read_text(errors="replace").splitlines()]
            return {int(row[0]): row[1] for row in rows if row and row[0][0] != "#" and int(row[0]) > 0}
    return dict(enumerate(NAMES[atlas].split(), 1))


def _betas(folder: Path, number: int, at: tuple) -> np.ndarray | None:
    for end in ("hdf5", "nii.gz", "mat"):
        if (path := folder / f"betas_session{number:02d}.{end}").exists():
            if end == "nii.gz":
                return nib.load(path).get_fdata()[at].T / 300
            with h5py.File(path) as file:
                return np.stack([file["betas"][:, z, y, x].astype(float) for x, y, z in zip(*at)], 1) / 300
    return None


def _split(shown: np.ndarray, config, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array(list(dict.fromkeys(shown.tolist())))
    if config.split == "shared1000":
        return ids[~np.isin(ids, shared)], ids[np.isin(ids, shared)]
    if config.split == "random":
        ids = np.random.default_rng(config.split_seed).permutation(ids)
    n = int((1 - config.validation_fraction) * len(ids))
    return ids[:n], ids[n:]


def _pictures(root: Path, ids: np.ndarray, size: int) -> np.ndarray:
    with h5py.File(root / "nsddata_stimuli" / "stimuli" / "nsd" / "nsd_stimuli.hdf5") as file:
        whole = file["imgBrick"][ids].astype(np.uint8)
    return np.stack([np.asarray(Image.fromarray(p).resize((size, size), Image.Resampling.BICUBIC)) for p in whole])


def _coco(root: Path, info: dict[int, dict], config) -> tuple[pd.DataFrame, pd.DataFrame]:
    folder = root / "nsddata_stimuli" / "stimuli" / "nsd" / "annotations"
    files = {p.name: json.loads(p.read_text("utf-8")) for p in folder.glob("*.json")}
    captions, classes = [], set()
    for i, row in info.items():
        coco, part = int(float(row["cocoId"])), row["cocoSplit"]
        crop = ast.literal_eval(row["cropBox"]) if config.annotations == "crop" else None
        captions += dict.fromkeys((i, c["id"], " ".join(c["caption"].split()))
                                  for c in files[f"captions_{part}.json"]["annotations"]
                                  if c["image_id"] == coco and c["caption"].split())
        for kind, stem, low, high in (("thing", "instances", 1, 90), ("stuff", "stuff", 92, 182)):
            content = files[f"{stem}_{part}.json"]
            names = {c["id"]: c["name"] for c in content["categories"]}
            for a in content["annotations"]:
                if a["image_id"] == coco and low <= a["category_id"] <= high and (crop is None or _seen(content, a, crop)):
                    classes.add((i, names[a["category_id"]], kind))
    captions = pd.DataFrame(captions, columns=["image_id", "caption_id", "caption"])
    classes = pd.DataFrame(sorted(classes), columns=["image_id", "category", "kind"])
    return (captions.sort_values(["image_id", "caption_id"], kind="stable").reset_index(drop=True),
            classes.sort_values(["image_id", "kind", "category"], kind="stable").reset_index(drop=True))


def _seen(content: dict, annotation: dict, crop: tuple) -> bool:
    """Whether a pixel of an annotation is left after the crop."""
    size = next((i["height"], i["width"]) for i in content["images"] if i["id"] == annotation["image_id"])
    shape = annotation["segmentation"]
    if isinstance(shape, list):
        shape = coco_mask.merge(coco_mask.frPyObjects(shape, *size))
    elif isinstance(shape["counts"], list):
        shape = coco_mask.frPyObjects(shape, *size)
    (height, width), (top, bottom, left, right) = size, crop
    return bool(coco_mask.decode(shape)[round(height * top):height - round(height * bottom),
                                        round(width * left):width - round(width * right)].any())
