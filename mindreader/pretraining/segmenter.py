"""Pretrain the network that says what is where in a picture, and what is out of place, on the world's own masks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import core, training
from ..core import atomic_write, fingerprint, source_fingerprint, weights
from ..embedding import unit_range
from ..evaluation import haze, NO_COLOUR, Segmentation, SegmenterConfig, world_labels
from ..world import World
from .faults import with_faults

SOURCES = ("world.rendering:masks", "world.sampling:draw_scene", "evaluation.labels:world_labels")
CHUNK = 2500    # scenes between two savings
IGNORED = -100  # places that cross-entropy leaves out


@dataclass(frozen=True)
class SegmenterRecipe:
    """How the segmenter is trained.

    faulty: share of pictures with faults (`faults`); rough: share with blur and grain that a person sees, so that what is
    there is found in pictures that are not crisp; faults are not asked for in these.
    """

    minutes: float = 36
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    faulty: float = 0.5
    rough: float = 0.2
    seed: int = 0


SEGMENTER_RECIPE = SegmenterRecipe()


def pretrain_segmenter(world: World, folder: Path, recipe: SegmenterRecipe = SEGMENTER_RECIPE, *, resume: bool = False,
                       progress=None) -> dict:
    """Train the segmenter on a world's masks and on faults put into its pictures, and save it; gives the card.

    Parameters
    ----------
    world : World
    folder : Path
        Gets weights.safetensors and card.json.
    recipe, resume, progress
        As in `pretrain_clip`.
    """
    labels, config = labels_of(world, recipe.seed), SegmenterConfig()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = Segmentation(config)
    net.to(memory_format=torch.channels_last).train()

    def loss_of(step: int) -> tuple[Tensor, dict]:
        rng = np.random.default_rng([recipe.seed, 1, step])
        rows = np.sort(rng.choice(len(world.train), recipe.batch, replace=False))
        pictures, truth, odd = examples(world.pictures[rows], labels[rows], rng, recipe)
        with training.mixed_precision("bfloat16"):
            logits = net(pictures.contiguous(memory_format=torch.channels_last))
        parts = _losses(net.split(logits.float()), truth, odd)
        loss = parts["classes"] + 0.5 * parts["colours"] + parts["odd"]
        return loss, {k: round(float(v.detach()), 4) for k, v in parts.items()}

    outcome = training.pretrain("segmenter", net, loss_of, training.Budget(recipe.minutes, recipe.learning_rate,
                                                                           recipe.weight_decay), resume=resume, progress=progress)
    card = {"architecture": config.asdict(), "recipe": asdict(recipe) | {"steps": outcome["steps"]},
            "data": world.card_entry(), "seed": recipe.seed, "minutes": outcome["minutes"],
            "hardware": training.hardware(), "scores": score_segmenter(net, world, labels, recipe), "curve": outcome["curve"]}
    return weights.save_part(folder, net.state_dict(), card)


def labels_of(world: World, seed: int = 0, *, processes: int = 1) -> np.ndarray:
    """Class and colour at each place of all pictures of a world, (n, 2, places, places) uint8; made once, kept beside them.

    What an interruption leaves is not made again.
    """
    n, stream = len(world.pictures), world.path.name.partition("-")[0]
    name = f"labels-{fingerprint({'world': world.path.name, 'source': source_fingerprint(*SOURCES)})}"
    parts = []
    with core.locked(world.path.with_name(f".{name}.lock")):
        for start in range(0, n, CHUNK):
            path = world.path.with_name(f"{name}.{start:07d}.npy")
            if not path.is_file():
                rows = range(start, min(start + CHUNK, n))
                with atomic_write(path) as temporary:
                    np.save(temporary, world_labels(rows, seed=seed, stream=stream, processes=processes))
            parts.append(np.load(path))
    return np.concatenate(parts)


def examples(pixels: np.ndarray, labels: np.ndarray, rng: np.random.Generator,
             recipe: SegmenterRecipe) -> tuple[Tensor, Tensor, Tensor]:
    """A batch: pictures N3HW, class and colour at each place (N, 2, h, w), and how far it is out of place (N, h, w).

    The last is 0 or 1, and negative where it is not asked for; classes and colours are not asked for where something is out of
    place.
    """
    pictures, truth = unit_range(pixels), torch.from_numpy(labels.astype(np.int64))
    truth[truth == NO_COLOUR] = IGNORED
    mirrored = torch.from_numpy(rng.random(len(pictures)) < 0.5)
    pictures[mirrored], truth[mirrored] = pictures[mirrored].flip(3), truth[mirrored].flip(3)
    odd = torch.zeros(truth[:, 0].shape)
    faulty = np.flatnonzero(rng.random(len(pictures)) < recipe.faulty)
    if len(faulty):
        pictures[faulty], where = with_faults(pictures[faulty], rng)
        odd[faulty] = where.float()
        truth[faulty] = truth[faulty].masked_fill(where[:, None], IGNORED)
    rough = torch.from_numpy(rng.random(len(pictures)) < recipe.rough)
    odd[rough] = -1
    return torch.where(rough[:, None, None, None], haze(pictures, rng, strength=3.0), haze(pictures, rng)), truth, odd


def score_segmenter(net: nn.Module, world: World, labels: np.ndarray, recipe: SegmenterRecipe) -> dict:
    """Score held-out pictures: share of places with the right class and colour, mean overlap (IoU) of classes, AUC of faults."""
    from sklearn.metrics import roc_auc_score
    net.eval()
    rows, n_classes = world.held_out, len(net.config.classes)
    table, right_colours, n_colours, odd_true, odd_found = np.zeros((n_classes, n_classes)), 0, 0, [], []
    for k, some in enumerate(np.array_split(rows, max(1, len(rows) // 100))):
        with torch.no_grad():
            classes, colours, _ = net.split(net(unit_range(world.pictures[some])))
            pictures, _, odd = examples(world.pictures[some], labels[some], np.random.default_rng([recipe.seed, 2, k]), recipe)
            asked = odd.numpy() >= 0
            odd_true.append(odd.numpy()[asked])
            odd_found.append(net.split(net(pictures))[2].numpy()[asked])
        true, colour = labels[some][:, 0], labels[some][:, 1]
        np.add.at(table, (true, classes.argmax(1).numpy()), 1)
        coloured = colour != NO_COLOUR
        right_colours += (colours.argmax(1).numpy() == colour)[coloured].sum()
        n_colours += coloured.sum()
    overlap = np.diag(table) / np.maximum(table.sum(0) + table.sum(1) - np.diag(table), 1)
    seen = table.sum(1) > 0
    odd_true, odd_found = np.concatenate(odd_true), np.concatenate(odd_found)
    auc = roc_auc_score(odd_true, odd_found) if 0 < odd_true.mean() < 1 else np.nan
    scores = {"accuracy_class": np.trace(table) / table.sum(), "mean_overlap": overlap[seen].mean(),
              "accuracy_colour": right_colours / max(n_colours, 1), "fault_auc": auc}
    return {k: round(float(v), 4) for k, v in scores.items()}


def _losses(found: tuple[Tensor, Tensor, Tensor], truth: Tensor, odd: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of classes, of colours where there is one, and of "out of place" where it is asked for."""
    classes, colours, logit = found
    asked = odd >= 0
    wrong = F.binary_cross_entropy_with_logits(logit, odd.clamp_min(0), reduction="none")
    return {"classes": _cross_entropy(classes, truth[:, 0]), "colours": _cross_entropy(colours, truth[:, 1]),
            "odd": (wrong * asked).sum() / asked.sum().clamp_min(1)}


def _cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Its mean over the places that are asked for; 0 where none is."""
    total = F.cross_entropy(logits, truth, ignore_index=IGNORED, reduction="sum")
    return total / (truth != IGNORED).sum().clamp_min(1)
