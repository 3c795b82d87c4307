"""Fit the classifier of every input of Table 2, of its controls and of its limits, on the same trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import load_file, save_file
from torch import nn

from ... import embedding, mapping, scoring
from ...core import progress
from ...pipeline import Pipeline
from ...records import SPACES, Embeddings, LayoutError, Trials, Unfit
from ...scoring import at_trials, category_labels, CategoryLabels
from ...training import identity_of, in_batches


@dataclass(frozen=True)
class Input:
    """What a classifier is given: its key in the results, which hidden sizes it has, its row in Table 2, and what it is for.

    role: "input", "control" (should be at chance) or "limit" (what no input of this subject can pass)
    """

    key: str
    kind: str
    paper: str | None = None
    role: str = "input"


CLIP, FMRI, TO_CLIP, RESNET, TO_RESNET = "CLIP", "fMRI", "fMRI → CLIP", "ResNet", "fMRI → ResNet"
SHUFFLED, NOISELESS, FACTORS = "shuffled brain", "noiseless brain", "true factors"
TABLE_2 = (CLIP, FMRI, TO_CLIP, RESNET, TO_RESNET)
INPUTS = {
    CLIP: Input("clip", "clip", "CLIP"),
    FMRI: Input("fmri", "fmri", "fMRI"),
    TO_CLIP: Input("mapped", "clip", "fMRI-mapped CLIP"),
    RESNET: Input("resnet", "resnet", "ResNet-50"),
    TO_RESNET: Input("mapped_resnet", "resnet", "fMRI-mapped ResNet-50"),
    "fMRI → caption": Input("mapped_caption", "clip"),
    "fMRI → both": Input("mapped_both", "clip"),
    SHUFFLED: Input("shuffled", "fmri", role="control"),
    NOISELESS: Input("noiseless", "fmri", role="limit"),
    FACTORS: Input("factors", "clip", role="limit"),
}
AS_PAPER, ONE_CLASSIFIER, EQUAL = "as in the paper", "one classifier", "one classifier, as many dimensions"
VARIANTS = (AS_PAPER, ONE_CLASSIFIER, EQUAL)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained classifier and its logits for the validation trials, (n_trials, n_classes)."""

    network: nn.Module
    logits: np.ndarray

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Logits for other inputs, (n, n_inputs) -> (n, n_classes).

        Where all rows are the same, one is computed and repeated: a product of matrices may round the rows of its blocks
        differently, and rows that carry nothing would then be told apart by their last bits.
        """
        values = np.asarray(values, np.float32)
        if len(values) and (values == values[0]).all():
            return np.repeat(in_batches(self.network, values[:1]), len(values), axis=0)
        return in_batches(self.network, values)


def classifier(run: Pipeline, name: str, *, variant: str = AS_PAPER, repeat: int = 0, mask: np.ndarray | None = None,
               labels: CategoryLabels | None = None) -> Classifier:
    """The classifier of one of INPUTS, from the store or trained.

    Parameters
    ----------
    variant : one of VARIANTS
        The paper's sizes for each kind of input; the CLIP classifier's for every input; or that, with every input reduced to
        as many principal components of its training rows as the smallest has dimensions, and scaled to one variance.
    repeat : int
        The same from another seed.
    mask : (n_voxels,) bool, optional
        Trained and scored on trials with these voxels at 0, which are mapped as they are; for activity, and what is mapped from it.
    labels : CategoryLabels, optional
        Trained on these instead of the stimuli's own.

    Raises ValueError for an input that this subject does not have (see `missing`).
    """
    reason = missing(run).get(name)
    if reason:
        raise ValueError(reason)
    if name == SHUFFLED:
        fitted = classifier(run, FMRI, variant=variant, repeat=repeat, mask=mask, labels=labels)
        order = np.random.default_rng(run.experiment.child_seed("shuffled trials")).permutation(len(fitted.logits))
        return Classifier(fitted.network, fitted.logits[order])
    truth, config, kind = labels or category_labels(run.subject.stimuli), run.experiment.category, INPUTS[name].kind
    if variant != AS_PAPER:
        config = replace(config, hidden_fmri=config.hidden_clip, hidden_resnet=config.hidden_clip)

    def make(folder: Path) -> None:
        train, validation = rows(run, name, variant) if mask is None else masked_rows(run, name, mask)
        fitted = scoring.fit_categories(
            train, validation, truth, config, kind=kind, progress=progress,
            seed=run.experiment.child_seed(f"category/{name}" + (f"/{repeat}" if repeat else "")))
        np.save(folder / "logits.npy", Classifier(fitted.network, np.empty(0)).scores(
            validation.betas if isinstance(validation, Trials) else validation.vectors))
        save_file({key: value.contiguous() for key, value in fitted.network.state_dict().items()}, folder / "network.safetensors")

    return run.keep(*_stage(name, variant, repeat, mask, labels), make, _load)


def is_fitted(run: Pipeline, name: str, *, variant: str = AS_PAPER, repeat: int = 0, mask: np.ndarray | None = None) -> bool:
    """Whether the store has this `classifier`."""
    stage, extra = _stage(name, variant, repeat, mask, None)
    return run.store.has(stage, run.key(stage, extra))


def logits(run: Pipeline, names: Sequence[str] | None = None, *, variant: str = AS_PAPER, n_fits: int = 1) -> dict[str, np.ndarray]:
    """Each input's classifiers on the validation trials: name -> (n_fits, n_trials, n_classes); without those missing."""
    absent, key = missing(run), ("category logits", variant, n_fits)
    made = run.memo.setdefault(key, {})
    for name in names or INPUTS:
        if name not in absent and name not in made:
            made[name] = np.stack([classifier(run, name, variant=variant, repeat=r).logits for r in range(n_fits)])
    return {name: made[name] for name in names or INPUTS if name in made}


def missing(run: Pipeline) -> dict[str, str]:
    """Which inputs this subject does not have, each with the reason in one sentence."""
    if "missing inputs" not in run.memo:
        found = {}
        try:
            run.check_networks(("low_level",))
        except (Unfit, LayoutError) as reason:
            found |= {name: f"{name} is left out: {reason}" for name in (RESNET, TO_RESNET)}
        if run.origin != "twin":
            found |= {name: f"{name} is left out: nothing was planted in real data" for name in (NOISELESS, FACTORS)}
        elif run.experiment.data.roi != "nsdgeneral":
            found[NOISELESS] = (f"{NOISELESS} is left out: its responses are known for nsdgeneral, and data.roi is "
                                f"{run.experiment.data.roi!r}")
        run.memo["missing inputs"] = found
    return run.memo["missing inputs"]


def rows(run: Pipeline, name: str, variant: str = AS_PAPER) -> tuple[Trials | Embeddings, Trials | Embeddings]:
    """What the classifier is trained on, and scored on: one row for each trial of either side."""
    train, validation = run.subject.train, run.subject.validation
    if name == FMRI:
        pair = train, validation
    elif name in (TO_CLIP, "fMRI → caption"):
        decoded = run.mapped["image" if name == TO_CLIP else "caption"]
        pair = run.training(decoded), run.validation(decoded)
    elif name == "fMRI → both":
        pair = tuple(_beside(*(side(run.mapped[space]) for space in SPACES)) for side in (run.training, run.validation))
    elif name == TO_RESNET:
        decoded = resnet_mapped(run)
        pair = run.training(decoded), run.validation(decoded)
    else:
        of_pictures = {CLIP: lambda: run.truth["image"], RESNET: lambda: resnet_features(run), NOISELESS: lambda: _noiseless(run),
                       FACTORS: lambda: _factors(run)}[name]()
        pair = at_trials(of_pictures, train), at_trials(of_pictures, validation)
    return _reduced(run, *pair) if variant == EQUAL else pair


def masked(trials: Trials, voxels: np.ndarray) -> Trials:
    """The same trials with these voxels (n_voxels,) bool at 0, which is their mean over the session."""
    return trials.replace(np.where(voxels, np.float32(0), trials.betas))


def masked_rows(run: Pipeline, name: str, mask: np.ndarray) -> tuple[Trials | Embeddings, Trials | Embeddings]:
    """`rows` of trials with these voxels masked; ValueError for an input that is not of the brain.

    Of activity only the other voxels are given, where there are some: a classifier that is trained on voxels at 0 never uses them.
    """
    sides = run.subject.train, run.subject.validation
    if name == FMRI and not mask.all():
        return tuple(side.replace(side.betas[:, ~mask]) for side in sides)
    sides = tuple(masked(side, mask) for side in sides)
    if name == FMRI:
        return sides
    if name != TO_CLIP:
        raise ValueError(f"got {name!r}, expected {FMRI!r} or {TO_CLIP!r}: there are no voxels of it to mask")
    return tuple(Embeddings(decoded(run, side), side.image_ids, side.trial_ids, "image", "fmri") for side in sides)


def decoded(run: Pipeline, trials: Trials) -> np.ndarray:
    """What the image mapper makes of these trials; trials that are all the same give the same rows, to the bit."""
    if (trials.betas == trials.betas[0]).all():
        return np.repeat(run.mapper("image").predict(trials.take([0])).vectors, len(trials), axis=0)
    return run.mapper("image").predict(trials).vectors


def equal_size(run: Pipeline) -> int:
    """As many dimensions as the smallest of Table 2's inputs has: those to which `EQUAL` reduces all."""
    present = [name for name in (CLIP, FMRI, RESNET) if name not in missing(run)]
    sizes = {CLIP: lambda: run.truth["image"].vectors.shape[1], FMRI: lambda: run.subject.n_voxels,
             RESNET: lambda: resnet_features(run).vectors.shape[1]}
    return min(*(sizes[name]() for name in present), len(run.split.train))


def resnet_features(run: Pipeline) -> Embeddings:
    """Last-block features of every picture, pooled, scaled into [0, 1] over the training pictures (paper Table 2, fourth row)."""
    if "last block" not in run.memo:
        features = embedding.embed_pictures(run.subject.stimuli, run.low_level_net("last"), progress=progress)
        run.memo["last block"] = mapping.low_level_targets(features, run.split.train)
    return run.memo["last block"]


def resnet_mapped(run: Pipeline) -> Embeddings:
    """The same decoded from every trial by a mapper of the paper's architecture, by the recipe of the low-level one."""
    e = run.experiment

    def make(folder: Path) -> None:
        fitted = mapping.fit_mapper(run.subject.train, run.subject.validation, resnet_features(run),
                                    mapping.low_level_recipe(e.mapping), seed=e.child_seed("mapping/last block"), device=e.device,
                                    progress=progress)
        fitted.predict(run.subject.trials).save(folder)

    return run.keep("category resnet", {"what": "mapped"}, make, Embeddings.load)


def sentences(run: Pipeline) -> list[str]:
    """What the tables lack, and why: one sentence for each input and for the classes without an AUC."""
    truth = category_labels(run.subject.stimuli)
    labels = truth.at(run.subject.validation.image_ids)
    said = list(missing(run).values())
    for what, here in (("no", ~labels.any(0)), ("every", labels.all(0))):
        names = np.array(truth.names, object)[here]
        if len(names):
            said.append(f"{len(names)} of {len(truth.names)} classes are in {what} validation picture and have no AUC: "
                        f"{', '.join(names)}")
    return said


# ── private ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def _stage(name: str, variant: str, repeat: int, mask: np.ndarray | None, labels: CategoryLabels | None) -> tuple[str, dict]:
    """The stage of a classifier, and what tells it from others there; CLIP's own classifier is the one for all inputs."""
    same = variant == ONE_CLASSIFIER and INPUTS[name].kind == "clip"
    extra = {"input": name, "variant": AS_PAPER if same else variant, "repeat": repeat}
    extra |= {} if mask is None else {"mask": identity_of(mask)}
    extra |= {} if labels is None else {"labels": identity_of(labels.labels, labels.names, labels.kinds)}
    return "category resnet" if "ResNet" in name else "categories", extra


def _load(folder: Path) -> Classifier:
    weights = load_file(folder / "network.safetensors")
    layers: list[nn.Module] = []
    for place in sorted({key.split(".")[0] for key in weights}, key=int):
        n_out, n_in = weights[f"{place}.weight"].shape
        layers += [nn.ReLU()] * bool(layers) + [nn.utils.skip_init(nn.Linear, n_in, n_out)]
    network = nn.Sequential(*layers)
    network.load_state_dict(weights)
    return Classifier(network, np.load(folder / "logits.npy"))


def _beside(first: Embeddings, second: Embeddings) -> Embeddings:
    """Two embeddings of each trial, one behind the other."""
    at = second.index.get_indexer(first.index)
    return Embeddings(np.hstack([first.vectors, second.vectors[at]]), first.image_ids, first.keys, "both", first.source)


def _noiseless(run: Pipeline) -> Embeddings:
    """The planted response to each picture, attention averaged, mean 0 and variance 1 as the betas have."""
    ids = run.subject.stimuli.ids
    return Embeddings(run.plant.expected[ids], ids, np.zeros(len(ids), np.int64), "activity", "pixels")


def _factors(run: Pipeline) -> Embeddings:
    """All factors of each scene, those that are names as one column for each; mean 0 and variance 1."""
    ids = run.subject.stimuli.ids
    named = [name for name in ("category", "colour", "ground", "light", "weather") if name in run.plant.factors]
    table = pd.get_dummies(run.plant.factors.loc[ids], columns=named).astype(np.float32).to_numpy()
    table = (table - table.mean(0)) / np.maximum(table.std(0), 1e-6)
    return Embeddings(table.astype(np.float32), ids, np.zeros(len(ids), np.int64), "factors", "pixels")


def _reduced(run: Pipeline, train, validation):
    """Both on the first principal components of the training rows, scaled to a mean variance of 1."""
    from sklearn.decomposition import PCA  # here and not above: only this control needs it

    matrix, other = ((part.betas if isinstance(part, Trials) else part.vectors) for part in (train, validation))
    seed = run.experiment.child_seed("principal components") % 2**32
    found = PCA(min(equal_size(run), matrix.shape[1]), random_state=seed).fit(matrix)
    scale = np.sqrt(found.explained_variance_.mean())
    return tuple(Embeddings((found.transform(part) / scale).astype(np.float32), side.image_ids,
                            side.trial_ids if isinstance(side, Trials) else side.keys, "components", "fmri")
                 for part, side in ((matrix, train), (other, validation)))
